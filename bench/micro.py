#!/usr/bin/env python3
"""Question: how close do the parts that touch every byte come to the library, or the memcpy, beneath them?

Runs one of the Google Benchmark programs, bench_NAME, its cases interleaved and repeated, and puts each median
beside that of its limit. Usage: micro.py NAME [BENCHMARK OPTION...].
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import Results  # noqa: E402

BUILD = Path(os.environ.get("JETWAY_BUILD", "build/release"))
REPETITIONS = 5

# Case -> its limit; both as regular expressions that are replaced, "(.*)" being the size.
LIMITS = {
    "wire": [
        (r"BM_PacketEncode/(.*)", r"BM_Memcpy/\1"),
        (r"BM_PacketDecode/(.*)", r"BM_Memcpy/\1"),
        (r"BM_StreamFrameEncode/(.*)", r"BM_Memcpy/\1"),
    ],
    "crypto": [
        (r"BM_(?:Seal|SealGathered|Open)<Suite::(Aes256Gcm|ChaCha20Poly1305)>/(.*)", r"BM_OpensslLimit/\1/\2"),
        (r"BM_(?:Seal|Open)<Suite::XChaCha20Poly1305>/(.*)", r"BM_SodiumLimit/\1"),
        (r"BM_Packet(.*)<Suite::(.*), AeadBackend::IpsecMb>/(.*)",
         r"BM_Packet\1<Suite::\2, AeadBackend::OpenSsl>/\3"),
        (r"BM_Blake3/(.*)", r"BM_Blake3Limit/\1"),
        (r"BM_HandshakeDialer/Ed25519.*", "BM_DialerPrimitives"),
        (r"BM_HandshakeListener/Ed25519.*", "BM_ListenerPrimitives"),
    ],
    "session": [
        (r"BM_BulkStream/.*", "BM_TwoCopies"),
        (r"BM_(Compress|Decompress)<Compression::(.*)>", r"BM_\1Limit<Compression::\2>"),
    ],
    "jsp_fec": [(r"BM_Protect/(.*)", r"BM_IsalWholeGroup/\1"), (r"BM_Repair/(.*)", r"BM_IsalRepair/\1")],
    "store": [(r"small_file_(?:unnamed|renamed)/(.*)", r"plain_write/\1")],
}


def limit_of(name, limits):
    for pattern, limit in limits:
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(limit)
    return None


def figure(entry):
    """(value, unit): bytes per second where the benchmark counts bytes, else time."""
    if "bytes_per_second" in entry:
        return entry["bytes_per_second"] / 1e9, "GB/s"
    nanoseconds = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[entry["time_unit"]]
    return entry["real_time"] * nanoseconds / 1e3, "us"


def main():
    name, options = sys.argv[1], sys.argv[2:]
    output = subprocess.run(
        [BUILD / "bench" / f"bench_{name}", "--benchmark_format=json", f"--benchmark_repetitions={REPETITIONS}",
         "--benchmark_report_aggregates_only=true", "--benchmark_enable_random_interleaving=true",
         "--benchmark_min_time=0.05s", *options],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    entries = [entry for entry in json.loads(output)["benchmarks"] if entry.get("aggregate_name") == "median"]
    entries.sort(key=lambda entry: (entry["family_index"], entry["per_family_instance_index"]))
    medians = {entry["run_name"]: figure(entry) for entry in entries}
    results = Results(name)
    for case, (value, unit) in medians.items():
        limit = limit_of(case, LIMITS.get(name, []))
        reference = medians.get(limit)
        label = case.removeprefix("BM_")
        if reference is None:
            results.add(label, value, unit)
        else:
            results.add(label, value, unit, f"{limit.removeprefix('BM_')}: {reference[0]:.3g}", reference[0])
    results.finish()


if __name__ == "__main__":
    main()
