#!/usr/bin/env python3
"""./dev lab --share: how two flows share a link of 100 Mbit/s and 20 ms whose queue holds one bandwidth-delay product.

Two of Jetway's own get within 60:40 of each other; beside one TCP CUBIC flow each gets at least a quarter. The second
flow starts some seconds after the first; goodput counts from second 10 on.
"""

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from flows import PAYLOAD_SHARE, Flow, goodput_mbit, knows_transport, make_source  # noqa: E402
from harness import median  # noqa: E402
from laboratory import Laboratory  # noqa: E402
from link_spec import LabError, LinkSpec  # noqa: E402

RATE_MBIT = 100
SPEC = f"rtt=20ms,rate={RATE_MBIT}mbit,queue=20ms"
HEAD_START_SECONDS = 2
FIRST_SECOND = 10

PAIRS = {
    "jsp beside jsp": (lambda: Flow("jsp", "cubic", "jsp"), lambda: Flow("jsp", "cubic", "jsp"), 0.4),
    "jsp beside tcp cubic": (lambda: Flow("jsp", "cubic", "jsp"), lambda: Flow("tcp cubic", "cubic"), 0.25),
    "tcp cubic, then jsp": (lambda: Flow("tcp cubic", "cubic"), lambda: Flow("jsp", "cubic", "jsp"), 0.25),
}


def run_pair(first, second, seed, options, work):
    """Goodput of both, in Mbit/s, while both run."""
    lab = Laboratory(options.name)
    lab.lock()
    try:
        lab.up("link", SimpleNamespace(seed=seed, congestion_control="cubic", sysctl=None, spec=LinkSpec(SPEC),
                                       linkem_arguments=[]))
        began = time.monotonic()
        starts, threads = [], []
        for flow in (first, second):
            threads.append(threading.Thread(
                target=flow.run, args=(lab, options.seconds - int(time.monotonic() - began), work), daemon=True))
            starts.append(time.monotonic() - began)
            threads[-1].start()
            time.sleep(HEAD_START_SECONDS)
        for thread in threads:
            thread.join()
    finally:
        lab.down()
    end = options.seconds - 1
    return [goodput_mbit(flow.samples, FIRST_SECOND - start, end - start)
            for flow, start in zip((first, second), starts)]


def main():
    parser = argparse.ArgumentParser(prog="./dev lab --share", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--name", default="jwlab", help="of the laboratory: several may run at a time")
    options = parser.parse_args()
    if not knows_transport("jsp"):
        sys.exit("lab: this jetway does not know jsp://")
    work = Path(tempfile.mkdtemp(prefix="lab-", dir=os.environ.get("JETWAY_BUILD")))
    failed = False
    try:
        make_source(work, int(RATE_MBIT * 1e6 / 8 * options.seconds))
        for name, (make_first, make_second, share_min) in PAIRS.items():
            runs = [run_pair(make_first(), make_second(), seed, options, work) for seed in range(1, options.seeds + 1)]
            share = median([min(pair) / max(sum(pair), 0.001) for pair in runs])
            used = median([sum(pair) for pair in runs]) / (RATE_MBIT * PAYLOAD_SHARE)
            failed |= share < share_min
            print(f"{name:22} the smaller share {share:5.1%} (at least {share_min:.0%}: "
                  f"{'met' if share >= share_min else 'MISSED'}), link used {used:.0%}  "
                  + ", ".join(f"{a:.1f}:{b:.1f}" for a, b in runs), flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"lab: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
