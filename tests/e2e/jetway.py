"""What the end-to-end tests are made of: peers (a HOME of their own each) that run the real command, and trees."""

import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

PROGRAM = os.path.abspath(os.environ["JETWAY"])
DEADLINE = 60  # seconds that anything here may take at most


class Process:
    """A running command; its output is read as it comes, so that it never blocks."""

    def __init__(self, arguments, environment, **options):
        self.arguments = arguments
        self.process = subprocess.Popen(
            [PROGRAM, *arguments], env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)  # fmt: skip
        self.changed = threading.Condition()
        self.output = {"stdout": b"", "stderr": b""}
        self.readers = [threading.Thread(target=self._read, args=(name,), daemon=True) for name in self.output]
        for reader in self.readers:
            reader.start()

    def _read(self, name):
        stream = getattr(self.process, name)
        while block := os.read(stream.fileno(), 65536):
            with self.changed:
                self.output[name] += block
                self.changed.notify_all()

    @property
    def stdout(self):
        return self.output["stdout"].decode(errors="replace")

    @property
    def stderr(self):
        return self.output["stderr"].decode(errors="replace")

    @property
    def pid(self):
        return self.process.pid

    def events(self, name=None):
        """The JSON events so far (whole lines), all or those of that name."""
        lines = self.output["stdout"].split(b"\n")[:-1]
        found = [json.loads(line) for line in lines]
        return [event for event in found if name is None or event["event"] == name]

    def wait_for(self, condition, what):
        """Until `condition` of this process's output holds."""
        deadline = time.monotonic() + DEADLINE
        with self.changed:
            while not (result := condition()):
                is_over = self.process.poll() is not None and not any(reader.is_alive() for reader in self.readers)
                if is_over or time.monotonic() > deadline:
                    raise AssertionError(f"no {what} from {self.arguments}:\n{self.stdout}\n{self.stderr}")
                self.changed.wait(0.1)
        return result

    def wait_for_event(self, name):
        return self.wait_for(lambda: self.events(name), f"event {name}")[-1]

    def wait_for_text(self, pattern):
        return self.wait_for(lambda: re.search(pattern, self.stderr), f"text {pattern}")

    def wait(self):
        """The exit code."""
        code = self.process.wait(DEADLINE)
        for reader in self.readers:
            reader.join(DEADLINE)
        return code

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(DEADLINE)

    def close(self):
        self.kill()
        for reader in self.readers:
            reader.join(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()


class Peer:
    """A user of the command with a HOME of their own."""

    def __init__(self, case, name):
        self.case = case
        self.home = case.root / name
        self.home.mkdir()

    def environment(self, **variables):
        kept = {key: os.environ[key] for key in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
                if key in os.environ}  # fmt: skip
        return {**kept, "HOME": str(self.home), "LC_ALL": "C.UTF-8", **variables}

    def start(self, *arguments, env=None, **options):
        process = Process([os.fspath(argument) for argument in arguments], self.environment(**(env or {})), **options)
        self.case.addCleanup(process.close)
        return process

    def run(self, *arguments, **options):
        process = self.start(*arguments, **options)
        process.code = process.wait()
        return process

    def configure(self, text):
        file = self.home / ".config/jetway/config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    @property
    def id(self):
        return self.run("id").stdout.strip()

    @property
    def inbox(self):
        folder = self.home / "inbox"
        folder.mkdir(exist_ok=True)
        return folder

    def listen(self, *arguments, address="127.0.0.1:0", admit=("--any",), env=None):
        """A receiver with JSON events, by JSP and TCP unless told otherwise, and where to send to (with its id)."""
        receiver = self.start("receive", "--json", "--listen", address, "--dir", self.inbox, *admit, *arguments, env=env)
        event = receiver.wait_for_event("listening")
        receiver.address = event["address"]
        receiver.to = f"{event['peer']}@{event['address']}"
        return receiver

    def send(self, *paths, to, env=None, flags=("--json",)):
        return self.run("send", *paths, "--to", to, *flags, env=env)

    def start_send(self, *paths, to, env=None, flags=("--json",)):
        return self.start("send", *paths, "--to", to, *flags, env=env)


class EndToEndTest(unittest.TestCase):
    """Two peers in a temporary folder: self.alice sends, self.bob receives."""

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="jetway-e2e-"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        seed = int(os.environ.get("JETWAY_SEED", random.SystemRandom().getrandbits(32)))
        self.random = random.Random(seed)
        print(f"{self.id()}: JETWAY_SEED={seed}", flush=True)
        self.alice = Peer(self, "alice")
        self.bob = Peer(self, "bob")

    def make_file(self, name, size):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            while size > 0:
                file.write(self.random.randbytes(min(size, 1 << 20)))
                size -= 1 << 20
        return path

    def assert_done(self, process):
        self.assertEqual(process.code, 0, process.stdout + process.stderr)

    def assert_same_file(self, a, b):
        self.assertTrue(pathlib.Path(a).read_bytes() == pathlib.Path(b).read_bytes(), f"{a} and {b} differ")

    def assert_nothing_partial(self, folder):
        left = [name for _, _, names in os.walk(folder) for name in names if name.startswith(".jetway-")]
        self.assertEqual(left, [])


def tree(folder):
    """What is in a folder, for comparing: relative raw names to type, mode, mtime and content."""
    root = os.fsencode(folder)
    found = {}
    for directory, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            kind = status.st_mode >> 12
            content = None
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    content = file.read()
            mode = 0 if os.path.islink(path) else status.st_mode & 0o777
            found[os.path.relpath(path, root)] = (kind, mode, status.st_mtime_ns, content)
    return found


__all__ = ["DEADLINE", "PROGRAM", "EndToEndTest", "Peer", "Process", "signal", "time", "tree", "unittest"]
