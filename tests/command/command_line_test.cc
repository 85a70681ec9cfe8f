#include "apps/jetway/command_line.h"

#include <gtest/gtest.h>

namespace jetway::command {
namespace {

std::expected<CommandLine, Answer> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "jetway");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

const node::FlagValue* flag(const CommandLine& line, std::string_view key) {
  for (const node::FlagValue& value : line.flags) {
    if (value.setting->key == key) return &value;
  }
  return nullptr;
}

TEST(CommandLineTest, VerbsHaveAliases) {
  for (const char* name : {"send", "tx"}) EXPECT_EQ(parse({name, "a"})->verb, Verb::Send) << name;
  for (const char* name : {"receive", "recv", "rx", "get"})
    EXPECT_EQ(parse({name})->verb, Verb::Receive) << name;
  EXPECT_EQ(parse({"id"})->verb, Verb::Id);
  EXPECT_EQ(parse({"config", "show"})->verb, Verb::ConfigShow);
}

TEST(CommandLineTest, PathsAndFlagsMayMix) {
  const auto line = parse({"send", "a", "--to", "host", "b", "--json", "--", "-c"});
  ASSERT_TRUE(line) << line.error().text;
  EXPECT_EQ(line->paths, (std::vector<std::string>{"a", "b", "-c"}));
  EXPECT_EQ(flag(*line, "send.to")->values, std::vector<std::string>{"host"});
  EXPECT_EQ(flag(*line, "send.to")->flag, "--to");
  EXPECT_EQ(flag(*line, "output.json")->values, std::vector<std::string>{"true"});
  EXPECT_EQ(flag(*line, "output.quiet"), nullptr);
  EXPECT_EQ(line->words.size(), 9U);
}

TEST(CommandLineTest, ListsAreRepeatedAndScalarsTakeTheLast) {
  const auto line = parse({"rx", "--listen", "tcp://a", "-l", "tcp://b", "--dir", "x", "-d", "y"});
  ASSERT_TRUE(line) << line.error().text;
  EXPECT_EQ(flag(*line, "receive.listen")->values, (std::vector<std::string>{"tcp://a", "tcp://b"}));
  EXPECT_EQ(flag(*line, "receive.dir")->values, std::vector<std::string>{"y"});
}

TEST(CommandLineTest, ShorthandsStandForAValue) {
  EXPECT_EQ(flag(*parse({"rx", "--overwrite"}), "receive.on_collision")->values,
            std::vector<std::string>{"overwrite"});
  EXPECT_EQ(flag(*parse({"rx", "--skip"}), "receive.on_collision")->flag, "--skip");
  EXPECT_EQ(parse({"send", "a", "--skip"}).error().exit_code, ExitCode::Usage);
}

TEST(CommandLineTest, WrongUseIsExplained) {
  EXPECT_EQ(parse({}).error().exit_code, ExitCode::Usage);
  EXPECT_EQ(parse({"send"}).error().exit_code, ExitCode::Usage);
  EXPECT_EQ(parse({"fly"}).error().exit_code, ExitCode::Usage);
  EXPECT_EQ(parse({"config"}).error().exit_code, ExitCode::Usage);
  EXPECT_EQ(parse({"send", "a", "--to"}).error().exit_code, ExitCode::Usage);
  const auto bad = parse({"send", "a", "--nonsense\033[2J"});
  EXPECT_EQ(bad.error().exit_code, ExitCode::Usage);
  EXPECT_FALSE(bad.error().text.contains('\033'));
  EXPECT_TRUE(bad.error().text.contains("see jetway send --help")) << bad.error().text;
}

TEST(CommandLineTest, HelpNeedsNothingElse) {
  for (const auto& words : std::vector<std::vector<const char*>>{{"--help"},
                                                                 {"send", "--help"},
                                                                 {"rx", "-h"},
                                                                 {"id", "--help"},
                                                                 {"config", "show", "--help"},
                                                                 {"config", "-h"}}) {
    const auto answer = parse(words);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().exit_code, ExitCode::Done) << words.front();
  }
  const std::string help = parse({"rx", "--help"}).error().text;
  for (const char* part :
       {"--max-bytes SIZE", "default: 10 GB", "Examples:", "Exit codes:", "130 interrupted"}) {
    EXPECT_TRUE(help.contains(part)) << part << "\n" << help;
  }
  for (std::size_t at = 0; at < help.size();) {
    const std::size_t end = help.find('\n', at);
    EXPECT_LE(end - at, 110U) << help.substr(at, end - at);
    at = end + 1;
  }
}

TEST(CommandLineTest, VersionNamesTheLibraries) {
  const auto answer = parse({"--version"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().exit_code, ExitCode::Done);
  for (const char* name : {"OpenSSL", "BLAKE3", "SQLite", "zstd", "lz4", "libsodium", "Boost", "spdlog"}) {
    EXPECT_TRUE(answer.error().text.contains(name)) << name;
  }
}

}  // namespace
}  // namespace jetway::command
