"""A laboratory: hosts that are network namespaces, joined by links that go through linkem (or by plain cables).

All that one makes is in the namespaces NAME-*, in /etc/netns/NAME-* and in /run/jetway-lab/NAME.
"""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import namespaces
from link_spec import LabError
from namespaces import RUN, ip_in, until

HOST_SYSCTLS = {
    "net.ipv4.tcp_rmem": "4096 131072 67108864",  # buffers must not be the limit of a long fat path
    "net.ipv4.tcp_wmem": "4096 65536 67108864",
    "net.ipv4.tcp_no_metrics_save": "1",  # one run must not teach the next
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv6.conf.default.accept_dad": "0",
    "net.ipv6.conf.default.accept_ra": "0",
    "net.ipv6.conf.default.router_solicitations": "0",
    "net.ipv4.ping_group_range": "0 2147483647",
}
NO_IPV6 = {"net.ipv6.conf.default.disable_ipv6": "1"}
STATE = ("topology", "hosts", "links", "seed", "congestion_control", "extra")


def linkem_program():
    build = os.environ.get("JETWAY_BUILD", Path(__file__).resolve().parents[2] / "build/release")
    return os.environ.get("JETWAY_LINKEM", str(Path(build) / "tests/linkem"))


class Laboratory:
    """One laboratory. Its network outlives this object: another process may load() it."""

    def __init__(self, name):
        if not re.fullmatch(r"[a-z0-9]{1,12}", name):
            raise LabError("a laboratory's name is 1 to 12 lower-case letters and digits")
        self.name = name
        self.folder = os.path.join(RUN, name)
        self.topology = None
        self.hosts = {}  # host: {interface: [addresses]}
        self.links = {}  # link: {"a": [host, interface], "b": ..., "spec": text, "is_emulated": bool, "pid": of linkem}
        self.seed = 1
        self.congestion_control = "cubic"
        self.extra = {}

    # ---- what is kept on disk

    def save(self):
        unfinished = f"{self.folder}/state.json.tmp"
        with open(unfinished, "w") as file:
            json.dump({key: getattr(self, key) for key in STATE}, file)
        os.rename(unfinished, f"{self.folder}/state.json")

    def load(self):
        try:
            with open(f"{self.folder}/state.json") as file:
                self.__dict__.update(json.load(file))
        except FileNotFoundError:
            raise LabError(f"there is no laboratory '{self.name}' (netlab.py up ...)") from None
        return self

    def lock(self):
        """Held until the process ends: two that change one laboratory wait for each other."""
        os.makedirs(RUN, exist_ok=True)
        self.lock_file = open(f"{RUN}/{self.name}.lock", "w")
        try:
            fcntl.flock(self.lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"lab: waiting for another process that works on '{self.name}'", file=sys.stderr)
            fcntl.flock(self.lock_file, fcntl.LOCK_EX)

    # ---- building blocks

    def namespace(self, host):
        return f"{self.name}-{host}"

    def check_host(self, host):
        if host not in self.hosts:
            raise LabError(f"no host '{host}' here; there are {', '.join(self.hosts)}")
        return host

    def link(self, name):
        if name not in self.links:
            raise LabError(f"no link '{name}' here; there are {', '.join(self.links) or 'none'}")
        return self.links[name]

    def ip(self, host, *arguments):
        return ip_in(self.namespace(host), *arguments)

    def nft(self, host, rules):
        namespaces.run_in(self.namespace(host), "nft", "-f", "-", text=rules)

    def add_host(self, host, sysctls=None):
        namespaces.add(self.namespace(host), {**HOST_SYSCTLS, **(sysctls or {})})
        namespaces.set_congestion_control(self.namespace(host), self.congestion_control)
        self.hosts[host] = {}

    def add_cable(self, host1, interface1, host2, interface2):
        namespaces.add_veth(self.namespace(host1), interface1, self.namespace(host2), interface2,
                            namespaces.REAL_FRAMES)

    def add_link(self, name, host1, interface1, host2, interface2, spec, linkem_arguments=()):
        """Joins two interfaces as the ends a and b of a link."""
        self.links[name] = {"a": [host1, interface1], "b": [host2, interface2], "spec": spec.text,
                            "is_emulated": not spec.is_direct}
        if spec.is_direct:
            self.add_cable(host1, interface1, host2, interface2)
            return
        if not os.path.exists(namespaces.path_of(self.namespace("wire"))):
            namespaces.add(self.namespace("wire"), NO_IPV6)
        self.add_cable(host1, interface1, "wire", f"{name}.a")
        self.add_cable(host2, interface2, "wire", f"{name}.b")
        for end in "ab":
            self.ip("wire", "link", "set", f"{name}.{end}", "arp", "off")
        self._start_linkem(name, [*spec.linkem_arguments(), *linkem_arguments])

    def _start_linkem(self, link, arguments):
        log = f"{self.folder}/{link}.log"
        seed = zlib.crc32(f"{self.seed}/{link}".encode())  # another one for every link
        process = self.spawn("wire", [linkem_program(), f"{link}.a", f"{link}.b", "--seed", str(seed), "--control",
                                      f"{self.folder}/{link}.fifo", *arguments], f"{link}.log")
        self.links[link]["pid"] = process.pid

        def is_ready():
            said = Path(log).read_text()
            if process.poll() is not None:
                raise LabError(said.strip() or "linkem did not start")
            return "ready" in said

        until(is_ready, 10, "linkem did not become ready")

    def add_addresses(self, host, interface, *addresses):
        for address in addresses:
            self.ip(host, "addr", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))
            self.hosts[host].setdefault(interface, []).append(address)

    def set_neighbour(self, host, interface, address, peer, peer_interface):
        namespaces.set_neighbour(self.namespace(host), interface, address, self.namespace(peer), peer_interface)

    def make_adjacent(self, host1, interface1, addresses1, host2, interface2, addresses2):
        """Addresses (ADDRESS/LENGTH) for the two ends of a link, and what each knows of the other."""
        self.add_addresses(host1, interface1, *addresses1)
        self.add_addresses(host2, interface2, *addresses2)
        for address in addresses1:
            self.set_neighbour(host2, interface2, address.split("/")[0], host1, interface1)
        for address in addresses2:
            self.set_neighbour(host1, interface1, address.split("/")[0], host2, interface2)

    def set_names(self, table):
        """/etc/hosts of every host: {name: address}."""
        text = "127.0.0.1 localhost\n::1 localhost\n" + "".join(f"{a} {name}\n" for name, a in table.items())
        for host in self.hosts:
            folder = Path(f"/etc/netns/{self.namespace(host)}")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "hosts").write_text(text)
        self.extra["names"] = table

    def spawn(self, host, command, log, **named):
        """A process in a host, its output appended to a file in the laboratory's folder."""
        with open(f"{self.folder}/{log}", "a") as out:
            named = {"stdout": out, "stderr": out, **named}
            return subprocess.Popen(["ip", "netns", "exec", self.namespace(host), *command],
                                    stdin=subprocess.DEVNULL, start_new_session=True, **named)

    # ---- up and down

    def up(self, topology, options):
        """Replaces the laboratory of this name."""
        self.down()
        os.makedirs(self.folder)
        os.makedirs("/etc/netns", exist_ok=True)
        self.topology = topology
        self.seed, self.congestion_control = options.seed, options.congestion_control
        try:
            TOPOLOGIES[topology](self, options)
            for item in options.sysctl or []:
                for host in self.hosts:
                    namespaces.set_sysctls(self.namespace(host), dict([item.split("=", 1)]))
            self.save()
        except BaseException:
            self.down()
            raise

    def down(self):
        """Needs no state: everything is known by its prefix, so it also clears up after a crash."""
        for namespace in namespaces.with_prefix(self.name + "-"):
            namespaces.remove(namespace)
        if os.path.isdir("/etc/netns"):
            for folder in os.listdir("/etc/netns"):
                if folder.startswith(self.name + "-"):
                    shutil.rmtree(f"/etc/netns/{folder}", ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.hosts, self.links, self.extra = {}, {}, {}

    # ---- while it runs

    def control(self, link, command):
        if not self.link(link)["is_emulated"]:
            raise LabError(f"link '{link}' is a plain cable without linkem")
        try:
            fifo = os.open(f"{self.folder}/{link}.fifo", os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            raise LabError(f"the linkem of '{link}' is gone ({error.strerror}); see {self.folder}/{link}.log") from None
        os.write(fifo, command.encode() + b"\n")
        os.close(fifo)

    def set_link(self, link, spec, direction=None):
        if spec.is_direct or spec.events:
            raise LabError("a running link cannot become a plain cable or get a new schedule")
        for one in ("ab", "ba"):
            text = spec.for_linkem(one, with_defaults=spec.profile is not None)
            if direction in (None, one) and text:
                namespaces.run(linkem_program(), "--check", text)
                self.control(link, f"set {one} {text}")

    def set_carrier(self, link, is_up):
        """Plugs or pulls the cable: the hosts see it (NO-CARRIER), addresses and routes stay."""
        ends = self.link(link)
        state = "up" if is_up else "down"
        if ends["is_emulated"]:
            for end in "ab":
                self.ip("wire", "link", "set", f"{link}.{end}", state)
        else:
            self.ip(ends["b"][0], "link", "set", ends["b"][1], state)

    def statistics(self, link):
        """{"ab": {...}, "ba": {...}, "self": {...}}"""
        path = f"{self.folder}/{link}.stats"
        Path(path).unlink(missing_ok=True)
        self.control(link, f"stats {path}")
        until(lambda: os.path.exists(path), 3, "linkem does not answer")
        parts = {}
        for line in Path(path).read_text().splitlines():
            _, part, *fields = line.split()
            parts[part] = {key: read_value(key, value) for key, value in (field.split("=", 1) for field in fields)}
        return parts

    def ipv4(self, host, interface=None):
        for name, addresses in self.hosts[self.check_host(host)].items():
            for address in addresses:
                if interface in (None, name) and ":" not in address:
                    return address.split("/")[0]
        raise LabError(f"{host} has no IPv4 address" + (f" on {interface}" if interface else ""))


def run_program(main):
    """A program of the laboratory: when it is told to end it takes down what it has built; what cannot be done is said in
    one line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except LabError as error:
        sys.exit(f"lab: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def read_value(key, text):
    if key == "verdict":
        return text
    return float(text) if "." in text else int(text)


# ---- topologies


def build_link(lab, options):
    """Hosts a and b and one link between them."""
    for host in "ab":
        lab.add_host(host)
    lab.add_link("link", "a", "eth0", "b", "eth0", options.spec, options.linkem_arguments)
    lab.make_adjacent("a", "eth0", ["10.77.1.1/24", "fd77:1::1/64"], "b", "eth0", ["10.77.1.2/24", "fd77:1::2/64"])
    lab.set_names({"a": "10.77.1.1", "b": "10.77.1.2", "a6": "fd77:1::1", "b6": "fd77:1::2"})


def build_dual(lab, options):
    """a: a device with two uplinks. b: a server with an address on each, and one that both paths reach."""
    for host in "ab":
        lab.add_host(host, {"net.ipv4.conf.all.ignore_routes_with_linkdown": "1"})
    table = {"a": "10.77.1.1", "b": "10.77.100.2", "b6": "fd77:100::2"}
    lab.add_addresses("b", "lo", "10.77.100.2/32", "fd77:100::2/128")
    for number, spec in ((1, options.path1), (2, options.path2)):
        path, v4, v6 = f"path{number}", f"10.77.{number}", f"fd77:{number}:"
        lab.add_link(path, "a", path, "b", path, spec, options.linkem_arguments)
        lab.make_adjacent("a", path, [f"{v4}.1/24", f"{v6}:1/64"], "b", path, [f"{v4}.2/24", f"{v6}:2/64"])
        for family, server, here, there in (("-4", "10.77.100.2", f"{v4}.1", f"{v4}.2"),
                                            ("-6", "fd77:100::2", f"{v6}:1", f"{v6}:2")):
            # A socket that is bound to no address prefers path1; one that is takes that address's path.
            lab.ip("a", family, "route", "add", server, "via", there, "dev", path, "src", here, "metric", f"{number}00")
            for host, mine, theirs in (("a", here, there), ("b", there, here)):
                route_table = str(100 + number)
                lab.ip(host, family, "route", "add", "default", "via", theirs, "dev", path, "table", route_table)
                lab.ip(host, family, "rule", "add", "from", mine, "table", route_table)
            suffix = "" if family == "-4" else "6"
            table.update({f"a{suffix}.{path}": here, f"b{suffix}.{path}": there})
    lab.set_names(table)


TOPOLOGIES = {"link": build_link, "dual": build_dual}
