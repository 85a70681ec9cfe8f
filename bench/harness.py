"""What every benchmark script shares: runs in turn, medians, a table for people and JSON for programs."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Row:
    """One figure. `ratio` is value / reference; `goal` bounds it: ("at most", 0.6) or ("at least", 0.7)."""

    name: str
    value: float
    unit: str
    reference: str = ""
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


def make_row(name, value, unit, reference="", reference_value=None, goal=None):
    ratio = value / reference_value if reference_value else None
    if goal is None or ratio is None:
        return Row(name, value, unit, reference, ratio)
    direction, bound = goal
    met = ratio <= bound if direction == "at most" else ratio >= bound
    return Row(name, value, unit, reference, ratio, f"{direction} {bound:g}", met)


class Results:
    """Collects the rows of one benchmark; finish() prints them and writes NAME.json."""

    def __init__(self, name):
        self.name = name
        self.rows = []

    def add(self, *arguments, **named):
        self.rows.append(make_row(*arguments, **named))

    def finish(self):
        print_table(self.rows)
        folder = Path(os.environ.get("JETWAY_RESULTS", Path(__file__).parent / "results"))
        folder.mkdir(parents=True, exist_ok=True)
        report = {
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "machine": machine(),
            "rows": [asdict(row) for row in self.rows],
        }
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(report, indent=1) + "\n")
        print(f"\nwritten to {path}")


def print_table(rows):
    header = ("", "value", "unit", "beside", "ratio", "goal", "")
    lines = [header]
    for row in rows:
        lines.append((
            row.name,
            f"{row.value:.3g}" if row.value < 1000 else f"{row.value:.0f}",
            row.unit,
            row.reference,
            "" if row.ratio is None else f"{row.ratio:.2f}",
            row.goal,
            "" if row.met is None else ("met" if row.met else "MISSED"),
        ))
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    for line in lines:
        cells = [line[0].ljust(widths[0]), line[1].rjust(widths[1])]
        cells += [cell.ljust(width) for cell, width in zip(line[2:], widths[2:])]
        print("  ".join(cells).rstrip())


def machine():
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} x {model}, {memory_gib:.0f} GiB, Linux {platform.release()}"


def median(values):
    return statistics.median(values)


@dataclass
class Run:
    """One run of a client beside its server."""

    seconds: float
    client_cpu: float
    server_cpu: float
    client_peak_mib: float
    server_peak_mib: float

    @property
    def cpu(self):
        return self.client_cpu + self.server_cpu


def measure(command, server_pids=(), env=None, check=True):
    """Runs `command` to its end; the servers' CPU time (children they have reaped included) is taken beside."""
    before = sum(cpu_seconds(pid) for pid in server_pids)
    start = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    complaints = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if check and process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {process.returncode}\n{complaints.decode(errors='replace')}")
    time.sleep(0.05)  # until a forked server has been reaped and counted
    return Run(
        seconds=seconds,
        client_cpu=usage.ru_utime + usage.ru_stime,
        server_cpu=sum(cpu_seconds(pid) for pid in server_pids) - before,
        client_peak_mib=usage.ru_maxrss / 1024,
        server_peak_mib=max((peak_mib(pid) for pid in server_pids), default=0.0),
    )


def cpu_seconds(pid):
    """CPU time of a process, the children it has waited for, and the children that still run."""
    total = 0.0
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total = sum(int(field) for field in fields[11:15]) / TICKS_PER_SECOND
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        total += sum(cpu_seconds(child) for child in children)
    except (FileNotFoundError, ProcessLookupError):
        pass
    return total


def peak_mib(pid):
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0.0


def wait_for_port(port, host="127.0.0.1", seconds=10):
    import socket

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((host, port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"nothing listens on port {port}")


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
