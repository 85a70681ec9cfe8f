"""A killed transfer continues: what was verified is not sent twice, and what arrives is right."""

import shutil

from jetway import EndToEndTest, signal, time
from proxy import Proxy

SIZE = 48_000_000


class ResumeTest(EndToEndTest):
    protocol = "tcp"

    def setUp(self):
        super().setUp()
        if self.protocol == "jsp":
            # A process that is gone says nothing over UDP: only its silence tells.
            for peer in (self.alice, self.bob):
                peer.configure("network.idle_timeout = '3s'\nnetwork.keepalive = '1s'\n")
        self.transfers_seen = 0  # by the receiver at hand
        self.file = self.make_file("big", SIZE)
        for number in range(50):
            self.make_file(f"tree/{number}", self.random.randrange(200_000))
        self.make_file("tree/zz-big", 20_000_000)

    def wait_for_bytes(self, receiver, bytes_moved):
        """Until so much of the latest transfer is there: a sender's bytes may still be in some buffer on the way."""

        def has_come():
            events = receiver.events()
            offers = [index for index, event in enumerate(events) if event["event"] == "offered"]
            latest = events[offers[-1] :] if len(offers) > self.transfers_seen else []
            return any(event.get("bytes_moved", 0) >= bytes_moved for event in latest if event["event"] == "progress")

        receiver.wait_for(has_come, f"{bytes_moved} bytes")
        self.transfers_seen += 1

    def slowed(self, receiver):
        """A proxy in front of a receiver that lets it be interrupted in time, and the address to send to."""
        proxy = Proxy(receiver.address, bytes_per_second=20_000_000, protocol=self.protocol)
        self.addCleanup(proxy.close)
        return proxy.address_of(receiver)

    def assert_resumed(self, sender, total):
        self.assert_done(sender)
        completed = sender.events("completed")[0]
        self.assertGreater(completed["bytes_resumed"], 0, completed)
        self.assertEqual(completed["bytes_total"], total)
        self.assertEqual(completed["bytes_moved"] + completed["bytes_resumed"], total)

    def test_killed_sender(self):
        receiver = self.bob.listen()
        for _ in range(3):
            sender = self.alice.start_send(self.file, to=self.slowed(receiver))
            self.wait_for_bytes(receiver, self.random.randrange(1_000_000, 10_000_000))
            sender.signal(signal.SIGKILL)
            sender.wait()
        sender = self.alice.send(self.file, to=receiver.to)
        self.assert_resumed(sender, SIZE)
        self.assert_same_file(self.file, self.bob.inbox / "big")
        self.assert_nothing_partial(self.bob.inbox)
        failed = receiver.events("failed")
        self.assertTrue(failed and all(event["exit_code"] == 5 for event in failed), failed)

    def test_killed_receiver(self):
        for _ in range(3):
            receiver = self.bob.listen()
            self.transfers_seen = 0
            sender = self.alice.start_send(self.file, to=self.slowed(receiver))
            self.wait_for_bytes(receiver, self.random.randrange(1_000_000, 10_000_000))
            receiver.signal(signal.SIGKILL)
            receiver.wait()
            self.assertEqual(sender.wait(), 5, sender.stderr)
            self.assertTrue(sender.events("resumable"), sender.stdout)
        receiver = self.bob.listen()
        self.assert_resumed(self.alice.send(self.file, to=receiver.to), SIZE)
        self.assert_same_file(self.file, self.bob.inbox / "big")
        self.assert_nothing_partial(self.bob.inbox)

    def test_killed_in_the_middle_of_a_tree(self):
        receiver = self.bob.listen()
        total = sum(path.stat().st_size for path in (self.root / "tree").iterdir())
        sender = self.alice.start_send(self.root / "tree", to=self.slowed(receiver))
        self.wait_for_bytes(receiver, 8_000_000)
        sender.signal(signal.SIGKILL)
        sender.wait()
        self.assert_resumed(self.alice.send(self.root / "tree", to=receiver.to), total)
        for path in (self.root / "tree").iterdir():
            self.assert_same_file(path, self.bob.inbox / "tree" / path.name)

    def test_killed_receiver_whose_state_was_deleted(self):
        receiver = self.bob.listen()
        sender = self.alice.start_send(self.file, to=self.slowed(receiver))
        self.wait_for_bytes(receiver, 8_000_000)
        receiver.kill()
        self.assertEqual(sender.wait(), 5, sender.stderr)
        shutil.rmtree(self.bob.home / ".local/state/jetway")
        receiver = self.bob.listen()
        self.assert_resumed(self.alice.send(self.file, to=receiver.to), SIZE)
        self.assert_same_file(self.file, self.bob.inbox / "big")
        self.assert_nothing_partial(self.bob.inbox)

    def test_ctrl_c_prints_the_command_that_continues(self):
        receiver = self.bob.listen()
        odd = self.make_file("it's odd", 40_000_000)
        sender = self.alice.start_send(odd, to=self.slowed(receiver), flags=())
        self.wait_for_bytes(receiver, 5_000_000)
        sender.signal(signal.SIGINT)
        self.assertEqual(sender.wait(), 130, sender.stderr)
        self.assertIn("interrupted", sender.stderr)
        self.assertRegex(sender.stderr, r"send '.*/it'\\''s odd' --to jw")
        self.assert_resumed(self.alice.send(odd, to=receiver.to), 40_000_000)

    def test_sigterm_ends_a_receiver_orderly(self):
        receiver = self.bob.listen()
        sender = self.alice.start_send(self.file, to=self.slowed(receiver))
        self.wait_for_bytes(receiver, 4_000_000)
        receiver.signal(signal.SIGTERM)
        self.assertEqual(receiver.wait(), 130)
        self.assertEqual(sender.wait(), 5, sender.stderr)
        idle = self.bob.listen()
        idle.signal(signal.SIGTERM)
        self.assertEqual(idle.wait(), 0, idle.stderr)

    def test_a_receiver_that_stands_still_is_given_up(self):
        self.alice.configure("network.stalled_timeout = '2s'\nnetwork.idle_timeout = '3s'\nnetwork.keepalive = '1s'\n")
        receiver = self.bob.listen()
        sender = self.alice.start_send(self.file, to=self.slowed(receiver))
        self.wait_for_bytes(receiver, 5_000_000)
        receiver.signal(signal.SIGSTOP)
        started = time.monotonic()
        self.assertEqual(sender.wait(), 5, sender.stderr)
        self.assertLess(time.monotonic() - started, 30)
        receiver.signal(signal.SIGCONT)
        self.assert_resumed(self.alice.send(self.file, to=receiver.to), SIZE)

    def test_a_partial_file_that_was_changed_never_becomes_a_wrong_file(self):
        receiver = self.bob.listen()
        sender = self.alice.start_send(self.file, to=self.slowed(receiver))
        self.wait_for_bytes(receiver, 10_000_000)
        sender.kill()
        receiver.wait_for_event("failed")
        (partial,) = self.bob.inbox.glob(".jetway-*")
        with open(partial, "r+b") as file:
            file.seek(1_000_000)
            file.write(b"x" * 100)
        again = self.alice.send(self.file, to=receiver.to)
        self.assertIn(again.code, (0, 4), again.stdout + again.stderr)
        if again.code == 4:
            self.assertFalse((self.bob.inbox / "big").exists())
            self.assert_done(self.alice.send(self.file, to=receiver.to))
        self.assert_same_file(self.file, self.bob.inbox / "big")

    def test_a_source_that_changes_while_it_is_read_is_not_passed_on(self):
        receiver = self.bob.listen()
        sender = self.alice.start_send(self.file, to=self.slowed(receiver))
        self.wait_for_bytes(receiver, 5_000_000)
        with open(self.file, "r+b") as file:
            file.seek(SIZE - 1000)
            file.write(self.random.randbytes(2000))
        self.assertEqual(sender.wait(), 1, sender.stdout + sender.stderr)
        self.assertIn("big", sender.stdout)
        self.assertFalse((self.bob.inbox / "big").exists())
        self.assert_done(self.alice.send(self.file, to=receiver.to))
        self.assert_same_file(self.file, self.bob.inbox / "big")


class JspResumeTest(ResumeTest):
    protocol = "jsp"
