"""Network namespaces as hosts, and cables between them."""

import ctypes
import fcntl
import hashlib
import os
import signal
import subprocess
import time

from link_spec import LabError

CLONE_NEWNET = 0x40000000
RUN = "/run/jetway-lab"

# What ethtool switches at both ends of a cable. With REAL_FRAMES every frame on it has at most 1,500 bytes and its
# checksum (GSO may stay: software cuts super-frames up before the cable); with SEGMENTED packets are that small, and
# put together again by whoever receives them.
REAL_FRAMES = tuple(word for name in ("tx", "tso", "gro", "tx-udp-segmentation", "tx-sctp-segmentation", "tx-gso-list",
                                      "rxvlan", "txvlan") for word in (name, "off"))
SEGMENTED = ("tso", "off", "gso", "off", "tx-udp-segmentation", "off", "gro", "on")


def run(*command, text=None, check=True):
    done = subprocess.run(command, input=text, text=True, capture_output=True)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def run_in(namespace, *command, **named):
    return run("ip", "netns", "exec", namespace, *command, **named)


def ip_in(namespace, *arguments):
    return run("ip", "-n", namespace, *arguments)


def path_of(namespace):
    return f"/run/netns/{namespace}"


def with_prefix(prefix):
    try:
        return sorted(name for name in os.listdir("/run/netns") if name.startswith(prefix))
    except FileNotFoundError:
        return []


def call_in(namespace, make):
    """make(), with this thread inside the namespace: a socket stays where it was made."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(path_of(namespace), os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET):
            raise LabError(f"setns {namespace}: {os.strerror(ctypes.get_errno())}")
        return make()
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)


def until(condition, seconds, complaint):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise LabError(complaint)
        time.sleep(0.01)


def add(namespace, sysctls=None):
    run("ip", "netns", "add", namespace)
    ip_in(namespace, "link", "set", "lo", "up")
    set_sysctls(namespace, sysctls or {})


def set_sysctls(namespace, values):
    if values:
        run_in(namespace, "sysctl", "-qw", *(f"{key}={value}" for key, value in values.items()))


def set_congestion_control(namespace, name):
    """A namespace may only default to what the machine allows to everybody; so allow it, for this moment."""
    wanted = {"net.ipv4.tcp_congestion_control": name}
    try:
        set_sysctls(namespace, wanted)
        return
    except LabError:
        pass
    os.makedirs(RUN, exist_ok=True)
    with open(f"{RUN}/congestion.lock", "w") as lock, \
            open("/proc/sys/net/ipv4/tcp_allowed_congestion_control", "r+") as allowed:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = allowed.read().strip()
        try:
            rewrite(allowed, f"{before} {name}")
            set_sysctls(namespace, wanted)
        finally:
            rewrite(allowed, before)


def rewrite(file, text):
    file.seek(0)
    file.write(text)
    file.flush()


def process_ids(namespace):
    return [int(pid) for pid in run("ip", "netns", "pids", namespace, check=False).split()]


def remove(namespace):
    """With every process in it: they are ours by definition."""
    def are_gone():
        left = process_ids(namespace)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not left

    until(are_gone, 5, f"processes in {namespace} do not die")
    run("ip", "netns", "del", namespace, check=False)


def mac_of(namespace, interface):
    digest = hashlib.sha256(f"{namespace}/{interface}".encode()).digest()
    return ":".join(["02", *(f"{byte:02x}" for byte in digest[:5])])


def add_veth(namespace1, interface1, namespace2, interface2, switches=()):
    """A cable between two namespaces, both ends up; without switches its super-frames cross it whole."""
    run("ip", "link", "add", interface1, "address", mac_of(namespace1, interface1), "netns", namespace1,
        "type", "veth", "peer", "name", interface2, "address", mac_of(namespace2, interface2), "netns", namespace2)
    for namespace, interface in ((namespace1, interface1), (namespace2, interface2)):
        if switches:
            run_in(namespace, "ethtool", "-K", interface, *switches)
        ip_in(namespace, "link", "set", interface, "up")


def set_neighbour(namespace, interface, address, peer_namespace, peer_interface):
    """A permanent entry: no ARP or ND traffic whose loss would spoil a measurement."""
    ip_in(namespace, "neigh", "replace", address, "lladdr", mac_of(peer_namespace, peer_interface),
          "dev", interface, "nud", "permanent")
