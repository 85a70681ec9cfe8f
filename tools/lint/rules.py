#!/usr/bin/env python3
"""The rules of ARCHITECTURE.md that a compiler does not know.

Layers     a layer includes itself and what its CMakeLists.txt names in DEPS (and what those name)
Purity     pure layers (engines and what is under them) have no clock, thread, random device, socket,
           file, coroutine or Boost
Sizes      a function has at most 70 lines; a source is looked at again at 400 lines and refused at 700
Names      files and folders are snake_case, and none is called utils, helpers or misc
Headers    start with #pragma once
Debts      a to-do names the issue that will do it: #12
"""

import argparse
import pathlib
import re
import sys
import typing

import sources

FUNCTION_LINES = 70
FILE_LINES_WARNING, FILE_LINES_LIMIT = 400, 700

LAYERS_FILE = "cmake/JetwayTargets.cmake"
ALWAYS_ALLOWED = {"jetway/version.h"}

IMPURE_INCLUDE = re.compile(
    r"^(thread|mutex|shared_mutex|condition_variable|future|semaphore|stop_token|coroutine|fstream|random"
    r"|iostream|time\.h|ctime|unistd\.h|fcntl\.h|poll\.h|pthread\.h|netdb\.h|ifaddrs\.h"
    r"|(sys|netinet|arpa|net|linux|boost|spdlog|SQLiteCpp)/.*|sqlite3\.h)$"
)
IMPURE_CODE = re.compile(
    r"\b(\w+_clock\s*::\s*now|clock_gettime|gettimeofday|random_device|this_thread|getrandom|getentropy"
    r"|co_await|co_return|co_yield)\b"
)
SNAKE_CASE = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "misc"}
TO_DO = re.compile(r"\b(TODO|FIXME|XXX)\b")
ISSUE = re.compile(r"#\d+\b")


class Finding(typing.NamedTuple):
    path: pathlib.PurePosixPath
    line: int
    text: str
    is_error: bool = True

    def __str__(self):
        kind = "error" if self.is_error else "warning"
        return f"{self.path}:{self.line}: {kind}: {self.text}"


# ---- reading C++ ----

BLANKED = re.compile(
    r"""R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"   # raw strings first: they may hold anything
      | //[^\n]* | /\*.*?\*/
      | "(?:\\.|[^"\\\n])*" | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE,
)


def code_only(text):
    """`text` with comments and literals replaced by blanks, so that lines and columns stay."""
    return BLANKED.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


CONTROL = re.compile(r"^(if|for|while|switch|catch|else|do|try|return)\b")
NOT_A_FUNCTION = re.compile(r"\b(namespace|class|struct|union|enum|concept|extern)\b[^()]*$|=\s*$")


def opens_function(head):
    """Is the text before a brace the head of a function (or lambda at namespace scope)?"""
    head = re.sub(r"^\s*#.*$", "", head, flags=re.MULTILINE).strip()
    return ")" in head and not CONTROL.match(head) and not NOT_A_FUNCTION.search(head)


def long_functions(code):
    """Line and length of each outermost function longer than allowed. A body's lines are those between
    its braces; what is nested in it counts with it."""
    found, depth, start, opened_at, head_from = [], 0, None, 0, 0
    for match in re.finditer(r"[{};]", code):
        at, symbol = match.start(), match.group()
        if symbol == "{":
            if start is None and opens_function(code[head_from:at]):
                start, opened_at = at, depth
            depth += 1
        elif symbol == "}":
            depth -= 1
            if start is not None and depth == opened_at:
                lines = code.count("\n", start, at) - 1
                if lines > FUNCTION_LINES:
                    found.append((code.count("\n", 0, start) + 1, lines))
                start = None
        head_from = at + 1
    return found


# ---- layers ----


def cmake_list(text, name):
    match = re.search(rf"set\({name}\s+([^)]*)\)", text)
    return match.group(1).split() if match else []


class Layers:
    """The order of the layers, which of them are pure, and what each may include."""

    def __init__(self, order, pure, deps):
        self.order, self.pure, self.deps = order, set(pure), deps

    @classmethod
    def load(cls):
        text = (sources.ROOT / LAYERS_FILE).read_text(encoding="utf-8")
        order = cmake_list(text, "JETWAY_LAYERS")
        deps = {layer: cls.declared_deps(layer) for layer in order}
        return cls(order, cmake_list(text, "JETWAY_PURE_LAYERS"), deps)

    @staticmethod
    def declared_deps(layer):
        path = sources.ROOT / "src/jetway" / layer / "CMakeLists.txt"
        if not path.is_file():
            return None
        match = re.search(r"\bDEPS\s+([a-z\s]+)", path.read_text(encoding="utf-8"))
        return match.group(1).split() if match else []

    def allowed(self, layer):
        """What `layer` may include; before it has a CMakeLists.txt, all that stands above it."""
        if self.deps.get(layer) is None:
            return set(self.order[: self.order.index(layer) + 1])
        found, queue = {layer}, list(self.deps[layer])
        while queue:
            dep = queue.pop()
            if dep not in found:
                found.add(dep)
                queue.extend(self.deps.get(dep) or [])
        return found


def layer_of(path):
    parts = path.parts
    return parts[2] if len(parts) > 3 and parts[:2] == ("src", "jetway") else None


# ---- the rules: each takes what it looks at and yields findings ----


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def check_layers(path, text, layers):
    layer = layer_of(path)
    if layer is None:
        return
    if layer not in layers.order:
        yield Finding(path, 1, f"{layer} is not a layer ({LAYERS_FILE})")
        return
    allowed = layers.allowed(layer)
    for match in sources.INCLUDE.finditer(text):
        name = match.group(1)
        if not name.startswith("jetway/") or name in ALWAYS_ALLOWED:
            continue
        included = name.split("/")[1]
        if included not in allowed:
            yield Finding(path, line_of(text, match.start(1)), f"{layer} must not include {name}: not in its DEPS")


def check_purity(path, text, code, layers):
    if layer_of(path) not in layers.pure:
        return
    for match in sources.INCLUDE.finditer(text):
        if IMPURE_INCLUDE.match(match.group(1)):
            yield Finding(path, line_of(text, match.start(1)), f"a pure layer must not include <{match.group(1)}>")
    for match in IMPURE_CODE.finditer(code):
        yield Finding(path, line_of(code, match.start()), f"a pure layer must not use {match.group()}")


def check_sizes(path, text, code):
    lines = text.count("\n")
    if lines > FILE_LINES_LIMIT:
        yield Finding(path, 1, f"{lines} lines, the limit is {FILE_LINES_LIMIT}: split it")
    elif lines > FILE_LINES_WARNING:
        yield Finding(path, 1, f"{lines} lines: does it do two things?", is_error=False)
    for line, length in long_functions(code):
        yield Finding(path, line, f"function of {length} lines, the limit is {FUNCTION_LINES}")


def check_names(path):
    for part in (*path.parts[:-1], path.stem):
        if part.lower() in VAGUE_NAMES:
            yield Finding(path, 1, f"'{part}' says nothing: name it after what it does")
    if path.suffix in (".cc", ".h", ".py", ".awk") and not SNAKE_CASE.match(path.stem):
        yield Finding(path, 1, "file names are snake_case")
    for part in path.parts[:-1]:
        if path.suffix in sources.CPP and not SNAKE_CASE.match(part):
            yield Finding(path, 1, f"folder names are snake_case, not {part}")


def check_pragma(path, text):
    if path.suffix == ".h" and not re.search(r"^#pragma once$", text, re.MULTILINE):
        yield Finding(path, 1, "#pragma once is missing")


def check_debts(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if TO_DO.search(line) and not ISSUE.search(line):
            yield Finding(path, number, "a to-do needs the number of its issue, as in #12")


def check_file(path, text, layers):
    yield from check_names(path)
    if path.suffix not in (*sources.CPP, ".py", ".sh", ".cmake", ".txt", ""):
        return
    if "corpus" in path.parts:
        return
    if path.name not in ("rules.py", "rules_test.py"):
        yield from check_debts(path, text)
    if path.suffix in sources.CPP:
        code = code_only(text)
        yield from check_layers(path, text, layers)
        yield from check_purity(path, text, code, layers)
        yield from check_pragma(path, text)
        yield from check_sizes(path, text, code)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--errors-only", action="store_true", help="do not print warnings")
    args = parser.parse_args()
    layers = Layers.load()
    failed = False
    for path in sources.all_files():
        text = (sources.ROOT / path).read_text(encoding="utf-8", errors="replace")
        for finding in check_file(path, text, layers):
            failed |= finding.is_error
            if finding.is_error or not args.errors_only:
                print(finding)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
