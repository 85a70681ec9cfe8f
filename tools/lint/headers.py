#!/usr/bin/env python3
"""Checks that every header compiles alone (with the debug build's compiler, remembering clean ones)."""

import sys

import runner
import sources

COMPILER = [
    "g++-14", "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
    "-Isrc", "-I.", "-Ibuild/lint/generated",
    "-DBOOST_ASIO_SEPARATE_COMPILATION", "-DBOOST_ASIO_NO_DEPRECATED", '-DJETWAY_TEST_DIR="."',
    "-x", "c++", "-",
]  # fmt: skip


def include_twice(batch):
    (header,) = batch
    name = str(header).removeprefix("src/")
    return COMPILER, f'#include "{name}"\n#include "{name}"\n'


def main():
    headers = [path for path in sources.parse_selection(__doc__).files if path.suffix == ".h"]
    return runner.run("headers", headers, " ".join(COMPILER), include_twice)


if __name__ == "__main__":
    sys.exit(main())
