#!/usr/bin/env python3
"""How fast is JSP, beside what the machine can do without a protocol, TLS 1.3 over TCP, and ngtcp2?

Every figure of ours is set beside its reference in the same run and over the same layout; runs are taken in turn,
figures are medians. Each end has a core of its own unless said. Layouts: loopback; veth, a cable with the system's
usual offloads; vethseg, the same with every packet at most 1,500 bytes. Needs root for all but loopback.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import Results, median  # noqa: E402
from layouts import Layout  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/lab"))
from laboratory import Laboratory  # noqa: E402
from link_spec import LabError, LinkSpec  # noqa: E402

PROGRAMS = Path(os.environ.get("JETWAY_BUILD", "build/release")) / "bench"
DATAGRAM_BYTES = 1472  # a packet of 1,500 bytes over IPv4
LARGE_DATAGRAM_BYTES = 65507
STEADY_RTT_MS = 60
QUESTIONS_OVER_LINK = 20
IDLE_GOAL_BYTES = 6 * 1024
LOGICAL_HEADER_BYTES = 40


class Unavailable(Exception):
    """A peer that this machine or build does not have."""


def run_json(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise Unavailable(done.stderr.strip()[-300:])
    return json.loads(done.stdout)


def ends(layout, what, who, count, *options):
    return run_json(PROGRAMS / "ends_probe", what, who, count, *layout.probe_options(), *options)


def jsp(layout, what, count, *options):
    return ends(layout, what, "jetway", count, "transport=jsp", *options)


def program_pair(layout, program, client_words, options=()):
    """A program with a server that says its port first; returns what the client says."""
    path = PROGRAMS / program
    server = subprocess.Popen([*layout.inside(layout.server), path, "serve", "--address", layout.address, "--cpu", "1",
                               *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = json.loads(server.stdout.readline())["port"]
        return run_json(*layout.inside(layout.client), path, *client_words, "--address", layout.address, "--port", port,
                        "--cpu", "0", *options)
    finally:
        server.terminate()
        server.wait()


def raw_udp(layout, seconds, size):
    return program_pair(layout, "raw_udp", ["send", "--size", str(size), "--seconds", str(seconds)])


def ngtcp2(mebibytes):
    if not (PROGRAMS / "ngtcp2_peer").exists():
        raise Unavailable("ngtcp2 was not there when this was built (./dev bench jsp installs it where it can)")
    return run_json(PROGRAMS / "ngtcp2_peer", mebibytes)


def in_turn(rounds, peers):
    """{name: {figure: median}} of those peers that there are. One that fails in the first round is left out; later
    a run that fails, which a busy machine may cause, only counts as none."""
    runs = {name: [] for name in peers}
    for number in range(rounds):
        for name, run in peers.items():
            if number > 0 and not runs[name]:
                continue
            try:
                runs[name].append(run())
            except Unavailable as error:
                print(f"{'a run failed' if number > 0 else 'left out'}: {name}: {error}", file=sys.stderr)
    return {name: medians_of(figures) for name, figures in runs.items() if figures}


def medians_of(runs):
    numbers = [key for key, value in runs[0].items() if isinstance(value, (int, float)) and not isinstance(value, bool)]
    return {key: median([run[key] for run in runs]) for key in numbers}


class Section:
    """Rows of one comparison: the first peer is ours, the others are what it is set beside."""

    def __init__(self, results, title, figures):
        self.results = results
        self.title = title
        self.figures = figures
        self.ours = next(iter(figures), None)

    def add(self, figure, unit, goals=None):
        """The figure of every peer; `goals` bound the ratio of ours to the named ones."""
        for name, values in self.figures.items():
            self.results.add(f"{self.title}: {name}", values[figure], unit)
        for reference, goal in (goals or {}).items():
            if self.ours == "jsp" and reference in self.figures:
                self.results.add(f"{self.title}: jsp / {reference}", self.figures["jsp"][figure], unit, reference,
                                 reference_value=self.figures[reference][figure], goal=goal)


def measure_bulk(results, options):
    for name in options.layouts:
        with Layout(name) as layout:
            figures = in_turn(options.rounds, {
                "jsp": lambda: jsp(layout, "bulk", options.mib, f"datagram={DATAGRAM_BYTES}"),
                "raw limit": lambda: raw_udp(layout, options.seconds, DATAGRAM_BYTES),
                "tls": lambda: ends(layout, "bulk", "tls", options.mib),
                "jetway tcp": lambda: ends(layout, "bulk", "jetway", options.mib),
            })
        section = Section(results, f"{name}, MTU 1500", figures)
        section.add("gbit_s", "Gbit/s", {"raw limit": ("at least", 0.6), "tls": ("at least", 0.7)})
        section.add("cpu_s_gb", "CPU s/GB")
        add_packet_rows(results, name, figures)


def add_packet_rows(results, name, figures):
    """What one packet costs, and how often it is acknowledged."""
    if "jsp" not in figures:
        return
    ours = figures["jsp"]
    results.add(f"{name}: ACK packets per data packet", ours["receiver_packets_sent"] / ours["sender_packets_sent"], "",
                "one for two packets", reference_value=0.5, goal=("at most", 0.5))
    results.add(f"{name}: payload of a path's datagram", ours["sender_mtu_bytes"], "bytes")


def measure_one_thread(results, options):
    layout = Layout("loopback")
    figures = in_turn(options.rounds, {
        "jsp": lambda: jsp(layout, "bulk", options.mib, "one_thread=1", "datagram=1452"),
        "ngtcp2": lambda: ngtcp2(options.mib),
    })
    section = Section(results, "both ends in one thread, loopback, 1452 bytes", figures)
    section.add("gbit_s", "Gbit/s", {"ngtcp2": ("at least", 1.0)})
    section.add("cpu_s_gb", "CPU s/GB")


def measure_large(results, options):
    layout = Layout("loopback")
    figures = in_turn(options.rounds, {
        "jsp": lambda: jsp(layout, "bulk", options.mib),
        "raw limit": lambda: raw_udp(layout, options.seconds, LARGE_DATAGRAM_BYTES),
    })
    Section(results, "loopback, large MTU", figures).add("gbit_s", "Gbit/s", {"raw limit": ("at least", 0.6)})


def measure_ping(results, options):
    layout = Layout("loopback")

    def bare(transport):
        return program_pair(layout, "ping_udp", ["run", "--count", str(options.pings)], ["--transport", transport])

    figures = in_turn(options.rounds, {
        "jsp": lambda: jsp(layout, "ping", options.pings),
        "bare UDP": lambda: bare("udp"),
        "TCP_NODELAY": lambda: bare("tcp"),
        "jetway tcp": lambda: ends(layout, "ping", "jetway", options.pings),
    })
    for figure in ("p50_us", "p99_us"):
        section = Section(results, f"64-byte message there and back, {figure[:3]}", figures)
        section.add(figure, "us", {"bare UDP": None, "TCP_NODELAY": None})


def measure_handshakes(results, options):
    layout = Layout("loopback")
    figures = in_turn(options.rounds, {
        "jsp": lambda: jsp(layout, "handshake", options.handshakes),
        "tls": lambda: ends(layout, "handshake", "tls", options.handshakes),
        "jetway tcp": lambda: ends(layout, "handshake", "jetway", options.handshakes),
    })
    Section(results, "handshake, server", figures).add("server_cpu_us", "CPU us", {"tls": ("at most", 1.0)})
    Section(results, "handshakes one after the other", figures).add("per_s", "1/s")


def over_link(lab, spec, seed, what, count, *options):
    """One run of the probe between the two ends of an emulated link."""
    try:
        lab.up("link", SimpleNamespace(seed=seed, congestion_control="bbr", sysctl=None, spec=LinkSpec(spec),
                                       linkem_arguments=[]))
        return run_json(PROGRAMS / "ends_probe", what, "jetway", count, "transport=jsp", *options,
                        f"address={lab.ipv4('b')}", f"server_netns={lab.namespace('b')}",
                        f"client_netns={lab.namespace('a')}")
    finally:
        lab.down()


def measure_first_answer(results, options):
    """A connection for one question: how long until the first byte of the answer, with a ticket (the question goes with
    the first packets, 2 round trips) and without (3)."""
    figures = in_turn(options.rounds, {
        "with a ticket": lambda: jsp(Layout("loopback"), "first", options.questions, "tickets=1"),
        "without": lambda: jsp(Layout("loopback"), "first", options.questions),
    })
    for name, values in figures.items():
        results.add(f"new connection, first byte of an answer, loopback, {name}", values["p50_us"] / 1000, "ms")
    if os.geteuid() != 0:
        print("left out: first answers over a link: the emulated link needs root", file=sys.stderr)
        return
    lab = Laboratory("jwbench")
    lab.lock()
    spec = f"rtt={STEADY_RTT_MS}ms,rate=100mbit"
    try:
        for name, words, goal in (("with a ticket", ["tickets=1"], ("at most", 2.2)), ("without", [], None)):
            p50 = over_link(lab, spec, 1, "first", QUESTIONS_OVER_LINK, *words)["p50_us"] / 1000
            results.add(f"new connection, first byte of an answer, link, {name}", p50, "ms",
                        f"round trip: {STEADY_RTT_MS} ms", reference_value=STEADY_RTT_MS, goal=goal)
    except (Unavailable, LabError) as error:
        print(f"left out: first answers over a link: {error}", file=sys.stderr)


def measure_steady(results, options):
    """100 messages a second over a path of 60 ms that loses 2 % each way: how late the slowest in a hundred is."""
    lab = Laboratory("jwbench")
    lab.lock()
    spec = f"rtt={STEADY_RTT_MS}ms,rate=100mbit,loss=2%"
    runs = {"with FEC": [], "without FEC": []}
    for seed in range(1, options.rounds + 1):
        for name, fec in (("with FEC", "auto"), ("without FEC", "off")):
            try:
                runs[name].append(over_link(lab, spec, seed, "steady", options.messages, f"fec={fec}"))
            except (Unavailable, LabError) as error:
                print(f"left out: steady messages: {error}", file=sys.stderr)
                return
    for name, list_of in runs.items():
        goal = ("at most", 1.5) if name == "with FEC" else None
        p99 = median([run["p99_us"] for run in list_of]) / 1000
        results.add(f"100 messages/s, 2 % loss, {name}: p99 of the way to the peer", p99, "ms",
                    f"round trip: {STEADY_RTT_MS} ms", reference_value=STEADY_RTT_MS, goal=goal)


def micro(program, *options):
    """{case: {counter or time: value}} of a Google Benchmark program; times in ns."""
    words = [PROGRAMS / f"bench_{program}", "--benchmark_format=json", *options]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        raise Unavailable(done.stderr.strip()[-300:])
    return {entry["name"]: entry for entry in json.loads(done.stdout)["benchmarks"]}


def measure_header(results, options):
    """Bytes before the sealed payload, in packets as they go, and what the header of one costs."""
    bulk = micro("jsp_engine", f"--benchmark_filter=BM_BulkStream/datagram:{DATAGRAM_BYTES}$", options.micro_time)
    (ours,) = bulk.values()
    for end, goal in (("dialer", 3), ("listener", 11)):
        results.add(f"header towards a {end}: bytes before the payload", ours[f"header_to_{end}"], "bytes",
                    f"at most {goal}", reference_value=goal, goal=("at most", 1.0))
    results.add("header towards a dialer, of the logical one", ours["header_to_dialer"], "bytes",
                f"logical header: {LOGICAL_HEADER_BYTES}", reference_value=LOGICAL_HEADER_BYTES, goal=("at most", 0.075))
    cases = micro("jsp_header", options.micro_time)
    for step in ("Encode", "Protect", "Decode", "Unprotect"):
        towards = {end: cases[f"BM_{step}<Towards::{end}>"]["cpu_time"] for end in ("Dialer", "Listener")}
        results.add(f"header towards a dialer: {step.lower()}", towards["Dialer"], "ns", "towards a listener",
                    reference_value=towards["Listener"])
        results.add(f"header towards a listener: {step.lower()}", towards["Listener"], "ns")


# What it saves, in which counter, and what it may be when it is on: (reference, its value, most of it).
SAVINGS = {
    "Pools": ("pools: allocations per packet", "allocations_each", ("one for each packet", 1, 0.01)),
    "Coalescing": ("coalescing: packets per small write", "packets_each", ("one for each write", 1, 0.5)),
    "BatchedAcks": ("batched ACKs: ACKs per data packet", "acks_each", ("one for two packets", 0.5, 0.5)),
}


def measure_savings(results, _):
    if not (PROGRAMS / "bench_jsp_savings").exists():
        print("left out: savings: built without tests, whose part counts allocations", file=sys.stderr)
        return
    cases = {name.split("/iterations")[0]: entry for name, entry in micro("jsp_savings").items()}
    for case, (title, counter, (reference, value, most)) in SAVINGS.items():
        on, off = (cases[f"BM_{case}/on:{state}"][counter] for state in (1, 0))
        results.add(f"{title}, on", on, "", reference, reference_value=value, goal=("at most", most))
        results.add(f"{title}, off", off, "", reference, reference_value=value)


def measure_idle(results, options):
    try:
        figures = jsp(Layout("loopback"), "idle", options.idle)
    except Unavailable as error:
        print(f"left out: idle connections: {error}", file=sys.stderr)
        return
    for figure, goal in (("heap_bytes", ("at most", 1.0)), ("bytes", None)):
        kind = "heap" if figure == "heap_bytes" else "resident memory"
        title = f"{options.idle} idle connections: {kind} of one"
        results.add(f"{title} at the server", figures[f"server_{figure}"], "bytes", "6 KiB",
                    reference_value=IDLE_GOAL_BYTES, goal=goal)
        results.add(f"{title} at the client", figures[f"client_{figure}"], "bytes")


SECTIONS = {"bulk": measure_bulk, "one_thread": measure_one_thread, "large": measure_large, "ping": measure_ping,
            "handshake": measure_handshakes, "first": measure_first_answer, "steady": measure_steady,
            "header": measure_header, "savings": measure_savings, "idle": measure_idle}
# What --quick does less of: enough to see that all of it runs.
QUICK = {"rounds": 1, "mib": 64, "seconds": 0.3, "handshakes": 50, "questions": 20, "pings": 500, "messages": 200,
         "idle": 500}


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev bench jsp", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=SECTIONS, help="may be repeated")
    parser.add_argument("--layouts", default="veth,loopback,vethseg")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=2048, help="to move in each run")
    parser.add_argument("--seconds", type=float, default=3, help="of each run of the raw limit")
    parser.add_argument("--handshakes", type=int, default=1000)
    parser.add_argument("--questions", type=int, default=300, help="each over a new connection")
    parser.add_argument("--pings", type=int, default=20000)
    parser.add_argument("--messages", type=int, default=3000, help="of the steady stream, in each run")
    parser.add_argument("--idle", type=int, default=20000, help="connections")
    parser.add_argument("--quick", action="store_true", help="a little of everything: says that it runs, not how fast")
    options = parser.parse_args()
    if options.quick:
        vars(options).update(QUICK)
    options.micro_time = f"--benchmark_min_time={0.02 if options.quick else 0.5}s"
    options.layouts = options.layouts.split(",")
    if os.geteuid() != 0 and options.layouts != ["loopback"]:
        print("without root: loopback only", file=sys.stderr)
        options.layouts = ["loopback"]
    return options


def main():
    options = parse_arguments()
    results = Results("jsp")
    for name, measure in SECTIONS.items():
        if options.only and name not in options.only:
            continue
        if name == "steady" and os.geteuid() != 0:
            print("left out: steady messages: the emulated link needs root", file=sys.stderr)
            continue
        measure(results, options)
    results.finish()


if __name__ == "__main__":
    main()
