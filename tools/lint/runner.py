"""Runs one command per file, or per batch of files, on all cores and remembers which files were found clean."""

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import subprocess
import time

import sources


class Memory:
    """The fingerprints of files that passed, kept in build/lint between runs."""

    def __init__(self, name):
        self.path = sources.ROOT / "build" / "lint" / f"{name}.json"
        try:
            self.clean = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.clean = {}

    def save(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(self.clean, indent=0, sort_keys=True), encoding="utf-8")
        temporary.replace(self.path)


@dataclasses.dataclass
class Finding:
    text: str
    path: pathlib.PurePosixPath | None = None  # relative to the root; None: the whole batch is in doubt


def execute(command, text):
    result = subprocess.run(
        command, input=text, cwd=sources.ROOT, capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout + result.stderr


def whole_output(batch, status, output):
    """The findings of a command that says all by its exit code."""
    return [Finding(output.strip() or f"{batch[0]}: failed with {status}")] if status else []


def singly(paths):
    return [[path] for path in paths]


def is_clean(path, findings):
    return not any(finding.path is None or finding.path in sources.closure(path) for finding in findings)


def run(name, paths, salt, command_of, findings_of=whole_output, batches_of=singly):
    """`batches_of(paths)` says which files are looked at together, `command_of(batch)` gives a command and the
    text for its standard input, `findings_of(batch, status, output)` what is wrong. A finding that several
    batches have (in a header of theirs) is printed once. Returns the exit code.

    Where JETWAY_LINT_SECONDS is set, no batch is begun after that time; what was left is said, and is no failure."""
    memory = Memory(name)
    fingerprints = {path: sources.fingerprint(path, salt) for path in paths}
    todo = [path for path in paths if memory.clean.get(str(path)) != fingerprints[path]]
    printed = set()
    left = 0
    deadline = time.monotonic() + float(os.environ.get("JETWAY_LINT_SECONDS", "inf"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {pool.submit(execute, *command_of(batch)): batch for batch in batches_of(todo)}
        for job in concurrent.futures.as_completed(jobs):
            if time.monotonic() > deadline:
                for waiting in jobs:
                    waiting.cancel()
            if job.cancelled():
                left += len(jobs[job])
                continue
            findings = findings_of(jobs[job], *job.result())
            clean = [path for path in jobs[job] if is_clean(path, findings)]
            memory.clean.update({str(path): fingerprints[path] for path in clean})
            memory.save()
            for text in [finding.text for finding in findings if finding.text not in printed]:
                printed.add(text)
                print(text, flush=True)
    print(f"{name}: {len(paths)} files, {len(todo) - left} looked at, {len(printed)} findings", flush=True)
    if left:
        print(f"{name}: {left} files were left for lack of time (JETWAY_LINT_SECONDS)", flush=True)
    return 1 if printed else 0
