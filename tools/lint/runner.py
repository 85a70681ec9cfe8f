"""Runs one command per file on all cores and remembers which files were found clean."""

import concurrent.futures
import json
import os
import subprocess

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


def execute(command, text):
    result = subprocess.run(
        command, input=text, cwd=sources.ROOT, capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout + result.stderr


def whole_output(path, status, output):
    """The findings of a command that says all by its exit code."""
    return [output.strip() or f"{path}: failed with {status}"] if status else []


def run(name, paths, salt, command_of, findings_of=whole_output):
    """`command_of(path)` gives a command and the text for its standard input, `findings_of(path, status,
    output)` what is wrong. A finding that several files have (in a header of theirs) is printed once.
    Returns the exit code."""
    memory = Memory(name)
    fingerprints = {path: sources.fingerprint(path, salt) for path in paths}
    todo = [path for path in paths if memory.clean.get(str(path)) != fingerprints[path]]
    printed = set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {pool.submit(execute, *command_of(path)): path for path in todo}
        for job in concurrent.futures.as_completed(jobs):
            path = jobs[job]
            findings = findings_of(path, *job.result())
            if not findings:
                memory.clean[str(path)] = fingerprints[path]
            for finding in findings:
                if finding not in printed:
                    printed.add(finding)
                    print(finding, flush=True)
    memory.save()
    print(f"{name}: {len(paths)} files, {len(todo)} looked at, {len(printed)} findings", flush=True)
    return 1 if printed else 0
