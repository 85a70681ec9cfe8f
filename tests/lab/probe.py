"""Numbered UDP datagrams between two hosts: one-way delay, loss, duplicates and reordering as receivers see them.

Arrival times are the kernel's, and one clock serves all hosts of one machine, so that the one-way delays are true.
"""

import select
import socket
import struct
import time

import namespaces

SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
BUFFER_BYTES = 8 << 20
STRAGGLERS_SECONDS = 1.5


def endpoint(lab, host, interface):
    def make():
        result = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        result.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        result.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        result.bind((lab.ipv4(host, interface), 0))
        result.setblocking(False)
        return result

    return namespaces.call_in(lab.namespace(lab.check_host(host)), make)


class Probe:
    """run() sends and listens; `arrived` is {"ab": [(number, milliseconds)], "ba": ...} then."""

    def __init__(self, lab, host1, host2, size=100, interface=None, is_one_way=False):
        a, b = endpoint(lab, host1, interface), endpoint(lab, host2, interface)
        self.ways = {"ab": (a, b)} if is_one_way else {"ab": (a, b), "ba": (b, a)}
        self.arrived = {way: [] for way in self.ways}
        self.size = size
        self.sent = 0

    def run(self, count, per_second):
        """Returns {"ab": {...}, "ba": {...}}."""
        began = time.monotonic()
        for number in range(count):
            while (left := began + number / per_second - time.monotonic()) > 0:
                self.listen(left)
            self.send(number)
            self.listen(0)
        quiet = time.monotonic() + STRAGGLERS_SECONDS
        while time.monotonic() < quiet and any(len(arrived) < count for arrived in self.arrived.values()):
            self.listen(0.05)
        return {way: summarize(arrived, count, per_second) for way, arrived in self.arrived.items()}

    def send(self, number):
        self.sent += 1
        for sender, receiver in self.ways.values():
            stamp = struct.pack("qq", number, time.clock_gettime_ns(time.CLOCK_REALTIME))
            try:
                sender.sendto(stamp.ljust(self.size, b"."), receiver.getsockname())
            except OSError:  # the interface is down
                pass

    def listen(self, seconds):
        receivers = [receiver for _, receiver in self.ways.values()]
        if seconds > 0 and not select.select(receivers, [], [], seconds)[0]:
            return
        for way, (_, receiver) in self.ways.items():
            try:
                while True:
                    data, ancillary, _, _ = receiver.recvmsg(65535, 64)
                    number, sent = struct.unpack_from("qq", data)
                    seconds_then, nanoseconds = struct.unpack("qq", ancillary[0][2])
                    self.arrived[way].append((number, (seconds_then * 10**9 + nanoseconds - sent) / 1e6))
            except (BlockingIOError, ConnectionRefusedError):
                pass


def quantile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def summarize(arrived, count, per_second):
    numbers = sorted({number for number, _ in arrived})
    delays = sorted(delay for _, delay in arrived)
    highest, reordered = -1, 0
    for number, _ in arrived:
        reordered += number < highest
        highest = max(highest, number)
    gaps = [after - before - 1 for before, after in zip([-1, *numbers], [*numbers, count])]
    summary = {"sent": count, "received": len(numbers), "loss_percent": round(100 * (1 - len(numbers) / count), 3),
               "duplicates": len(arrived) - len(numbers), "reordered": reordered,
               "longest_gap_ms": round(1e3 * max(gaps) / per_second, 1)}
    for name, share in (("min", 0), ("p50", 0.5), ("p99", 0.99), ("max", 1)):
        summary[f"delay_ms_{name}"] = round(quantile(delays, share), 3)
    return summary
