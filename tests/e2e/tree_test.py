"""Trees arrive as they were: names, types, modes, times, content."""

import os

from jetway import EndToEndTest, tree

ODD_NAMES = [
    b"new\nline", b"esc\x1b[2J", b"not utf-8 \xff\xfe", b"-rf", b" lead and trail ", b"back\\slash", b"quote'\"",
    b"n" * 255, "\u202egnp.exe".encode(), "日本語".encode(), b"*", b"$HOME", b"~", b"com:1", b".hidden", b"...",
]  # fmt: skip


class TreeTest(EndToEndTest):
    def make_tree(self):
        top = os.fsencode(self.root / "top")
        os.makedirs(top + b"/empty/in/empty")
        for number, name in enumerate(ODD_NAMES):
            path = os.path.join(top, name)
            with open(path, "wb") as file:
                file.write(b"content of " + name)
            os.chmod(path, [0o644, 0o600, 0o755, 0o444][number % 4])
            os.utime(path, ns=(0, 1_500_000_000_123_456_789 + number))
        with open(top + b"/large", "wb") as file:
            file.write(self.random.randbytes(5_000_000))
        open(top + b"/empty file", "wb").close()
        os.symlink(b"large", top + b"/link")
        os.symlink(b"../large", top + b"/empty/link up")
        os.symlink(b"nowhere", top + b"/dangling")
        os.utime(top + b"/dangling", ns=(0, 1_450_000_000_000_000_001), follow_symlinks=False)
        os.chmod(top + b"/empty", 0o750)
        for folder in (b"/empty/in/empty", b"/empty/in", b"/empty"):
            os.utime(top + folder, ns=(0, 1_400_000_000_000_000_000))
        return self.root / "top"

    def test_everything_arrives_as_it_was(self):
        top = self.make_tree()
        receiver = self.bob.listen("--once")
        sender = self.alice.send(top, to=receiver.to)
        self.assert_done(sender)
        self.assertEqual(receiver.wait(), 0)
        self.assertEqual(tree(top), tree(self.bob.inbox / "top"))
        self.assert_nothing_partial(self.bob.inbox)
        self.assertEqual(sender.events("completed")[0]["root"], receiver.events("completed")[0]["root"])

    def test_over_a_unix_socket_too(self):
        top = self.make_tree()
        receiver = self.bob.listen(address=f"unix://{self.bob.home}/socket")
        self.assert_done(self.alice.send(top, to=receiver.to))
        self.assertEqual(tree(top), tree(self.bob.inbox / "top"))
        self.assertEqual(os.stat(self.bob.home / "socket").st_mode & 0o777, 0o600)

    def test_several_paths_in_one_command(self):
        paths = [self.make_file(f"from/{name}", size) for name, size in (("a", 0), ("b", 1), ("c", 3_000_000))]
        receiver = self.bob.listen()
        self.assert_done(self.alice.send(*paths, to=receiver.to))
        for path in paths:
            self.assert_same_file(path, self.bob.inbox / path.name)

    def test_many_small_files(self):
        top = self.root / "many"
        for number in range(1000):
            self.make_file(f"many/{number % 10}/{number}", self.random.randrange(8000))
        receiver = self.bob.listen()
        self.assert_done(self.alice.send(top, to=receiver.to))
        self.assertEqual(tree(top), tree(self.bob.inbox / "many"))

    def test_a_second_send_moves_nothing(self):
        self.make_file("top/large", 6_000_000)
        for number in range(20):
            self.make_file(f"top/small{number}", 1000)
        receiver = self.bob.listen()
        self.assert_done(self.alice.send(self.root / "top", to=receiver.to))
        again = self.alice.send(self.root / "top", to=receiver.to)
        self.assert_done(again)
        self.assertEqual(again.events("completed")[0]["bytes_moved"], 0)
        self.assertEqual(tree(self.root / "top"), tree(self.bob.inbox / "top"))

    def make_tree_with_an_outside_link(self):
        self.make_file("top/file", 1000)
        os.symlink("file", self.root / "top/inside")
        os.symlink("/etc/pass\x1bwd", self.root / "top/outside")
        return self.root / "top"

    def test_a_link_to_outside_is_left_out_and_the_rest_arrives(self):
        top = self.make_tree_with_an_outside_link()
        receiver = self.bob.listen()
        sender = self.alice.send(top, to=receiver.to, flags=())
        self.assertEqual(sender.code, 1, sender.stderr)
        lines = [line for line in sender.stderr.splitlines() if "outside" in line]
        self.assertEqual(lines, [f"warning: left out: a link to outside of what is sent: {top}/outside -> "
                                 "/etc/pass\\u{1b}wd; see --outside-links"])  # fmt: skip
        self.assertIn("; 1 left out;", sender.stderr)
        self.assertEqual(sorted(os.listdir(self.bob.inbox / "top")), ["file", "inside"])
        again = self.alice.send(top, to=receiver.to)
        self.assertEqual(again.code, 1, again.stderr)
        self.assertEqual(again.events("completed")[0]["left_out"], 1)
        skipping = self.alice.send(top, "--outside-links", "skip", to=receiver.to)
        self.assert_done(skipping)
        self.assertEqual((skipping.events("completed")[0]["left_out"], skipping.events("warning")), (0, []))

    def test_nothing_but_a_link_to_outside(self):
        os.symlink("/etc/passwd", self.root / "alone")
        receiver = self.bob.listen("--once")
        sender = self.alice.send(self.root / "alone", to=receiver.to)
        self.assertEqual(sender.code, 1, sender.stderr)
        self.assertEqual(len(sender.events("warning")), 1)
        self.assertEqual(receiver.wait(), 0, receiver.stderr)
        self.assertEqual(os.listdir(self.bob.inbox), [])

    def test_a_link_to_outside_arrives_when_both_sides_say_so(self):
        top = self.make_tree_with_an_outside_link()
        receiver = self.bob.listen("--allow-outside-links")
        self.assert_done(self.alice.send(top, "--outside-links", "keep", to=receiver.to))
        self.assertEqual(tree(top), tree(self.bob.inbox / "top"))

    def collide(self, *flags):
        """Sends a file whose name is taken by another one."""
        path = self.make_file("name.txt", 1000)
        (self.bob.inbox / "name.txt").write_text("mine")
        receiver = self.bob.listen(*flags)
        self.assert_done(self.alice.send(path, to=receiver.to))
        return path

    def test_a_taken_name_is_kept_and_the_new_file_renamed(self):
        path = self.collide()
        self.assertEqual((self.bob.inbox / "name.txt").read_text(), "mine")
        self.assert_same_file(path, self.bob.inbox / "name (1).txt")

    def test_overwrite_replaces(self):
        path = self.collide("--overwrite")
        self.assert_same_file(path, self.bob.inbox / "name.txt")

    def test_skip_leaves(self):
        self.collide("--skip")
        self.assertEqual((self.bob.inbox / "name.txt").read_text(), "mine")
        self.assertEqual(os.listdir(self.bob.inbox), ["name.txt"])
