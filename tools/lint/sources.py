#!/usr/bin/env python3
"""Which files the checks look at, and what they include. Run by itself, prints the C++ files."""

import argparse
import functools
import hashlib
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("src", "apps", "tests", "bench", "fuzz", "examples", "tools", "cmake", ".ci", "dev")
CPP = (".cc", ".h")
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.MULTILINE)


def git(*args):
    result = subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True, check=True)
    return [line for line in result.stdout.split("\0") if line]


def all_files():
    """Tracked and new files, as paths relative to the root; outside a repository all files there are."""
    if (ROOT / ".git").exists():
        names = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *FOLDERS)
    else:
        found = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
        names = [path.relative_to(ROOT) for path in found if "__pycache__" not in path.parts]
    paths = (pathlib.PurePosixPath(name) for name in names)
    return sorted({path for path in paths if (ROOT / path).is_file()})


def cpp_files(since=None):
    """The C++ files; with a commit, those that differ from it."""
    files = [path for path in all_files() if path.suffix in CPP]
    if since is None:
        return files
    changed = set(git("diff", "--name-only", "-z", since)) | set(
        git("ls-files", "-z", "--others", "--exclude-standard")
    )
    return [path for path in files if str(path) in changed]


def includes(text):
    return INCLUDE.findall(text)


@functools.cache
def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


@functools.cache
def own_includes(path):
    """The files of this repository that `path` includes."""
    found = []
    for name in includes(read(path)):
        for candidate in (f"src/{name}", name, str(path.parent / name)):
            if (ROOT / candidate).is_file():
                found.append(pathlib.PurePosixPath(candidate))
                break
    return found


def closure(path):
    """`path` and all of this repository that it includes, directly or not."""
    seen, queue = {path}, [path]
    while queue:
        for included in own_includes(queue.pop()):
            if included not in seen:
                seen.add(included)
                queue.append(included)
    return sorted(seen)


def fingerprint(path, salt):
    """Changes whenever a check of `path` could come to another result."""
    digest = hashlib.sha256(salt.encode())
    for part in closure(path):
        digest.update(f"{part}\0{read(part)}\0".encode())
    return digest.hexdigest()


def parse_selection(description):
    """What the command line selects: `since`, a commit or nothing, and the C++ `files`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--since", metavar="COMMIT", help="only files that differ from COMMIT")
    parser.add_argument("below", nargs="*", metavar="PATH", help="only these files and folders")
    selection = parser.parse_args()
    below = [pathlib.PurePosixPath(path) for path in selection.below]
    selection.files = [
        path
        for path in cpp_files(selection.since)
        if not below or any(path.is_relative_to(folder) for folder in below)
    ]
    return selection


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["cpp"])
    parser.add_argument("--since", metavar="COMMIT")
    for path in cpp_files(parser.parse_args().since):
        print(path)


if __name__ == "__main__":
    main()
