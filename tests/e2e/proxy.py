"""Somebody between two peers who slows their bytes down, keeps a copy of them, or changes one of them."""

import socket
import threading
import time


def host_and_port(address):
    """Of an address with or without a scheme."""
    host, port = address.split("://")[-1].rsplit(":", 1)
    return host, int(port)


class Proxy:
    """Passes on what comes to 127.0.0.1:`port` over TCP or UDP, at so many bytes a second each way where a rate is
    given; of what goes to the receiver, the byte at `damage_at` arrives with a bit flipped."""

    def __init__(self, address, bytes_per_second=None, damage_at=None, protocol="tcp"):
        self.target = host_and_port(address)
        self.rate = bytes_per_second
        self.damage_at = damage_at
        self.protocol = protocol
        self.recorded = bytearray()  # all that went either way
        self.sockets = []
        if protocol == "tcp":
            self.listener = socket.create_server(("127.0.0.1", 0))
            threading.Thread(target=self._accept, daemon=True).start()
        else:
            self.listener = self._udp_socket()
            self.listener.bind(("127.0.0.1", 0))
            threading.Thread(target=self._relay, daemon=True).start()
        self.port = self.listener.getsockname()[1]

    def address_of(self, receiver):
        """What a sender dials to come to this receiver through the proxy."""
        return f"{receiver.to.split('@')[0]}@{self.address}"

    @property
    def address(self):
        return f"{self.protocol}://127.0.0.1:{self.port}"

    def _damaged(self, block, passed):
        """The block as it goes on, when so many bytes have gone before it."""
        if self.damage_at is None or not passed <= self.damage_at < passed + len(block):
            return block
        damaged = bytearray(block)
        damaged[self.damage_at - passed] ^= 1
        return bytes(damaged)

    def _delay(self, block):
        if self.rate:
            time.sleep(len(block) / self.rate)
        else:
            self.recorded += block

    # ---- TCP ----

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target)
            except OSError:
                return
            self.sockets += [near, far]
            for way in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._copy, args=way, daemon=True).start()

    def _copy(self, source, sink, is_to_receiver):
        passed = 0
        try:
            while block := source.recv(65536):
                out = self._damaged(block, passed) if is_to_receiver else block
                passed += len(block)
                self._delay(block)
                sink.sendall(out)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    # ---- UDP ----

    @staticmethod
    def _udp_socket():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        return made

    def _relay(self):
        """From the senders, each of which has a socket of its own towards the receiver."""
        far = {}
        passed = 0
        while True:
            try:
                block, sender = self.listener.recvfrom(65536)
                if sender not in far:
                    far[sender] = self._udp_socket()
                    far[sender].connect(self.target)
                    self.sockets.append(far[sender])
                    threading.Thread(target=self._relay_back, args=(far[sender], sender), daemon=True).start()
            except OSError:
                return
            out = self._damaged(block, passed)
            passed += len(block)
            self._delay(block)
            try:
                far[sender].send(out)
            except OSError:
                pass  # the receiver is not there now

    def _relay_back(self, far, sender):
        while True:
            try:
                block = far.recv(65536)
            except ConnectionRefusedError:
                continue
            except OSError:
                return
            self._delay(block)
            try:
                self.listener.sendto(block, sender)
            except OSError:
                return

    def close(self):
        for each in [self.listener, *self.sockets]:
            each.close()
