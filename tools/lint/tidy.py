#!/usr/bin/env python3
"""Runs clang-tidy with the compile commands of the lint preset, remembering which files were clean.

The sources of one target are looked at several at a time, as one translation unit that includes them: most of
the time goes into the headers of the libraries, and they are then read once. A header is looked at through
the sources that include it and, when only changed files are wanted, in the translation unit of its folder."""

import json
import pathlib
import re
import sys

import runner
import sources

DATABASE = sources.ROOT / "build" / "lint"
UNITS = DATABASE / "tidy"
TIDY = [
    "clang-tidy-19", "-p", str(UNITS.relative_to(sources.ROOT)), "--quiet",
    "--extra-arg=-Wno-unknown-warning-option",
    "--extra-arg=-Wno-unknown-argument",
]  # fmt: skip
UNIT_FILES = 8  # of the largest layer these need 1 GB

TARGET = re.compile(r" -o (\S+\.dir)/")
STARTS_FINDING = re.compile(r"^(?=\S+:\d+:\d+: (?:warning|error):)", re.MULTILINE)


def compile_commands():
    """The command of every source of ours that is compiled, by its path."""
    commands = {}
    for entry in json.loads((DATABASE / "compile_commands.json").read_text(encoding="utf-8")):
        path = pathlib.PurePosixPath(entry["file"])
        if path.is_relative_to(sources.ROOT):
            commands.setdefault(path.relative_to(sources.ROOT), entry)
    return commands


def own_findings(batch, status, output):
    """What clang-tidy says about our files. It also finds fault inside libraries, after following our calls
    into them; that exit code means nothing to us."""
    output = re.sub(r"^\d+ warnings? .*generated\.\n|^Suppressed .*\n|^Use -.*\n", "", output, flags=re.MULTILINE)
    parts = [part.strip() for part in STARTS_FINDING.split(output)]
    findings = []
    for part in parts:
        path = pathlib.PurePosixPath(part.split(":", 1)[0])
        if path.is_relative_to(sources.ROOT):
            stops = "[clang-diagnostic-error]" in part
            findings.append(runner.Finding(part, None if stops else path.relative_to(sources.ROOT)))
    if status and not findings and not any(STARTS_FINDING.match(part) for part in parts):
        return [runner.Finding(output.strip() or f"{batch[0]}: clang-tidy ended with {status}")]
    return findings


class Units:
    """The translation units that include a batch each, with the compile commands clang-tidy finds for them."""

    def __init__(self, commands):
        self.commands = commands
        self.folders = {path.parent: entry for path, entry in commands.items()}
        self.units = {}  # by the batch's first file

    def entry_for(self, path):
        return self.commands.get(path) or self.folders.get(path.parent) or next(iter(self.commands.values()))

    def batches(self, paths):
        by_target = {}
        for path in paths:
            target = TARGET.search(self.entry_for(path)["command"]).group(1)
            by_target.setdefault(target, []).append(path)
        batches = []
        for group in by_target.values():
            count = -(-len(group) // UNIT_FILES)
            batches += [group[first::count] for first in range(count)]
        UNITS.mkdir(parents=True, exist_ok=True)
        database = [self.write(UNITS / f"{number}.cc", batch) for number, batch in enumerate(batches)]
        (UNITS / "compile_commands.json").write_text(json.dumps(database), encoding="utf-8")
        return batches

    def write(self, unit, batch):
        includes = "".join(f'#include "{sources.ROOT / path}"\n' for path in batch)
        unit.write_text(f"// NOLINTBEGIN(bugprone-suspicious-include)\n{includes}// NOLINTEND(bugprone-suspicious-include)\n", encoding="utf-8")
        self.units[batch[0]] = unit
        entry = self.entry_for(batch[0])
        command = entry["command"].replace(entry["file"], str(unit))
        return {"directory": entry["directory"], "command": command, "file": str(unit)}

    def command_of(self, batch):
        return [*TIDY, str(self.units[batch[0]])], None


def main():
    selection = sources.parse_selection(__doc__)
    commands = compile_commands()
    paths = [
        path
        for path in selection.files
        if path in commands or (selection.since is not None and path.suffix == ".h")
    ]
    units = Units(commands)
    salt = " ".join(TIDY) + (sources.ROOT / ".clang-tidy").read_text(encoding="utf-8")
    return runner.run("clang-tidy", paths, salt, units.command_of, own_findings, units.batches)


if __name__ == "__main__":
    sys.exit(main())
