#!/usr/bin/env python3
"""Memory to memory, and handshakes, through the session over TCP beside OpenSSL's TLS 1.3 on the same machine.

Each end is a process with a core of its own. Runs of both are taken in turn; the figures are medians of five.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness import Results  # noqa: E402

PROBE = Path(os.environ.get("JETWAY_BUILD", "build/release")) / "bench" / "ends_probe"


def probe(*arguments):
    output = subprocess.run([PROBE, *map(str, arguments)], check=True, capture_output=True, text=True).stdout
    return json.loads(output)


def medians(what, count, rounds):
    """Figures of both, by name: {"jetway": {...}, "tls": {...}}."""
    runs = {"jetway": [], "tls": []}
    for _ in range(rounds):
        for who, figures in runs.items():
            figures.append(probe(what, who, count))
    return {
        who: {name: statistics.median(run[name] for run in figures) for name in figures[0]}
        for who, figures in runs.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=4096, help="to move in each run")
    parser.add_argument("--handshakes", type=int, default=1000, help="in each run")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    results = Results("session_tcp")
    bulk = medians("bulk", options.mib, options.rounds)
    ours, theirs = bulk["jetway"], bulk["tls"]
    reference = "OpenSSL TLS 1.3, AES-256-GCM"

    def add(name, figure, unit, goal=None):
        results.add(name, ours[figure], unit, f"{reference}: {theirs[figure]:.4g}", theirs[figure], goal)

    add("memory to memory", "gbit_s", "Gbit/s", ("at least", 0.7))
    add("memory to memory, sender", "sender_cpu_s_gb", "CPU s/GB")
    add("memory to memory, receiver", "receiver_cpu_s_gb", "CPU s/GB")

    handshakes = medians("handshake", options.handshakes, options.rounds)
    ours, theirs = handshakes["jetway"], handshakes["tls"]
    reference = "OpenSSL TLS 1.3, X25519MLKEM768, client certificate"
    add("handshake, server", "server_cpu_us", "CPU us", ("at most", 1.0))
    add("handshake, client", "client_cpu_us", "CPU us")
    add("handshakes one after the other", "per_s", "1/s")
    results.finish()


if __name__ == "__main__":
    main()
