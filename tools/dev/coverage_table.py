#!/usr/bin/env python3
"""Prints line coverage per layer from gcovr's JSON summary."""

import collections
import json
import sys


def main(path):
    with open(path, encoding="utf-8") as file:
        summary = json.load(file)
    total = collections.Counter()
    covered = collections.Counter()
    for entry in summary["files"]:
        layer = entry["filename"].split("/")[2] if entry["filename"].count("/") > 2 else "-"
        for name in (layer, "all"):
            total[name] += entry["line_total"]
            covered[name] += entry["line_covered"]
    print(f"{'layer':12} {'lines':>7} {'covered':>8}")
    for name in sorted(total, key=lambda layer: (layer == "all", layer)):
        share = 100 * covered[name] / total[name] if total[name] else 100
        print(f"{name:12} {total[name]:7} {share:7.1f}%")


if __name__ == "__main__":
    main(sys.argv[1])
