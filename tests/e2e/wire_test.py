"""What somebody on the wire sees: neither content, nor names, nor who is talking."""

import base64
import pathlib
import subprocess

from jetway import EndToEndTest
from proxy import Proxy

MARK = b"this text must not be seen by anybody else"


class WireTest(EndToEndTest):
    protocol = "tcp"

    def proxy(self, receiver, **how):
        proxy = Proxy(receiver.address, protocol=self.protocol, **how)
        self.addCleanup(proxy.close)
        return proxy

    def test_nothing_of_a_transfer_is_readable_on_the_wire(self):
        folder = self.root / "folder-with-a-telling-name"
        folder.mkdir()
        (folder / "telling-file-name.txt").write_bytes(MARK * 1000)
        (folder / "telling-link").symlink_to("telling-file-name.txt")
        (folder / "another").write_bytes(self.random.randbytes(300_000))
        receiver = self.bob.listen()
        proxy = self.proxy(receiver)
        self.assert_done(self.alice.send(folder, to=proxy.address_of(receiver)))
        seen = bytes(proxy.recorded)
        self.assertGreater(len(seen), 300_000)
        for secret in self.secrets(folder):
            self.assertNotIn(secret, seen)

    def secrets(self, folder):
        yield MARK
        yield b"this text"
        yield folder.name.encode()
        yield b"telling"
        for path in folder.iterdir():
            yield path.name.encode()
        yield (folder / "another").read_bytes()[1000:1032]
        for peer in (self.alice, self.bob):
            text = peer.id
            raw = base64.b32decode(text[2:].upper() + "=" * (-len(text[2:]) % 8))
            self.assertEqual(len(raw), 32)
            yield from (text.encode(), raw)
            yield self.public_key(peer)

    def public_key(self, peer):
        """The 32 bytes of an Ed25519 public key, by way of openssl."""
        key = pathlib.Path(peer.home) / ".config/jetway/identity.pem"
        der = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], capture_output=True,
                             check=True).stdout  # fmt: skip
        return der[-32:]

    def test_an_unknown_receiver_does_not_learn_who_dials(self):
        receiver = self.bob.listen()
        proxy = self.proxy(receiver)
        self.assertEqual(self.alice.send(self.make_file("x", 1), to=proxy.address).code, 3)
        self.assertEqual(receiver.events("connected") + receiver.events("peer_refused"), [])

    def test_a_damaged_byte_ends_the_connection_and_spoils_nothing(self):
        file = self.make_file("file", 3_000_000)
        for damage_at in (self.random.randrange(10), self.random.randrange(1000), self.random.randrange(3_000_000)):
            with self.subTest(damage_at=damage_at):
                receiver = self.bob.listen()
                process = self.alice.send(file, to=self.proxy(receiver, damage_at=damage_at).address_of(receiver))
                self.assert_damage_is_noticed(process)
        receiver = self.bob.listen()
        self.assert_done(self.alice.send(file, to=receiver.to))
        self.assert_same_file(file, self.bob.inbox / "file")

    def assert_damage_is_noticed(self, process):
        self.assertIn(process.code, (1, 3, 5), process.stderr)
        self.assertFalse((self.bob.inbox / "file").exists())


class JspWireTest(WireTest):
    protocol = "jsp"

    def assert_damage_is_noticed(self, process):
        """A datagram that is not authentic is as good as lost, and comes again."""
        self.assert_done(process)
        (self.bob.inbox / "file").unlink()
