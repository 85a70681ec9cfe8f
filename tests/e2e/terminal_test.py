"""What a person at a terminal sees and is asked, through a pseudo-terminal."""

import os
import pty
import re
import select
import subprocess
import unittest

from jetway import DEADLINE, PROGRAM, EndToEndTest, signal, time
from proxy import Proxy


class Terminal:
    """The command in a terminal of its own."""

    def __init__(self, peer, arguments):
        self.text = ""
        try:
            self.main, child = pty.openpty()
        except OSError as error:  # a container without /dev/pts
            raise unittest.SkipTest(f"there are no terminals here: {error}") from error
        environment = peer.environment(TERM="xterm", COLUMNS="100")
        self.process = subprocess.Popen(
            [PROGRAM, *map(os.fspath, arguments)], stdin=child, stdout=child, stderr=child,
            env=environment, start_new_session=True)  # fmt: skip
        os.close(child)

    def read(self, seconds=0.1):
        ready, _, _ = select.select([self.main], [], [], seconds)
        if not ready:
            return False
        try:
            block = os.read(self.main, 65536)
        except OSError:
            return False
        self.text += block.decode(errors="replace")
        return bool(block)

    def expect(self, pattern):
        deadline = time.monotonic() + DEADLINE
        while not (found := re.search(pattern, self.text)):
            self.read()
            if time.monotonic() > deadline or (self.process.poll() is not None and not self.read()):
                raise AssertionError(f"no {pattern!r} in {self.text!r}")
        return found

    def type(self, text):
        os.write(self.main, text.encode())

    def wait(self):
        while self.process.poll() is None:
            self.read()
        while self.read(0):
            pass
        return self.process.wait(DEADLINE)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)
        os.close(self.main)


class TerminalTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.file = self.make_file("file", 100_000)

    def terminal(self, peer, *arguments):
        terminal = Terminal(peer, arguments)
        self.addCleanup(terminal.close)
        return terminal

    def test_an_unknown_receiver_is_asked_about_once(self):
        receiver = self.bob.listen()
        sender = self.terminal(self.alice, "send", self.file, "--to", receiver.address)
        sender.expect(r"\[y/N\] ")
        self.assertIn(self.bob.id, sender.text)
        sender.type("what?\n")
        sender.expect(r"y or n\?")
        sender.type("y\n")
        self.assertEqual(sender.wait(), 0, sender.text)
        again = self.terminal(self.alice, "send", self.file, "--to", receiver.address)
        self.assertEqual(again.wait(), 0, again.text)
        self.assertNotIn("[y/N]", again.text)

    def test_no_is_no(self):
        receiver = self.bob.listen()
        sender = self.terminal(self.alice, "send", self.file, "--to", receiver.address)
        sender.expect(r"\[y/N\] ")
        sender.type("\n")
        self.assertEqual(sender.wait(), 3, sender.text)

    def test_ctrl_c_at_a_question(self):
        receiver = self.bob.listen()
        sender = self.terminal(self.alice, "send", self.file, "--to", receiver.address)
        sender.expect(r"\[y/N\] ")
        sender.process.send_signal(signal.SIGINT)
        self.assertEqual(sender.wait(), 130, sender.text)

    def receive_at_terminal(self, *flags):
        receiver = self.terminal(self.bob, "receive", "-l", "127.0.0.1:0", "-d", self.bob.inbox, *flags)
        to = receiver.expect(r"jetway send FILE --to (jw\S+?:\d+)").group(1)
        return receiver, to

    def test_an_unknown_sender_and_its_transfer_are_asked_about(self):
        receiver, to = self.receive_at_terminal("--once")
        sender = self.alice.start_send(self.file, to=to)
        receiver.expect(r"wants to send[^?]*\?[^?]*\[y/N\] ")
        self.assertIn(self.alice.id, receiver.text)
        receiver.type("y\n")
        receiver.expect(r"Accept file.*\? \[Y/n\] ")
        receiver.type("\n")
        self.assertEqual(receiver.wait(), 0, receiver.text)
        self.assertEqual(sender.wait(), 0, sender.stderr)
        self.assert_same_file(self.file, self.bob.inbox / "file")
        self.assertIn(self.alice.id, (self.bob.home / ".config/jetway/allowed_peers").read_text())

    def test_a_transfer_that_is_not_accepted(self):
        receiver, to = self.receive_at_terminal("--any")
        sender = self.alice.start_send(self.file, to=to)
        receiver.expect(r"\[Y/n\] ")
        receiver.type("n\n")
        self.assertEqual(sender.wait(), 3, sender.stdout + sender.stderr)
        self.assertEqual(os.listdir(self.bob.inbox), [])

    def test_yes_asks_about_peers_only(self):
        receiver, to = self.receive_at_terminal("--yes")
        sender = self.alice.start_send(self.file, to=to)
        receiver.expect(r"\[y/N\] ")
        receiver.type("y\n")
        self.assertEqual(sender.wait(), 0, sender.stderr)
        self.assertNotIn("[Y/n]", receiver.text)

    def test_a_bar_moves_while_a_transfer_runs(self):
        receiver = self.bob.listen()
        proxy = Proxy(receiver.address, bytes_per_second=20_000_000)
        self.addCleanup(proxy.close)
        big = self.make_file("big", 30_000_000)
        sender = self.terminal(self.alice, "send", big, "--to", proxy.address_of(receiver))
        sender.expect(r"\r\x1b\[K.*━.*\d+%  [\d.]+ .?B of 30\.0 MB  [\d.]+ .?B/s")
        self.assertEqual(sender.wait(), 0, sender.text)
        result, root = sender.text.rstrip().splitlines()[-2:]  # too long for one line of 80 columns
        self.assertRegex(result, r"sent 1 file, 30\.0 MB")
        self.assertRegex(root, r"^  root [0-9a-f]{64}$")
