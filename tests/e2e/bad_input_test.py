"""What users do wrong and what the machine refuses: one clear line, the documented exit code, nothing broken."""

import os
import socket
import subprocess
import sys

from jetway import EndToEndTest, unittest

IS_ROOT = os.geteuid() == 0


class BadInputTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.file = self.make_file("file", 1000)

    def assert_refused(self, process, code, *texts):
        self.assertEqual(process.code, code, process.stderr)
        for text in texts:
            self.assertIn(text, process.stderr)
        self.assertNotIn("terminate called", process.stderr)

    def test_wrong_usage(self):
        for words in ([], ["fly"], ["send"], ["send", self.file], ["send", "--nonsense"], ["receive", "--max-bytes", "x"],
                      ["send", self.file, "--to", "tcp://"], ["send", self.file, "--to", "ftp://host"],
                      ["receive", "--listen", "tcp://127.0.0.1:99999"], ["receive", "--fsync", "perhaps"]):  # fmt: skip
            with self.subTest(words=words):
                self.assert_refused(self.alice.run(*words), 2)

    def test_bad_configuration(self):
        self.alice.configure("[receive]\ndri = '.'\n")
        self.assert_refused(self.alice.run("id"), 2, "config.toml:2:1", "did you mean receive.dir?")
        self.alice.configure("[receive]\nany = 3\n")
        self.assert_refused(self.alice.run("id"), 2, "config.toml:2:7", "true or false")
        self.alice.configure("[receive\n")
        self.assert_refused(self.alice.run("id"), 2, "config.toml:1:")

    def test_no_home(self):
        process = self.alice.run("id", env={"HOME": ""})
        self.assert_refused(process, 2, "HOME")

    def test_missing_source(self):
        receiver = self.bob.listen()
        self.assert_refused(self.alice.send(self.root / "nothing", to=receiver.to), 6, "nothing")

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        to = f"{self.bob.id}@tcp://127.0.0.1:{port}"
        self.assert_refused(self.alice.send(self.file, to=to), 5, f"127.0.0.1:{port}")

    def test_port_in_use(self):
        receiver = self.bob.listen()
        again = self.alice.run("receive", "--listen", receiver.address, "--dir", self.root)
        self.assert_refused(again, 6, "another program listens there")

    def test_missing_target(self):
        process = self.bob.run("receive", "--dir", self.root / "missing")
        self.assert_refused(process, 6, "missing", "mkdir -p")
        self.assert_refused(self.bob.run("receive", "--dir", self.file), 6, "not a folder")

    def test_names_that_fall_together(self):
        other = self.make_file("other/file", 10)
        receiver = self.bob.listen()
        process = self.alice.send(self.file, other, to=receiver.to)
        self.assertIn(process.code, (1, 2, 6), process.stderr)
        self.assertIn(str(self.file), process.stdout + process.stderr)
        self.assertIn(str(other), process.stdout + process.stderr)

    def test_a_link_that_leaves_the_folder_of_a_receiver_that_did_not_allow_it(self):
        for target in ("/etc/passwd", "../../elsewhere", "x/../../.."):
            with self.subTest(target=target):
                top = self.make_file(f"{target.count('.')}/file", 10).parent
                os.symlink(target, top / "evil")
                receiver = self.bob.listen("--once")
                process = self.alice.send(top, "--outside-links", "keep", to=receiver.to, flags=())
                self.assert_refused(process, 1, "evil", target)
                self.assertEqual(receiver.wait(), 1, receiver.stderr)
                self.assertFalse(os.path.lexists(self.bob.inbox / top.name / "evil"))

    def test_limits_of_a_receiver(self):
        for number in range(5):
            self.make_file(f"many/{number}", 1000)
        receiver = self.bob.listen("--max-files", "3")
        process = self.alice.send(self.root / "many", to=receiver.to)
        self.assertEqual(process.code, 3, process.stdout + process.stderr)
        large = self.make_file("large", 100_000)
        receiver = self.bob.listen("--max-bytes", "50k")
        process = self.alice.send(large, to=receiver.to)
        self.assertEqual(process.code, 3, process.stdout + process.stderr)
        self.assertFalse((self.bob.inbox / "large").exists())

    def test_once_ends_with_the_code_of_its_transfer(self):
        receiver = self.bob.listen("--once", "--max-bytes", "10")
        self.assertEqual(self.alice.send(self.file, to=receiver.to).code, 3)
        self.assertEqual(receiver.wait(), 1)

    @unittest.skipUnless(IS_ROOT, "needs root for a file system of its own")
    def test_full_and_read_only_targets(self):
        """In a mount namespace of its own, so that the mounts go with this process."""
        script = os.path.join(os.path.dirname(__file__), "small_disk.py")
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode == 77:
            self.skipTest(done.stdout.strip())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
