#!/usr/bin/env python3
"""./dev demo: the command on real input. A tree (the system's headers) and one large file go from one process to another
over UDP; the sender of the large file is killed half way and run again; the copies are compared; a table closes it. As
root, the same command and TCP then share the experience of a link that loses 2 % of everything."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

JETWAY = os.environ["JETWAY"]
DEV = Path(__file__).resolve().parents[2] / "dev"
TREE = Path("/usr/include")
FILE_BYTES = 2 << 30
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def say(text=""):
    print(text, flush=True)


def environment(home):
    home.mkdir()
    named = {"HOME": home, "XDG_CONFIG_HOME": home / "config", "XDG_STATE_HOME": home / "state",
             "XDG_DATA_HOME": home / "data"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("JETWAY_")}
    return dict(inherited, **{name: str(path) for name, path in named.items()})


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


class Receiver:
    """A `jetway receive` that runs until the demo is over."""

    def __init__(self, work, sender_id):
        self.inbox = work / "inbox"
        self.inbox.mkdir()
        self.log = open(work / "receiver.log", "wb")
        self.process = subprocess.Popen(
            [JETWAY, "receive", "--json", "--dir", self.inbox, "--listen", "127.0.0.1:0", "--allow", sender_id, "--yes"],
            env=environment(work / "receiver"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        listening = json.loads(self.process.stdout.readline())
        self.address = f"{listening['peer']}@{listening['address']}"
        # The events that follow are not needed; somebody has to take them all the same.
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stdout, stdout=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.drain.wait(10)


class Sender:
    """A `jetway send`, told about by its events; kill_at ends it with SIGKILL at that share of the bytes."""

    def __init__(self, env, path, receiver):
        self.command = [JETWAY, "send", "--json", path, "--to", receiver.address]
        self.env = env
        self.receiver = receiver
        self.completed = None
        self.killed_at = None
        self.warnings = []

    def run(self, kill_at=None, bytes_expected=0):
        before = cpu_seconds(self.receiver.process.pid)
        start = time.perf_counter()
        process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "completed":
                self.completed = event
            if event["event"] == "warning":
                self.warnings.append(event["text"])
            if kill_at and event["event"] == "progress" and event["bytes_done"] >= kill_at * bytes_expected:
                process.kill()
                self.killed_at = event["bytes_done"]
                kill_at = None
        _, _, usage = os.wait4(process.pid, 0)
        self.seconds = time.perf_counter() - start
        self.sender_cpu = usage.ru_utime + usage.ru_stime
        self.receiver_cpu = cpu_seconds(self.receiver.process.pid) - before
        return self


def make_file(path, size):
    """Incompressible and cheap to make: random blocks in random order."""
    blocks = [os.urandom(1 << 20) for _ in range(64)]
    with open(path, "wb") as out:
        for index in range(size >> 20):
            out.write(index.to_bytes(8, "big"))
            out.write(blocks[index * 37 % 64][8:])


def leaves(link, folder):
    """Whether a symbolic link points to outside, by the rule of docs/protocol/transfer.md."""
    target = os.readlink(link)
    parts = [part for part in target.split("/") if part not in ("", ".")]
    climbs = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    depth = len(link.relative_to(folder.parent).parts) - 1
    return target.startswith("/") or climbs > depth or ".." in parts[climbs:]


def compare(original, copy):
    """The lines in which `diff -r` finds the copy different, and the links of the original that it rightly does not have."""
    diff = subprocess.run(["diff", "-r", "--no-dereference", original, copy], stdout=subprocess.PIPE, text=True,
                          errors="surrogateescape", env=dict(os.environ, LC_ALL="C"))
    wrong, left_out = diff.stdout.splitlines(), []
    for line in wrong.copy():
        only = re.fullmatch(r"Only in (.*): (.*)", line)
        path = Path(only[1], only[2]) if only else None
        if path and path.is_relative_to(original) and path.is_symlink() and leaves(path, original):
            wrong.remove(line)
            left_out.append(path)
    if diff.returncode > 1:
        wrong.append(f"diff ended with {diff.returncode}")
    return wrong, left_out


def megabytes(count):
    return f"{count / 1e6:,.0f} MB"


def print_table(rows):
    header = ("", "bytes", "moved", "resumed", "seconds", "rate", "CPU sender", "CPU receiver")
    lines = [header]
    for name, sender in rows:
        done = sender.completed
        lines.append((name, megabytes(done["bytes_total"]), megabytes(done["bytes_moved"]), megabytes(done["bytes_resumed"]),
                      f"{sender.seconds:.2f}", f"{done['bytes_total'] / sender.seconds / 1e6:,.0f} MB/s",
                      f"{sender.sender_cpu:.2f} s", f"{sender.receiver_cpu:.2f} s"))
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        say("  ".join([line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]).rstrip())


def demo(work):
    sender_env = environment(work / "sender")
    identity = subprocess.run([JETWAY, "id"], env=sender_env, check=True, capture_output=True, text=True).stdout.strip()
    receiver = Receiver(work, identity)
    say(f"receiver: jetway receive --dir inbox --listen 127.0.0.1:0 --allow {identity[:14]}...")
    say(f"sender:   jetway send PATH --to {receiver.address[:14]}...@{receiver.address.split('@', 1)[1]}")
    try:
        say(f"\n1. A tree: {TREE}")
        tree = Sender(sender_env, TREE, receiver).run()
        say(f"   {tree.completed['files']:,} files, {tree.completed['links']} links in {tree.seconds:.2f} s")
        for warning in tree.warnings:
            say(f"   {warning}")

        big = work / "big.bin"
        say(f"\n2. One file of {megabytes(FILE_BYTES)}; the sender is killed half way (SIGKILL)")
        make_file(big, FILE_BYTES)
        killed = Sender(sender_env, big, receiver).run(kill_at=0.5, bytes_expected=FILE_BYTES)
        if killed.killed_at is None:
            sys.exit("the sender was through before it could be killed")
        visible = (receiver.inbox / big.name).exists()
        say(f"   killed after {megabytes(killed.killed_at)}; under its name at the receiver: {'a file, WRONG' if visible else 'nothing'}")

        say("\n3. The same command again")
        resumed = Sender(sender_env, big, receiver).run()
        say(f"   resumed: {megabytes(resumed.completed['bytes_resumed'])} were there, "
            f"{megabytes(resumed.completed['bytes_moved'])} moved; root {resumed.completed['root'][:16]}...")

        say("\n4. diff -r of both sides")
        for original in (TREE, big):
            wrong, left_out = compare(original, receiver.inbox / original.name)
            if original == TREE and len(left_out) != tree.completed["left_out"]:
                wrong.append(f"{tree.completed['left_out']} left out, {len(left_out)} links to outside are missing")
            besides = f" but for what was left out: {', '.join(map(str, left_out))}" if left_out else ""
            say(f"   {original.name}: {'DIFFERENT' if wrong else 'identical' + besides}")
            if wrong:
                sys.exit("\n".join(wrong[:20]))

        # Once more without a kill, for the table.
        whole_inbox = receiver.inbox / big.name
        whole_inbox.unlink()
        whole = Sender(sender_env, big, receiver).run()
        say()
        print_table([("tree", tree), ("file, resumed", resumed), ("file, in one go", whole)])
        say("\nkey exchange X25519 + ML-KEM-768, every chunk verified with BLAKE3, durable before it is confirmed")
        return visible
    finally:
        receiver.stop()


def lossy_link():
    """A short run of the laboratory; its own verb sets it up."""
    if os.geteuid() != 0:
        return say("\n(as root there is more: a link that loses 2 % both ways, with TCP beside it)")
    say("\n5. A link of 100 Mbit/s and 100 ms that loses 2 % of all packets, both ways: ./dev lab lossy")
    subprocess.run([DEV, "lab", "lossy", "--only", "jsp", "--only", "plain tcp", "--seconds", "20"], check=True)


def main():
    folder = Path(os.environ.get("JETWAY_WORK", tempfile.gettempdir()))
    work = Path(tempfile.mkdtemp(prefix="jetway-demo-", dir=folder)).resolve()
    try:
        if demo(work):
            sys.exit(1)
        lossy_link()
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
