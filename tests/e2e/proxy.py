"""A TCP proxy between two peers: slows their bytes down, keeps a copy of them, or changes one of them."""

import socket
import threading
import time


class Proxy:
    """Passes on what comes to 127.0.0.1:`port`, at so many bytes a second each way where a rate is given; of what
    goes to the receiver, the byte at `damage_at` arrives with a bit flipped."""

    def __init__(self, address, bytes_per_second=None, damage_at=None):
        host, port = address.removeprefix("tcp://").rsplit(":", 1)
        self.target = (host, int(port))
        self.rate = bytes_per_second
        self.damage_at = damage_at
        self.recorded = bytearray()  # all that went either way
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def address_of(self, receiver):
        """What a sender dials to come to this receiver through the proxy."""
        return f"{receiver.to.split('@')[0]}@tcp://127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target)
            except OSError:
                return
            self.sockets += [near, far]
            for way in ((near, far, self.damage_at), (far, near, None)):
                threading.Thread(target=self._copy, args=way, daemon=True).start()

    def _copy(self, source, sink, damage_at):
        passed = 0
        try:
            while block := source.recv(65536):
                if damage_at is not None and passed <= damage_at < passed + len(block):
                    damaged = bytearray(block)
                    damaged[damage_at - passed] ^= 1
                    block = bytes(damaged)
                passed += len(block)
                if self.rate:
                    time.sleep(len(block) / self.rate)
                else:
                    self.recorded += block
                sink.sendall(block)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        for each in [self.listener, *self.sockets]:
            each.close()
