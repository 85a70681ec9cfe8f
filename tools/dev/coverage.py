#!/usr/bin/env python3
"""Line coverage of src/jetway from a gcov build: a table per layer, and the lines never run per file.

Usage: coverage.py BUILD_DIR REPORT_FILE. The test programs have to have run before."""

import collections
import concurrent.futures
import itertools
import json
import os
import pathlib
import subprocess
import sys

SOURCES = "src/jetway/"
BATCH = 16


def gcov(build, notes):
    """The JSON documents, one per line, that gcov writes for some object files."""
    command = ["gcov-14", "--json-format", "--stdout", *map(str, notes)]
    output = subprocess.run(command, cwd=build, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def batches(items):
    items = iter(items)
    while batch := list(itertools.islice(items, BATCH)):
        yield batch


def line_counts(root, build):
    """path -> line -> how often it ran, summed over all objects that compiled it."""
    counts = collections.defaultdict(collections.Counter)
    notes = [path for path in build.rglob("*.gcno") if "fuzz" not in path.parts]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        documents = itertools.chain.from_iterable(pool.map(lambda batch: gcov(build, batch), batches(notes)))
    for document in documents:
        base = pathlib.Path(document["current_working_directory"])
        for file in document["files"]:
            path = os.path.relpath(base / file["file"], root)
            if path.startswith(SOURCES):
                for line in file["lines"]:
                    counts[path][line["line_number"]] += line["count"]
    return counts


def ranges(numbers):
    """1 2 3 7 -> "1-3 7"."""
    groups = itertools.groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])
    spans = [[number for _, number in group] for _, group in groups]
    return " ".join(str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}" for span in spans)


def layer_of(path):
    parts = pathlib.PurePosixPath(path).parts
    return parts[2] if len(parts) > 3 else "-"


def percent(covered, total):
    return f"{100 * covered / total if total else 100:6.1f}%"


def main(build, report):
    root = pathlib.Path.cwd()
    total, covered = collections.Counter(), collections.Counter()
    with open(report, "w", encoding="utf-8") as file:
        for path, lines in sorted(line_counts(root, root / build).items()):
            never = [number for number, count in lines.items() if count == 0]
            for name in (layer_of(path), "all"):
                total[name] += len(lines)
                covered[name] += len(lines) - len(never)
            print(percent(len(lines) - len(never), len(lines)), path, ranges(never), file=file)
    print(f"{'layer':12} {'lines':>7} {'covered':>8}")
    for name in sorted(total, key=lambda layer: (layer == "all", layer)):
        print(f"{name:12} {total[name]:7} {percent(covered[name], total[name]):>8}")


if __name__ == "__main__":
    main(*sys.argv[1:])
