"""The ways from one end to the other on one machine: loopback, and a cable between two network namespaces."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/lab"))
import namespaces  # noqa: E402

PREFIX = "jwbench-"
SWITCHES = {"veth": (), "vethseg": namespaces.SEGMENTED}


class Layout:
    """Where the two ends are; a context manager that makes it and takes it away."""

    def __init__(self, name):
        self.name = name
        self.is_loopback = name == "loopback"
        self.address = "127.0.0.1" if self.is_loopback else "10.78.1.2"  # of the server
        self.server = "" if self.is_loopback else f"{PREFIX}b"
        self.client = "" if self.is_loopback else f"{PREFIX}a"

    def __enter__(self):
        if not self.is_loopback:
            self.__exit__()
            namespaces.add(self.client)
            namespaces.add(self.server)
            namespaces.add_veth(self.client, "eth0", self.server, "eth0", SWITCHES[self.name])
            namespaces.ip_in(self.client, "addr", "add", "10.78.1.1/24", "dev", "eth0")
            namespaces.ip_in(self.server, "addr", "add", "10.78.1.2/24", "dev", "eth0")
        return self

    def __exit__(self, *_):
        if not self.is_loopback:
            for namespace in namespaces.with_prefix(PREFIX):
                namespaces.remove(namespace)

    @staticmethod
    def inside(namespace):
        """What stands before a command that runs there."""
        return ["ip", "netns", "exec", namespace] if namespace else []

    def probe_options(self):
        """For ends_probe, which enters the namespaces by itself."""
        options = [f"address={self.address}"]
        if not self.is_loopback:
            options += [f"server_netns={self.server}", f"client_netns={self.client}"]
        return options
