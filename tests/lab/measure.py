#!/usr/bin/env python3
"""./dev lab [PROFILE...]: one bulk flow of the real programs over emulated links.

Jetway over each of its transports, and plain TCP (iperf3), in turn over the same link with the same seeds. Goodput
is what the receiver has, from second --from (10; lossy 5, satellite 20) to the end. Round trips under load are those
of small datagrams beside the flow. A * means that the emulator did not keep up: do not trust that run.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from flows import PAYLOAD_SHARE, Flow, goodput_mbit, knows_transport, make_source  # noqa: E402
from harness import machine, median  # noqa: E402
from laboratory import Laboratory, run_program  # noqa: E402
from link_spec import PROFILES, LinkSpec  # noqa: E402
from probe import Probe, quantile  # noqa: E402

DEFAULT_PROFILES = ("lossy", "lfn", "bursty", "satellite", "mobile", "wifi", "wan", "lan")
FIRST_SECOND = {"lossy": 5, "satellite": 20}
PROBES_PER_SECOND = 20

FLOWS = (
    Flow("jetway jsp", "cubic", "jsp"),
    Flow("jetway tcp bbr", "bbr", "tcp"),
    Flow("jetway tcp cubic", "cubic", "tcp"),
    Flow("plain tcp bbr", "bbr"),
    Flow("plain tcp cubic", "cubic"),
)


def capacity_mbit(profile):
    """What a link can carry at most as payload: rate x (1 - loss) x share of time it is up x payload of a frame."""
    known = {"wan": 1000, "lfn": 1000 * 0.999, "lossy": 100 * 0.98, "bursty": 100 * 0.988, "satellite": 20 * 0.99,
             "mobile": 30 * 0.9, "wifi": 80 * 0.993}
    return known[profile] * PAYLOAD_SHARE if profile in known else None


class RttProbe:
    """Small datagrams both ways while something else runs."""

    def __init__(self, lab, seconds):
        self.probe = Probe(lab, "a", "b")
        self.thread = threading.Thread(target=self.probe.run, args=(seconds * PROBES_PER_SECOND, PROBES_PER_SECOND))
        self.thread.start()

    def finish(self):
        """Median round trip in ms: of those both ways, as each way has losses of its own."""
        self.thread.join()
        halves = [sorted(delay for _, delay in arrived) for arrived in self.probe.arrived.values()]
        return sum(quantile(half, 0.5) for half in halves)


def run_once(flow, profile, seed, options, work):
    lab = Laboratory(options.name)
    lab.lock()
    try:
        lab.up("link", SimpleNamespace(seed=seed, congestion_control=flow.congestion_control, sysctl=None,
                                       spec=LinkSpec(profile), linkem_arguments=[]))
        base_ms = base_rtt_ms(lab)
        rtt = RttProbe(lab, options.seconds)
        lab.control("link", "restart")
        try:
            flow.run(lab, options.seconds, work)
        finally:
            rtt_ms = rtt.finish()
        verdict = lab.statistics("link")["self"]["verdict"]
    finally:
        lab.down()
    first = options.first or FIRST_SECOND.get(profile, 10)
    return {"profile": profile, "flow": flow.name, "seed": seed, "verdict": verdict, "note": flow.note,
            "goodput_mbit": round(goodput_mbit(flow.samples, min(first, options.seconds / 2), options.seconds), 2),
            "retransmitted": flow.retransmitted, "path": flow.path, "rtt_ms": round(rtt_ms, 2), "base_rtt_ms": round(base_ms, 2)}


def base_rtt_ms(lab):
    result = Probe(lab, "a", "b").run(100, 200)
    return result["ab"]["delay_ms_p50"] + result["ba"]["delay_ms_p50"]


def show_header():
    print(f"\n{'':10} {'':17} {'Mbit/s':>7} {'of what fits':>12} {'RTT/base':>9} {'resent':>7}  all runs", flush=True)


def show(runs):
    """One line for each flow over each profile."""
    show_header()
    for profile in dict.fromkeys(run["profile"] for run in runs):
        for name in dict.fromkeys(run["flow"] for run in runs):
            some = [run for run in runs if (run["profile"], run["flow"]) == (profile, name)]
            if some:
                show_line(profile, name, some)


def show_line(profile, name, some):
    goodput = median([run["goodput_mbit"] for run in some])
    capacity = capacity_mbit(profile)
    share = f"{goodput / capacity:.0%}" if capacity else "-"
    inflation = median([run["rtt_ms"] / max(run["base_rtt_ms"], 0.01) for run in some])
    counted = [run["retransmitted"] for run in some if run["retransmitted"] is not None]
    resent = f"{median(counted):.0f}" if counted else "-"
    every = ", ".join(f"{run['goodput_mbit']:.1f}" + ("" if run["verdict"] == "ok" else "*") for run in some)
    notes = "; ".join(dict.fromkeys(run["note"] for run in some if run["note"]))
    print(f"{profile:10} {name:17} {goodput:7.1f} {share:>12} {inflation:9.2f} {resent:>7}  {every}"
          + (f"  ({notes})" if notes else ""), flush=True)


def write_json(runs, options):
    folder = Path(os.environ.get("JETWAY_RESULTS", "."))
    path = folder / "lab.json"
    report = {"machine": machine(), "seconds": options.seconds, "runs": runs}
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\nwritten to {path}")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev lab", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profiles", nargs="*", metavar="PROFILE", help=f"default: {' '.join(DEFAULT_PROFILES)}")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each flow, another seed each")
    parser.add_argument("--seconds", type=int, default=60, help="of each run")
    parser.add_argument("--from", dest="first", type=int, help="goodput counts from this second on")
    parser.add_argument("--only", action="append", metavar="TEXT", help="flows whose name has TEXT; may be repeated")
    parser.add_argument("--name", default="jwlab", help="of the laboratory: several may run at a time")
    parser.add_argument("--folder", default=os.environ.get("JETWAY_BUILD", tempfile.gettempdir()),
                        help="where files are sent from and to")
    options = parser.parse_args()
    options.profiles = options.profiles or list(DEFAULT_PROFILES)
    if unknown := [profile for profile in options.profiles if profile not in PROFILES]:
        parser.error(f"no profile {', '.join(unknown)}; there are {', '.join(PROFILES)}")
    return options


def choose_flows(only):
    chosen = []
    for flow in FLOWS:
        if only and not any(text in flow.name for text in only):
            continue
        if flow.transport and not knows_transport(flow.transport):
            print(f"left out: {flow.name}: this jetway does not know {flow.transport}://")
            continue
        chosen.append(flow)
    return chosen


def main():
    options = parse_arguments()
    flows = choose_flows(options.only)
    runs = []
    work = Path(tempfile.mkdtemp(prefix="lab-", dir=options.folder))
    try:
        fastest = max(capacity_mbit(profile) or 4000 for profile in options.profiles)
        make_source(work, int(fastest * 1e6 / 8 * options.seconds * 1.1))
        show_header()
        for profile in options.profiles:
            for seed in range(1, options.seeds + 1):
                for flow in flows:
                    runs.append(run_once(flow, profile, seed, options, work))
                    show_line(profile, flow.name, runs[-1:])
        if options.seeds > 1:
            show(runs)
        write_json(runs, options)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    run_program(main)
