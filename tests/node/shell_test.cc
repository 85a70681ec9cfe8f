#include "jetway/node/shell.h"

#include <array>
#include <cstdio>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/text.h"

namespace jetway::node {
namespace {

// What bash makes of a word.
std::string as_bash_reads(const std::string& word) {
  const std::string command = "bash -c " + [&] {
    std::string quoted = "'";
    for (const char c : "printf %s " + word) quoted += c == '\'' ? std::string{R"('\'')"} : std::string{c};
    return quoted + "'";
  }();
  FILE* const pipe = ::popen(command.c_str(), "r");  // NOLINT(cert-env33-c): a shell is what is asked
  std::string output;
  std::array<char, 256> block{};
  while (const std::size_t count = std::fread(block.data(), 1, block.size(), pipe))
    output.append(block.data(), count);
  ::pclose(pipe);
  return output;
}

TEST(ShellTest, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(shell_quoted("photos/a-1.jpg"), "photos/a-1.jpg");
  EXPECT_EQ(shell_quoted(""), "''");
  EXPECT_EQ(shell_quoted("a b"), "'a b'");
  EXPECT_EQ(shell_quoted("it's"), R"('it'\''s')");
  EXPECT_EQ(shell_quoted("a\nb"), R"($'a\x0ab')");
  EXPECT_EQ(shell_quoted("grün"), "'grün'");
}

TEST(ShellTest, BashReadsBackEveryByte) {
  for (int byte = 1; byte < 256; ++byte) {
    const std::string text = "x" + std::string(1, static_cast<char>(byte)) + "y";
    EXPECT_EQ(as_bash_reads(shell_quoted(text)), text) << byte;
  }
}

RC_GTEST_PROP(ShellTest, NothingThatATerminalMustNotSeeComesOut, (const std::string& text)) {
  std::string quoted = shell_quoted(text);
  std::erase(quoted, '\\');
  RC_ASSERT(escape_text(quoted) == quoted);
}

}  // namespace
}  // namespace jetway::node
