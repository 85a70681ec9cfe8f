#!/usr/bin/env python3
"""Question: how long does a file, and a tree of small files, take over loopback TCP onto the disk, beside an
rsync daemon (no encryption, no verification), nginx and curl over TLS 1.3 (no verification) and scp?

All tools are run in turn, source in the page cache, destination always new files, no fsync unless said.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness import Results, free_port, measure, median, wait_for_port  # noqa: E402

JETWAY = os.environ.get("JETWAY", "build/release/bin/jetway")
FILE_BYTES = 2 << 30
TREE_FILES = 10_000


def make_sources(folder, file_bytes, tree_files):
    folder.mkdir()
    big = folder / "big.bin"
    with open(big, "wb") as out:
        for _ in range(file_bytes >> 20):
            out.write(os.urandom(1 << 20))
    tree = folder / "tree"
    sizes = random.Random(4717)
    for index in range(tree_files):
        path = tree / f"d{index % 100:02}" / f"f{index:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(sizes.randint(4 << 10, 64 << 10)))
    tree_bytes = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    return big, tree, tree_bytes


class Tool:
    """One way of copying: start() its server, then copy() as often as wanted."""

    def __init__(self, name, work):
        self.name = name
        self.work = work / name
        self.work.mkdir()
        self.processes = []
        self.port = free_port()

    def spawn(self, command, **named):
        log = open(self.work / "server.log", "ab")
        self.processes.append(
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **named))

    def pids(self):
        return [process.pid for process in self.processes]

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(10)


class Rsync(Tool):
    def start(self, source):
        config = self.work / "rsyncd.conf"
        config.write_text(
            f"port = {self.port}\naddress = 127.0.0.1\nuse chroot = no\npid file = {self.work}/pid\n"
            f"log file = {self.work}/log\nuid = {os.getuid()}\ngid = {os.getgid()}\n"
            f"[out]\npath = {self.work.parent}\nread only = no\n")
        self.spawn(["rsync", "--daemon", "--no-detach", f"--config={config}"])
        wait_for_port(self.port)

    def copy(self, source, target):
        relative = target.relative_to(self.work.parent)
        return measure(["rsync", "-a", "--whole-file", str(source),
                        f"rsync://127.0.0.1:{self.port}/out/{relative}/"], self.pids())


class Scp(Tool):
    def start(self, source):
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.work / key], check=True)
        shutil.copy(self.work / "user.pub", self.work / "authorized_keys")
        Path("/run/sshd").mkdir(exist_ok=True)
        self.spawn(["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", str(self.port),
                    "-o", "ListenAddress=127.0.0.1", "-o", f"HostKey={self.work}/host",
                    "-o", f"AuthorizedKeysFile={self.work}/authorized_keys", "-o", "StrictModes=no",
                    "-o", "PermitRootLogin=yes", "-o", "UsePAM=no", "-o", "Subsystem=sftp internal-sftp"])
        wait_for_port(self.port)

    def copy(self, source, target):
        return measure(["scp", "-q", "-r", "-P", str(self.port), "-i", str(self.work / "user"),
                        "-c", "aes256-gcm@openssh.com", "-o", "StrictHostKeyChecking=no",
                        "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", str(source),
                        f"127.0.0.1:{target}/"], self.pids())


class Nginx(Tool):
    """One file by curl over TLS 1.3 with AES-256-GCM; nginx reads it from the page cache."""

    def start(self, source):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", self.work / "key.pem",
                        "-out", self.work / "cert.pem"], check=True, stderr=subprocess.DEVNULL)
        config = self.work / "nginx.conf"
        user = "user root;\n" if os.getuid() == 0 else ""
        config.write_text(f"""{user}daemon off; worker_processes 1; pid {self.work}/pid; error_log {self.work}/log;
events {{}}
http {{
  access_log off; sendfile off; output_buffers 4 128k;
  client_body_temp_path {self.work}; proxy_temp_path {self.work}; fastcgi_temp_path {self.work};
  uwsgi_temp_path {self.work}; scgi_temp_path {self.work};
  server {{
    listen 127.0.0.1:{self.port} ssl; root {source.parent};
    ssl_certificate {self.work}/cert.pem; ssl_certificate_key {self.work}/key.pem;
    ssl_protocols TLSv1.3; ssl_buffer_size 16k; ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384;
  }}
}}
""")
        self.spawn(["nginx", "-c", str(config), "-p", str(self.work)])
        wait_for_port(self.port)

    def copy(self, source, target):
        return measure(["curl", "-sS", "-k", "--http1.1", "-o", str(target / source.name),
                        f"https://127.0.0.1:{self.port}/{source.name}"], self.pids())


class Jetway(Tool):
    def __init__(self, name, work, fsync):
        super().__init__(name, work)
        self.fsync = fsync

    def environment(self, side):
        home = self.work / side
        home.mkdir(exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("JETWAY_")}
        return dict(inherited, HOME=str(home), XDG_CONFIG_HOME=str(home / "config"),
                    XDG_STATE_HOME=str(home / "state"), XDG_DATA_HOME=str(home / "data"))

    def receive(self, target):
        self.spawn([JETWAY, "receive", "--quiet", "--dir", str(target), "--listen",
                    f"tcp://127.0.0.1:{self.port}", "--any", "--yes", "--max-bytes", "1T", "--max-files",
                    "1000000", "--fsync", self.fsync], env=self.environment("receiver"))
        wait_for_port(self.port)

    def start(self, source):
        # The identity exists before the first run, as it does for a user.
        subprocess.run([JETWAY, "id"], env=self.environment("sender"), check=True, stdout=subprocess.DEVNULL)

    def copy(self, source, target):
        self.receive(target)
        try:
            return measure([JETWAY, "send", "--quiet", "--accept-new", str(source), "--to",
                            f"tcp://127.0.0.1:{self.port}"], self.pids(), env=self.environment("sender"))
        finally:
            self.stop()
            self.processes.clear()
            shutil.rmtree(self.work / "sender" / "config", ignore_errors=True)


def run_all(tools, source, work, rounds, keep):
    """The tools in turn, `rounds` times, each round beginning with another one: what came before a tool leaves
    it pages that are quick or slow to fill. A warm-up first. Files of a tree are kept: ext4 is slow at creating
    many files just after as many were deleted, and that is not what is measured here."""
    runs = {tool.name: [] for tool in tools}
    for round_number in range(rounds + 1):
        first = round_number % len(tools)
        for tool in tools[first:] + tools[:first]:
            target = work / f"out-{tool.name}-{source.name}-{round_number}"
            target.mkdir()
            os.sync()
            run = tool.copy(source, target)
            if round_number > 0:
                runs[tool.name].append(run)
            if not keep:
                shutil.rmtree(target)
            print(f"  {source.name} round {round_number} {tool.name}: {run.seconds:.2f} s", file=sys.stderr)
    return runs


def report(results, what, runs, goals, gigabytes):
    seconds = {name: median([run.seconds for run in list_of_runs]) for name, list_of_runs in runs.items()}
    for name in runs:
        results.add(f"{what}: {name}", seconds[name], "s")
    for reference, goal in goals:
        results.add(f"{what}: jetway / {reference}", seconds["jetway"], "s", reference,
                    reference_value=seconds[reference], goal=goal)
    for name, list_of_runs in runs.items():
        results.add(f"{what}: {name}, CPU of client", median([r.client_cpu for r in list_of_runs]) / gigabytes,
                    "s/GB")
        results.add(f"{what}: {name}, CPU of server", median([r.server_cpu for r in list_of_runs]) / gigabytes,
                    "s/GB")
    for side in ("client", "server"):
        peak = max(getattr(run, f"{side}_peak_mib") for run in runs["jetway"])
        results.add(f"{what}: jetway, peak memory of {'sender' if side == 'client' else 'receiver'}", peak,
                    "MiB", "64 MiB", reference_value=64, goal=("at most", 1.0))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--file-mib", type=int, default=FILE_BYTES >> 20)
    parser.add_argument("--files", type=int, default=TREE_FILES)
    parser.add_argument("--folder", default=os.environ.get("JETWAY_BUILD", tempfile.gettempdir()),
                        help="where sources and copies go (the file system that is measured)")
    parser.add_argument("--only", choices=["file", "tree"])
    options = parser.parse_args()

    results = Results("file")
    with tempfile.TemporaryDirectory(prefix="bench-file-", dir=options.folder) as folder:
        work = Path(folder).resolve()
        big, tree, tree_bytes = make_sources(work / "source", options.file_mib << 20, options.files)
        os.sync()
        jetway = Jetway("jetway", work, "never")
        durable = Jetway("jetway-fsync-auto", work, "auto")
        rsync, scp, nginx = Rsync("rsyncd", work), Scp("scp", work), Nginx("nginx-curl", work)
        tools = [jetway, durable, rsync, nginx, scp]
        try:
            for tool in tools:
                tool.start(big)
            if options.only != "tree":
                runs = run_all(tools, big, work, options.rounds, keep=False)
                report(results, "one file", runs,
                       [("rsyncd", ("at most", 0.6)), ("nginx-curl", ("at most", 1.2)), ("scp", ("at most", 0.6))],
                       big.stat().st_size / 1e9)
            if options.only != "file":
                runs = run_all([jetway, durable, rsync, scp], tree, work, options.rounds, keep=True)
                report(results, "tree", runs,
                       [("rsyncd", ("at most", 1.0)), ("scp", ("at most", 0.2))], tree_bytes / 1e9)
        finally:
            for tool in tools:
                tool.stop()
    results.finish()


if __name__ == "__main__":
    main()
