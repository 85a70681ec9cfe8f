#!/usr/bin/env python3
"""Runs clang-tidy with the compile commands of the lint preset, remembering which files were clean.

A header is looked at through the sources that include it and, when only changed files are wanted, by
itself."""

import json
import re
import sys

import runner
import sources

DATABASE = "build/lint"
TIDY = [
    "clang-tidy-19", "-p", DATABASE, "--quiet",
    "--extra-arg=-Wno-unknown-warning-option",
    "--extra-arg=-Wno-unknown-argument",
    "--extra-arg=-Wno-pragma-once-outside-header",
]  # fmt: skip

def compiled_files():
    database = sources.ROOT / DATABASE / "compile_commands.json"
    commands = json.loads(database.read_text(encoding="utf-8"))
    return {command["file"] for command in commands}


STARTS_FINDING = re.compile(r"^(?=\S+:\d+:\d+: (?:warning|error):)", re.MULTILINE)


def own_findings(path, status, output):
    """What clang-tidy says about our files. It also finds fault inside libraries, after following our calls
    into them; that exit code means nothing to us."""
    output = re.sub(r"^\d+ warnings? .*generated\.\n|^Suppressed .*\n|^Use -.*\n", "", output, flags=re.MULTILINE)
    parts = [part.strip() for part in STARTS_FINDING.split(output)]
    findings = [part for part in parts if part.startswith(f"{sources.ROOT}/")]
    if status and not findings and not any(STARTS_FINDING.match(part) for part in parts):
        return [output.strip() or f"{path}: clang-tidy ended with {status}"]
    return findings


def command_of(path):
    return [*TIDY, str(path)], None


def main():
    since = sources.parse_since(__doc__)
    compiled = compiled_files()
    paths = [
        path
        for path in sources.cpp_files(since)
        if str(sources.ROOT / path) in compiled or (since is not None and path.suffix == ".h")
    ]
    salt = " ".join(TIDY) + (sources.ROOT / ".clang-tidy").read_text(encoding="utf-8")
    return runner.run("clang-tidy", paths, salt, command_of, own_findings)


if __name__ == "__main__":
    sys.exit(main())
