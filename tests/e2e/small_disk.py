"""Receivers on a full and on a read-only disk. Run by bad_input_test.py in a process of its own, since it leaves
the mount namespace for a private one. Ends with 77 and the reason where that is not possible."""

import ctypes
import os
import sys

from jetway import EndToEndTest, unittest

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_REMOUNT, MS_REC, MS_PRIVATE = 1, 32, 16384, 1 << 18
LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, flags, data):
    if LIBC.mount(source, os.fsencode(target), kind, ctypes.c_ulong(flags), data) != 0:
        raise OSError(ctypes.get_errno(), f"mount {target}")


class SmallDiskTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        mount(b"tmpfs", self.bob.inbox, b"tmpfs", 0, b"size=4m")
        self.addCleanup(LIBC.umount2, os.fsencode(self.bob.inbox), 2)

    def test_a_full_disk_ends_the_transfer_and_room_continues_it(self):
        file = self.make_file("large", 6_000_000)
        receiver = self.bob.listen("--once")
        sender = self.alice.send(file, to=receiver.to)
        self.assertEqual(sender.code, 1, sender.stderr)
        self.assertEqual(receiver.wait(), 6, receiver.stdout)
        self.assertRegex(receiver.events("failed")[0]["reason"], "(?i)space|full")
        mount(b"tmpfs", self.bob.inbox, b"tmpfs", MS_REMOUNT, b"size=64m")
        receiver = self.bob.listen("--once")
        self.assert_done(self.alice.send(file, to=receiver.to))
        self.assert_same_file(file, self.bob.inbox / "large")

    def test_a_read_only_disk_is_noticed_before_listening(self):
        mount(b"tmpfs", self.bob.inbox, b"tmpfs", MS_REMOUNT | MS_RDONLY, b"")
        process = self.bob.run("receive", "--dir", self.bob.inbox, "--listen", "127.0.0.1:0")
        self.assertEqual(process.code, 6, process.stderr)
        self.assertIn("Read-only file system", process.stderr)


if __name__ == "__main__":
    try:
        if LIBC.unshare(CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        mount(None, "/", None, MS_REC | MS_PRIVATE, None)
    except OSError as error:
        print(f"no private mount namespace: {error}")
        sys.exit(77)
    unittest.main()
