"""Which way a sender takes: JSP where it is told nothing, TCP where UDP does not get through, one where it is told."""

import socket

from jetway import EndToEndTest, time
from proxy import host_and_port


class FallbackTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.file = self.make_file("file", 300_000)

    def assert_sent_by(self, transport, process):
        self.assert_done(process)
        self.assertEqual(process.events("completed")[0]["transport"], transport)
        (self.bob.inbox / "file").unlink()

    def test_jsp_is_taken_where_both_are_there(self):
        receiver = self.bob.listen()
        self.assertNotIn("://", receiver.to)
        self.assert_sent_by("jsp", self.alice.send(self.file, to=receiver.to))

    def test_a_scheme_decides(self):
        receiver = self.bob.listen()
        peer, place = receiver.to.split("@")
        for scheme in ("jsp", "tcp"):
            self.assert_sent_by(scheme, self.alice.send(self.file, to=f"{peer}@{scheme}://{place}"))

    def test_tcp_is_taken_where_udp_does_not_get_through(self):
        receiver = self.bob.listen(address="tcp://127.0.0.1:0")
        bare = receiver.to.replace("tcp://", "")
        self.assert_sent_by("tcp", self.alice.send(self.file, to=bare))  # nobody at that port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hole:
            hole.bind(host_and_port(receiver.address))  # a port that swallows everything
            started = time.monotonic()
            self.assert_sent_by("tcp", self.alice.send(self.file, to=bare))
            self.assertLess(time.monotonic() - started, 5)

    def test_jsp_is_taken_where_tcp_is_not_there(self):
        receiver = self.bob.listen(address="jsp://127.0.0.1:0")
        self.assert_sent_by("jsp", self.alice.send(self.file, to=receiver.to.replace("jsp://", "")))

    def test_without_either_both_failures_are_told(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        process = self.alice.send(self.file, to=f"{self.bob.id}@127.0.0.1:{port}", flags=())
        self.assertEqual(process.code, 5)
        self.assertRegex(process.stderr, rf"jsp://127\.0\.0\.1:{port}: .*; tcp://127\.0\.0\.1:{port}: ")

    def test_a_peer_is_the_same_one_whichever_way_it_was_reached(self):
        receiver = self.bob.listen()
        place = receiver.address
        self.assert_sent_by("tcp", self.alice.send(self.file, to=f"tcp://{place}", flags=("--json", "--accept-new")))
        self.assert_sent_by("jsp", self.alice.send(self.file, to=place))

    def test_every_congestion_control_and_network_carries_a_file(self):
        receiver = self.bob.listen()
        for flags in (("--cc", "cubic"), ("--cc", "newreno"), ("--fec", "off", "--network", "cellular"), ("--background",)):
            with self.subTest(flags=flags):
                self.assert_sent_by("jsp", self.alice.send(self.file, to=receiver.to, flags=("--json", *flags)))

    def test_verbose_says_what_the_path_does(self):
        receiver = self.bob.listen()
        process = self.alice.send(self.file, to=receiver.to, flags=("--verbose",))
        self.assert_done(process)
        self.assertRegex(process.stderr, r"path jsp \S+ to \S+: RTT [\d.]+ ms.*, window .*, packets of [\d,]+ bytes")
