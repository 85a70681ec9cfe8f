"""Several at once: senders, the same send twice, and strangers that talk nonsense."""

import os
import socket

from jetway import EndToEndTest, Peer, time
from proxy import Proxy, host_and_port


class ConcurrencyTest(EndToEndTest):
    def test_many_senders_at_once(self):
        receiver = self.bob.listen()
        senders = []
        for number in range(6):
            file = self.make_file(f"file{number}", self.random.randrange(1, 4_000_000))
            senders.append((file, Peer(self, f"peer{number}").start_send(file, to=receiver.to)))
        for file, sender in senders:
            self.assertEqual(sender.wait(), 0, sender.stderr)
            self.assert_same_file(file, self.bob.inbox / file.name)

    def test_the_same_send_twice_at_once(self):
        file = self.make_file("big", 40_000_000)
        receiver = self.bob.listen()
        proxy = Proxy(receiver.address, bytes_per_second=20_000_000)
        self.addCleanup(proxy.close)
        senders = [self.alice.start_send(file, to=proxy.address_of(receiver)) for _ in range(2)]
        moved = 0
        for sender in senders:
            self.assertEqual(sender.wait(), 0, sender.stdout + sender.stderr)
            moved += sender.events("completed")[0]["bytes_moved"]
        self.assert_same_file(file, self.bob.inbox / "big")
        self.assertEqual(os.listdir(self.bob.inbox), ["big"])
        self.assertLess(moved, 60_000_000)  # the second had little to do

    def test_the_same_send_to_two_receivers_of_one_folder(self):
        """They share no state, so that only the partial files themselves tell them apart."""
        file = self.make_file("big", 30_000_000)
        carol = Peer(self, "carol")
        senders = []
        for number, peer in enumerate((self.bob, carol)):
            receiver = peer.listen("--dir", self.bob.inbox)
            proxy = Proxy(receiver.address, bytes_per_second=20_000_000)
            self.addCleanup(proxy.close)
            senders.append(self.alice.start_send(file, to=proxy.address_of(receiver)))
            if number == 0:
                receiver.wait_for_event("progress")
        for sender in senders:
            self.assertEqual(sender.wait(), 0, sender.stdout + sender.stderr)
        self.assertEqual(sorted(os.listdir(self.bob.inbox)), ["big", "big (1)"])
        for name in ("big", "big (1)"):
            self.assert_same_file(file, self.bob.inbox / name)

    def test_one_that_fails_does_not_end_the_receiver(self):
        file = self.make_file("big", 30_000_000)
        receiver = self.bob.listen()
        proxy = Proxy(receiver.address, bytes_per_second=20_000_000)
        self.addCleanup(proxy.close)
        sender = self.alice.start_send(file, to=proxy.address_of(receiver))
        receiver.wait_for_event("progress")
        sender.kill()
        receiver.wait_for_event("failed")
        self.assert_done(Peer(self, "carol").send(self.make_file("small", 10), to=receiver.to))

    def test_nonsense_does_not_disturb_a_transfer(self):
        file = self.make_file("big", 20_000_000)
        receiver = self.bob.listen()
        proxy = Proxy(receiver.address, bytes_per_second=20_000_000)
        self.addCleanup(proxy.close)
        sender = self.alice.start_send(file, to=proxy.address_of(receiver))
        sender.wait_for_event("progress")
        host, port = host_and_port(receiver.address)
        for garbage in (b"", b"GET / HTTP/1.1\r\n\r\n", self.random.randbytes(100_000), b"\xde\xad\xbe\xef" * 1000,
                        b"\xde\xad\xbe\xef\x01\x00\xff\xff\xff\xff"):  # fmt: skip
            with socket.create_connection((host, port)) as stranger:
                try:
                    stranger.sendall(garbage)
                except OSError:
                    pass  # it may hang up before it has heard all
        idle = [socket.create_connection((host, port)) for _ in range(20)]
        self.assertEqual(sender.wait(), 0, sender.stderr)
        for each in idle:
            each.close()
        self.assert_same_file(file, self.bob.inbox / "big")

    def test_who_connects_and_says_nothing_is_sent_away(self):
        self.bob.configure("network.handshake_timeout = '300ms'\n")
        receiver = self.bob.listen()
        host, port = host_and_port(receiver.address)
        with socket.create_connection((host, port), timeout=20) as silent:
            started = time.monotonic()
            while silent.recv(4096):
                pass
            self.assertLess(time.monotonic() - started, 10)
