"""Who talks to whom: unknown, changed, allowed, own; and the files that say so."""

import os

from jetway import EndToEndTest, Peer


class IdentityTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.file = self.make_file("file", 1000)

    def test_the_id_stays_and_its_key_is_private(self):
        first = self.alice.id
        self.assertRegex(first, r"^jw[a-z2-7]{52}$")
        self.assertEqual(self.alice.id, first)
        key = self.alice.home / ".config/jetway/identity.pem"
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        self.assertEqual(key.parent.stat().st_mode & 0o777, 0o700)
        key.chmod(0o644)
        refused = self.alice.run("id")
        self.assertEqual(refused.code, 6)
        self.assertIn(f"chmod 600 {key}", refused.stderr)

    def test_a_broken_key_is_left_alone(self):
        key = self.alice.home / ".config/jetway/identity.pem"
        key.parent.mkdir(parents=True)
        key.touch(0o600)
        key.write_text("nonsense")
        refused = self.alice.run("id")
        self.assertEqual(refused.code, 6)
        self.assertIn("identity.pem", refused.stderr)
        self.assertEqual(key.read_text(), "nonsense")

    def test_a_post_quantum_identity(self):
        made = self.alice.run("id", "--json", "--key-type", "ml-dsa-65").events("id")[0]
        self.assertEqual((made["key_type"], made["is_new"]), ("ml-dsa-65", True))
        receiver = self.bob.listen(admit=("--allow", made["peer"]))
        self.assert_done(self.alice.send(self.file, to=receiver.to))

    def test_an_unknown_receiver_is_refused_without_a_terminal(self):
        receiver = self.bob.listen()
        sender = self.alice.send(self.file, to=receiver.address)
        self.assertEqual(sender.code, 3)
        self.assertIn(self.bob.id, sender.stderr)
        self.assertIn("--accept-new", sender.stderr)
        self.assertEqual(os.listdir(self.bob.inbox), [])
        self.assertFalse((self.alice.home / ".config/jetway/known_peers").exists())
        self.assertEqual(self.alice.send(self.file, to=receiver.address, env={"JETWAY_RECEIVE_YES": "1"}).code, 3)

    def test_accept_new_remembers_and_a_changed_receiver_is_refused(self):
        receiver = self.bob.listen(address=f"unix://{self.root}/socket")
        self.assert_done(self.alice.send(self.file, to=receiver.address, flags=("--json", "--accept-new")))
        known = (self.alice.home / ".config/jetway/known_peers").read_text()
        self.assertIn(self.bob.id, known)
        self.assert_done(self.alice.send(self.file, to=receiver.address))
        receiver.kill()
        mallory = Peer(self, "mallory")
        mallory.listen(address=f"unix://{self.root}/socket")
        sender = self.alice.send(self.file, to=receiver.address, flags=("--json", "--accept-new"))
        self.assertEqual(sender.code, 3)
        self.assertIn("HAS CHANGED", sender.stderr)
        self.assertIn(mallory.id, sender.stderr)
        self.assertEqual(os.listdir(mallory.inbox), [])
        self.assertEqual((self.alice.home / ".config/jetway/known_peers").read_text(), known)

    def test_a_pinned_receiver_has_to_be_that_one(self):
        receiver = self.bob.listen()
        sender = self.alice.send(self.file, to=f"{self.alice.id}@{receiver.address}")
        self.assertEqual(sender.code, 3)
        self.assertIn("is not the peer that was asked for", sender.stderr)

    def test_an_unknown_sender_is_refused_without_a_terminal(self):
        receiver = self.bob.listen("--yes", admit=())
        sender = self.alice.send(self.file, to=receiver.to)
        self.assertEqual(sender.code, 3, sender.stderr)
        refused = receiver.wait_for_event("peer_refused")
        self.assertEqual(refused["peer"], self.alice.id)

    def test_a_list_admits_who_is_on_it_and_nobody_else(self):
        receiver = self.bob.listen(admit=("--allow", self.alice.id))
        self.assert_done(self.alice.send(self.file, to=receiver.to))
        carol = Peer(self, "carol")
        self.assertEqual(carol.send(self.file, to=receiver.to).code, 3)

    def test_the_list_takes_names_of_known_peers(self):
        config = self.bob.home / ".config/jetway"
        config.mkdir(parents=True)
        (config / "known_peers").write_text(f"laptop {self.alice.id} 2026-01-01\n")
        receiver = self.bob.listen(admit=("--allow", "laptop"))
        self.assert_done(self.alice.send(self.file, to=receiver.to))
        self.assertEqual(self.bob.run("receive", "--allow", "nobody").code, 2)

    def test_a_peer_that_was_admitted_before_is_admitted(self):
        config = self.bob.home / ".config/jetway"
        config.mkdir(parents=True)
        (config / "allowed_peers").write_text(f"{self.alice.id} {self.alice.id} 2026-01-01\n")
        receiver = self.bob.listen(admit=())
        self.assert_done(self.alice.send(self.file, to=receiver.to))

    def test_our_own_key_is_refused(self):
        receiver = self.bob.listen()
        sender = self.bob.send(self.file, to=receiver.to)
        self.assertEqual(sender.code, 3, sender.stderr)
