#include "jetway/node/log_output.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "jetway/node/log_line.h"
#include "tests/node/temporary_directory.h"

namespace jetway::node {
namespace {

constexpr Logger kLog{"test"};
constexpr WallTime kTime{std::chrono::milliseconds{1'700'000'000'123}};

std::string content_of(const std::filesystem::path& path) {
  std::ostringstream content;
  content << std::ifstream{path}.rdbuf();
  return content.str();
}

TEST(LogLineTest, PrettyLinesAlignTheLevel) {
  EXPECT_EQ(pretty_log_line(kTime, LogLevel::Warn, "io", "slow", false),
            "2023-11-14 22:13:20.123 warn  io: slow");
  EXPECT_TRUE(pretty_log_line(kTime, LogLevel::Error, "io", "slow", true).contains("\033[31merror\033[0m"));
}

TEST(LogLineTest, JsonLinesAreJson) {
  EXPECT_EQ(
      json_log_line(kTime, LogLevel::Info, "io", "a \"quote\" \\n"),
      R"({"time":"2023-11-14T22:13:20.123Z","level":"info","component":"io","message":"a \"quote\" \\n"})");
}

TEST(LogLineTest, WhatATerminalMustNotSeeIsEscapedAtLast) {
  EXPECT_FALSE(pretty_log_line(kTime, LogLevel::Info, "io", "a\033[2Jb\nc", false).contains('\033'));
  EXPECT_FALSE(pretty_log_line(kTime, LogLevel::Info, "io", "a\033[2Jb\nc", false).contains('\n'));
  EXPECT_TRUE(json_log_line(kTime, LogLevel::Info, "io", "\xff").contains(R"(\\xff)"));
}

TEST(LogOutputTest, WritesWhatIsOfItsLevelAndEndsWithTheSink) {
  const TemporaryDirectory directory;
  LogSettings settings;
  settings.file = (directory.path() / "log").string();
  settings.level = LogLevel::Info;
  {
    const auto output = LogOutput::start(settings, {true, true});
    ASSERT_TRUE(output);
    kLog.debug("not this");
    kLog.info("but {}", "this");
  }
  kLog.error("nobody hears this");
  const std::string content = content_of(settings.file);
  EXPECT_TRUE(content.ends_with("info  test: but this\n")) << content;
  EXPECT_FALSE(content.contains('\033'));  // a file has neither color nor a status line
  EXPECT_EQ(std::ranges::count(content, '\n'), 1);
}

TEST(LogOutputTest, AFullFileIsRotated) {
  const TemporaryDirectory directory;
  LogSettings settings;
  settings.file = (directory.path() / "log").string();
  settings.level = LogLevel::Info;
  settings.format = LogFormat::Json;
  settings.file_size.bytes = 1000;
  settings.files = 2;
  {
    const auto output = LogOutput::start(settings, {});
    ASSERT_TRUE(output);
    for (int i = 0; i < 100; ++i) kLog.info("line {}", i);
  }
  EXPECT_TRUE(std::filesystem::exists(settings.file + ".2"));
  EXPECT_FALSE(std::filesystem::exists(settings.file + ".3"));
  EXPECT_TRUE(content_of(settings.file).ends_with("\"line 99\"}\n"));
}

TEST(LogOutputTest, AFileThatCannotBeWrittenIsAnError) {
  LogSettings settings;
  settings.file = "/proc/nowhere/log";
  const auto output = LogOutput::start(settings, {});
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, NodeErrc::Io);
}

}  // namespace
}  // namespace jetway::node
