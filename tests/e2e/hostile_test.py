"""A sender that breaks the rules, built from the library, against the real receiver: one line, the right code, nothing there."""

import os
import subprocess

from jetway import DEADLINE, PROGRAM, EndToEndTest

HOSTILE_SENDER = os.environ.get("HOSTILE_SENDER", os.path.join(os.path.dirname(PROGRAM), "../tests/hostile_sender"))


class HostileTest(EndToEndTest):
    def attack(self, how):
        """The exit code of the receiver and the line that it failed with."""
        receiver = self.bob.start("receive", "--once", "--any", "--listen", f"unix://{self.bob.home}/socket", "--dir", self.bob.inbox)
        to = receiver.wait_for_text(r"--to (\S+)")[1]
        sender = subprocess.run([HOSTILE_SENDER, to, how], capture_output=True, text=True, timeout=DEADLINE, check=False)
        code = receiver.wait()
        self.assertEqual(sender.returncode, 0, receiver.stderr)
        self.assertEqual(os.listdir(self.bob.inbox), [])
        failed = [line for line in receiver.stderr.splitlines() if line.startswith("failed")]
        self.assertEqual(len(failed), 1, receiver.stderr)
        self.assertTrue(receiver.stderr.endswith(failed[0] + "\n"), receiver.stderr)
        self.assertIn(sender.stdout.strip(), failed[0])
        return code, failed[0]

    def test_a_chunk_that_is_not_what_was_announced(self):
        code, line = self.attack("wrong-chunk")
        self.assertEqual(code, 4, line)
        self.assertRegex(line, r"^failed \(from jw.*\): 'file': chunk 0 is not what was announced; run again to continue$")

    def test_names_and_links_that_lead_elsewhere(self):
        for how, text in (("outside-link", "absolute"), ("climbing-link", "leaves the folder"), ("climbing-name", "'..'"),
                          ("absolute-name", "absolute"), ("nul-name", "NUL"), ("name-twice", "fall together"), ("beneath-a-link", "needs it to be a folder")):  # fmt: skip
            with self.subTest(how=how):
                code, line = self.attack(how)
                self.assertEqual(code, 1, line)
                self.assertIn(text, line)
