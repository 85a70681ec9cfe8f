#!/usr/bin/env python3
"""./dev lab --twopaths: one file over two links of 50 Mbit/s and 40 ms each, whole and with one of them cut in mid-transfer.

The real programs. Goodput counts the whole transfer, from the first byte to the last. The longest gap is that between two chunks
(of 1 MiB at most) that the receiver has verified: at 50 Mbit/s a chunk takes 170 ms by itself. A * means that the
emulator did not keep up.
"""

import argparse
import filecmp
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from flows import make_source  # noqa: E402
from laboratory import Laboratory, run_program  # noqa: E402
from link_spec import LabError, LinkSpec  # noqa: E402

LINK = "rtt=40ms,rate=50mbit,queue=40ms"
SERVER = "10.77.100.2"
LOCAL = ("10.77.1.1", "10.77.2.1")
SECONDS_MAX = 120


class Transfer:
    """One `jetway receive` and one `jetway send`; cut: the second after which link path1 loses everything."""

    def __init__(self, lab, work, schedule, cut=None):
        self.lab, self.work, self.schedule, self.cut = lab, work, schedule, cut
        self.program = os.environ["JETWAY"]

    def run(self):
        inbox = self.work / "inbox"
        shutil.rmtree(inbox, ignore_errors=True)
        inbox.mkdir()
        receiver = self._spawn("b", "receiver", "receive", "--dir", str(inbox), "--listen", f"jsp://{SERVER}:0",
                               "--any", "--yes", "--once", "--max-bytes", "1T", "--fsync", "never")
        listening = json.loads(receiver.stdout.readline() or "{}")
        if "address" not in listening:
            raise LabError(f"jetway receive: {self._said('receiver')}")
        paths = [word for address in LOCAL for word in ("--path", address)]
        sender = self._spawn("a", "sender", "send", str(self.work / "source" / "0"), "--to",
                             f"{listening['peer']}@{listening['address']}", "--schedule", self.schedule, *paths)
        guard = threading.Timer(SECONDS_MAX, lambda: [each.kill() for each in (sender, receiver)])
        guard.start()
        try:
            arrivals = self._watch(receiver)
            said = [json.loads(line) for line in sender.stdout]
            receiver.wait()
            sender.wait()
        finally:
            guard.cancel()
        completed = [event for event in said if event["event"] == "completed"]
        if not completed:
            raise LabError(f"the transfer failed: {self._said('sender')}")
        is_same = filecmp.cmp(self.work / "source" / "0", inbox / "0", shallow=False)
        return arrivals, completed[0], is_same

    def _spawn(self, host, name, *arguments):
        home = self.work / name
        home.mkdir(exist_ok=True)
        environment = {**{key: value for key, value in os.environ.items() if not key.startswith(("JETWAY_", "XDG_"))},
                       "HOME": str(home)}
        return self.lab.spawn(host, [self.program, arguments[0], "--json", *arguments[1:]], f"{name}.log",
                              env=environment, stdout=subprocess.PIPE)

    def _said(self, name):
        return Path(f"{self.lab.folder}/{name}.log").read_text().strip()[-300:]

    def _watch(self, receiver):
        """(seconds, bytes) whenever more has arrived; cuts the link at its time."""
        arrivals = []
        began = None
        for line in receiver.stdout:
            event = json.loads(line)
            if event["event"] != "progress" or (arrivals and event["bytes_moved"] == arrivals[-1][1]):
                continue
            if began is None:
                began = time.monotonic()
                if self.cut is not None:
                    threading.Timer(self.cut, lambda: self.lab.control("path1", "down")).start()
            arrivals.append((time.monotonic() - began, event["bytes_moved"]))
        return arrivals


def longest_gap(arrivals):
    times = [second for second, _ in arrivals]
    return max((after - before for before, after in zip(times, times[1:])), default=0.0)


def run_once(options, work, schedule, cut):
    lab = Laboratory(options.name)
    lab.lock()
    try:
        lab.up("dual", SimpleNamespace(seed=1, congestion_control="cubic", sysctl=None, path1=LinkSpec(LINK),
                                       path2=LinkSpec(LINK), linkem_arguments=[]))
        arrivals, completed, is_same = Transfer(lab, work, schedule, cut).run()
        verdicts = [lab.statistics(link)["self"]["verdict"] for link in ("path1", "path2")]
    finally:
        lab.down()
    seconds = completed["seconds"]
    goodput = completed["bytes_moved"] * 8e-6 / seconds
    what = "whole" if cut is None else f"path1 cut after {cut:g} s"
    star = "" if all(verdict == "ok" for verdict in verdicts) else "*"
    each = "; ".join(f"{path['local_address']} {path['state']} {path['bytes_sent'] / 1e6:.1f} MB"
                     for path in completed["path"]["each"])
    print(f"{schedule:10} {what:22} {goodput:6.1f} Mbit/s{star}  longest gap {longest_gap(arrivals) * 1000:4.0f} ms  "
          f"{'identical' if is_same else 'DIFFERENT'}  ({each})", flush=True)
    return is_same


def main():
    parser = argparse.ArgumentParser(prog="./dev lab --twopaths", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=150, help="of the file")
    parser.add_argument("--schedule", default="aggregate", choices=("aggregate", "latency", "redundant"))
    parser.add_argument("--name", default="jwtwo", help="of the laboratory: several may run at a time")
    parser.add_argument("--folder", default=os.environ.get("JETWAY_BUILD", tempfile.gettempdir()),
                        help="where the file is sent from and to")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="lab-", dir=options.folder))
    try:
        make_source(work, options.megabytes * 1_000_000)
        are_same = [run_once(options, work, options.schedule, cut) for cut in (None, 5)]
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if not all(are_same):
        sys.exit("what arrived is not what was sent")


if __name__ == "__main__":
    run_program(main)
