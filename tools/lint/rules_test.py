#!/usr/bin/env python3
"""Tests of rules.py: python3 tools/lint/rules_test.py"""

import pathlib
import unittest

import rules

LAYERS = rules.Layers(
    order=["base", "wire", "crypto", "session", "io"],
    pure=["base", "wire", "crypto", "session"],
    deps={"base": [], "wire": ["base"], "crypto": ["wire"], "session": ["wire"], "io": None},
)


def findings(name, text, errors_only=True):
    found = rules.check_file(pathlib.PurePosixPath(name), text, LAYERS)
    return [finding for finding in found if finding.is_error or not errors_only]


def lines(name, text):
    return [finding.line for finding in findings(name, text)]


class LayerRules(unittest.TestCase):
    def test_declared_and_inherited_layers_may_be_included(self):
        text = '#include "jetway/wire/x.h"\n#include "jetway/base/x.h"\n#include "jetway/version.h"\n'
        self.assertEqual(findings("src/jetway/crypto/a.cc", text), [])

    def test_undeclared_layers_may_not(self):
        self.assertEqual(lines("src/jetway/session/a.cc", '\n#include "jetway/crypto/x.h"\n'), [2])

    def test_layers_below_may_not(self):
        self.assertEqual(lines("src/jetway/base/a.cc", '#include "jetway/wire/x.h"\n'), [1])

    def test_a_layer_without_cmake_file_is_held_by_the_order(self):
        self.assertEqual(findings("src/jetway/io/a.cc", '#include "jetway/session/x.h"\n'), [])

    def test_an_unknown_layer_is_refused(self):
        self.assertEqual(lines("src/jetway/stuff/a.cc", ""), [1])

    def test_programs_and_tests_may_include_all(self):
        self.assertEqual(findings("tests/base/a.cc", '#include "jetway/io/x.h"\n'), [])

    def test_the_umbrella_header_may_include_all(self):
        text = '#pragma once\n#include "jetway/io/x.h"\n'
        self.assertEqual(findings("src/jetway/jetway.h", text), [])


class PurityRules(unittest.TestCase):
    def test_forbidden_includes(self):
        for name in ("thread", "mutex", "random", "sys/socket.h", "boost/asio.hpp", "unistd.h"):
            self.assertEqual(lines("src/jetway/wire/a.cc", f"#include <{name}>\n"), [1], name)

    def test_allowed_includes(self):
        for name in ("chrono", "openssl/evp.h", "time/x.h", "span"):
            self.assertEqual(findings("src/jetway/wire/a.cc", f"#include <{name}>\n"), [], name)

    def test_forbidden_code(self):
        for code in ("std::chrono::steady_clock::now()", "std::random_device d", "co_await x"):
            self.assertEqual(lines("src/jetway/wire/a.cc", f"auto x = {code};\n"), [1], code)

    def test_comments_and_strings_do_not_count(self):
        text = '// steady_clock::now()\nauto x = "co_await"; /* random_device */\nauto y = R"(co_await)";\n'
        self.assertEqual(findings("src/jetway/wire/a.cc", text), [])

    def test_outer_layers_are_free(self):
        self.assertEqual(findings("src/jetway/io/a.cc", "#include <thread>\nsteady_clock::now();\n"), [])


def body(count):
    return "  x();\n" * count


class SizeRules(unittest.TestCase):
    def test_a_function_of_seventy_lines_passes(self):
        self.assertEqual(findings("tests/a.cc", "void f() {\n" + body(70) + "}\n"), [])

    def test_a_longer_one_does_not(self):
        self.assertEqual(lines("tests/a.cc", "\nvoid f() {\n" + body(71) + "}\n"), [2])

    def test_nested_blocks_and_lambdas_count_with_their_function(self):
        text = "void f() {\n  if (a) {\n" + body(40) + "  }\n  g([] {\n" + body(40) + "  });\n}\n"
        self.assertEqual(lines("tests/a.cc", text), [1])

    def test_members_count_by_themselves(self):
        text = "class A : public B {\n  void f() {\n" + body(40) + "  }\n  void g() const {\n" + body(40) + "  }\n};\n"
        self.assertEqual(findings("tests/a.cc", text), [])

    def test_namespaces_and_tables_are_no_functions(self):
        text = "namespace a {\nconstexpr int kTable[] = {\n" + "  f(1),\n" * 80 + "};\n}\n"
        self.assertEqual(findings("tests/a.cc", text), [])

    def test_constructors_with_initializers_are_functions(self):
        self.assertEqual(lines("tests/a.cc", "A::A(int b)\n    : b_(b) {\n" + body(71) + "}\n"), [2])

    def test_braces_in_literals_and_digit_separators(self):
        text = "void f() {\n  auto a = '{'; auto b = \"{\"; auto c = 1'000'000;\n}\nvoid g() {\n" + body(60) + "}\n"
        self.assertEqual(findings("tests/a.cc", text), [])

    def test_long_files(self):
        warned = findings("tests/a.cc", "\n" * 401, errors_only=False)
        self.assertEqual([finding.is_error for finding in warned], [False])
        self.assertEqual(lines("tests/a.cc", "\n" * 701), [1])


class NameRules(unittest.TestCase):
    def test_snake_case(self):
        self.assertEqual(findings("src/jetway/base/packet_buffer.cc", ""), [])
        self.assertEqual(lines("src/jetway/base/PacketBuffer.cc", ""), [1])
        self.assertEqual(lines("tests/Sim/a.cc", ""), [1])

    def test_vague_names(self):
        for name in ("src/jetway/base/utils.cc", "tests/helpers/a.cc", "tools/misc.py"):
            self.assertEqual(lines(name, ""), [1], name)


class HeaderAndDebtRules(unittest.TestCase):
    def test_pragma_once(self):
        self.assertEqual(lines("src/jetway/base/a.h", "int x;\n"), [1])
        self.assertEqual(findings("src/jetway/base/a.h", "// About.\n#pragma once\n"), [])

    def test_debts_name_their_issue(self):
        self.assertEqual(lines("tests/a.cc", "// TODO later\n"), [1])
        self.assertEqual(findings("tests/a.cc", "// TODO(#12) later\n"), [])


if __name__ == "__main__":
    unittest.main()
