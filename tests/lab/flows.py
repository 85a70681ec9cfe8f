"""One bulk flow from host a to host b, over what is to be measured: the real `jetway`, or iperf3 as plain TCP."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import namespaces
from link_spec import LabError

SOURCE_FILE_BYTES = 1 << 30
PAYLOAD_SHARE = 1440 / 1514  # of a full frame, at best, under IPv4, UDP, encryption and frame headers
START_SECONDS_MAX = 10
INTERRUPT_SECONDS_MAX = 5


class Flow:
    """run() for `seconds`; `samples` are (seconds since the start, bytes at the receiver) then."""

    def __init__(self, name, congestion_control, transport=None):
        self.name = name
        self.congestion_control = congestion_control  # the hosts' default for TCP
        self.transport = transport  # None: iperf3
        self.samples = []
        self.retransmitted = None  # packets; None: nobody counts
        self.path = None  # what the sender knows of it (docs/guide/json-events.md)
        self.note = ""

    def run(self, lab, seconds, work):
        self.samples, self.retransmitted, self.path, self.note = [(0.0, 0)], None, None, ""
        if self.transport is None:
            self._run_iperf3(lab, seconds)
        else:
            JetwayRun(self, lab, work).run(seconds)

    def _run_iperf3(self, lab, seconds):
        lab.spawn("b", ["iperf3", "-s", "-1", "-J", "-i", "0.5"], "iperf3.log")
        wait_for_listener(lab, "b", "tcp", 5201)
        report = json.loads(namespaces.run_in(
            lab.namespace("a"), "iperf3", "-c", lab.ipv4("b"), "-t", str(seconds), "-i", "0.5", "-J",
            "--get-server-output"))
        total = 0
        for interval in report["server_output_json"]["intervals"]:
            total += interval["sum"]["bytes"]
            self.samples.append((interval["sum"]["end"], total))
        self.retransmitted = report["end"]["sum_sent"]["retransmits"]


class JetwayRun:
    """`jetway receive` in b, `jetway send` of more than fits into the time in a; the sender is interrupted."""

    def __init__(self, flow, lab, work):
        self.flow = flow
        self.lab = lab
        self.work = work / f"run-{id(flow)}"  # several may run at a time
        self.source = work / "source"
        self.program = os.environ["JETWAY"]

    def run(self, seconds):
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        try:
            self._transfer(seconds)
        finally:
            shutil.rmtree(self.work, ignore_errors=True)

    def _environment(self, side):
        home = self.work / side
        home.mkdir(exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("JETWAY_")}
        named = {"HOME": home, "XDG_CONFIG_HOME": home / "config", "XDG_STATE_HOME": home / "state",
                 "XDG_DATA_HOME": home / "data"}
        return {**inherited, **{name: str(path) for name, path in named.items()}}

    def _transfer(self, seconds):
        inbox = self.work / "inbox"
        inbox.mkdir()
        address = f"{self.flow.transport}://{self.lab.ipv4('b')}"
        receiver = self.lab.spawn(
            "b", [self.program, "receive", "--json", "--dir", str(inbox), "--listen", f"{address}:0", "--any", "--yes",
                  "--max-bytes", "1T", "--fsync", "never"],
            self._log("receiver"), env=self._environment("receiver"), stdout=subprocess.PIPE)
        listening = json.loads(receiver.stdout.readline() or "{}")
        if "address" not in listening:
            raise LabError(f"jetway receive: {self._said('receiver')}")
        sender = self.lab.spawn(
            "a", [self.program, "send", "--json", str(self.source), "--to", f"{listening['peer']}@{listening['address']}"],
            self._log("sender"), env=self._environment("sender"), stdout=subprocess.PIPE)
        drain = threading.Thread(target=self._read_sender, args=(sender,), daemon=True)
        drain.start()
        began = time.monotonic()
        interrupt = threading.Timer(seconds, lambda: self._finish(sender, receiver))
        interrupt.start()
        for line in receiver.stdout:
            event = json.loads(line)
            if event["event"] == "progress":
                self.flow.samples.append((time.monotonic() - began, event["bytes_moved"]))
            elif event["event"] in ("failed", "completed") and time.monotonic() - began < seconds - 1:
                self.flow.note = f"{event['event']} after {time.monotonic() - began:.0f} s: {event.get('reason', '')}"
        interrupt.cancel()
        self._finish(sender, receiver)
        drain.join(INTERRUPT_SECONDS_MAX)
        if len(self.flow.samples) < 3 and not self.flow.note:
            self.flow.note = self._said("sender") or self._said("receiver") or "nothing arrived"

    def _finish(self, sender, receiver):
        if self.flow.transport == "tcp" and self.flow.retransmitted is None:
            self.flow.retransmitted = retransmitted_segments(self.lab, "a")
        for process in (sender, receiver):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(INTERRUPT_SECONDS_MAX)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _read_sender(self, sender):
        for line in sender.stdout:
            event = json.loads(line)
            if event["event"] == "progress" and event.get("path"):
                self.flow.path = event["path"]
                if self.flow.transport == "jsp":
                    self.flow.retransmitted = event["path"]["packets_lost"]

    def _log(self, side):
        return f"{side}-{id(self.flow)}.log"

    def _said(self, side):
        return Path(f"{self.lab.folder}/{self._log(side)}").read_text().strip()[-300:]


def wait_for_listener(lab, host, kind, port):
    def listens():
        return f":{port} " in namespaces.run_in(lab.namespace(host), "ss", "-Hln", f"--{kind}")

    namespaces.until(listens, START_SECONDS_MAX, f"nothing listens on {kind} port {port} of {host}")


def retransmitted_segments(lab, host):
    """Of the TCP connections that this host has."""
    said = namespaces.run_in(lab.namespace(host), "ss", "-Htin", check=False)
    return sum(int(total) for total in re.findall(r"\bretrans:\d+/(\d+)", said))


def knows_transport(name):
    told = subprocess.run([os.environ["JETWAY"], "send", "--help"], capture_output=True, text=True, check=True)
    return f"{name}://" in told.stdout


def bytes_at(samples, second):
    """What had arrived then, between samples in a straight line."""
    before = (0.0, 0)
    for sample in samples:
        if sample[0] >= second:
            share = (second - before[0]) / (sample[0] - before[0]) if sample[0] > before[0] else 1
            return before[1] + share * (sample[1] - before[1])
        before = sample
    return before[1]


def goodput_mbit(samples, first, last):
    return (bytes_at(samples, last) - bytes_at(samples, first)) * 8e-6 / (last - first)


def make_source(work, bytes_needed):
    """A folder of at least so many bytes that do not compress: names of one file, so that it takes the disk once."""
    folder = work / "source"
    folder.mkdir()
    first = folder / "0"
    size = min(SOURCE_FILE_BYTES, bytes_needed)
    with open(first, "wb") as file:
        for at in range(0, size, 1 << 20):
            file.write(os.urandom(min(1 << 20, size - at)))
    for number in range(1, -(-bytes_needed // size)):
        os.link(first, folder / str(number))
    return folder
