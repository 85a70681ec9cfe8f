#include <fstream>

#include <gtest/gtest.h>

#include "jetway/node/config_loader.h"
#include "tests/node/temporary_directory.h"

namespace jetway::node {
namespace {

using namespace std::chrono_literals;

class ConfigTest : public testing::Test {
 protected:
  void write_file(std::string_view content) { std::ofstream{file()} << content; }
  std::filesystem::path file() const { return directory_.path() / "config.toml"; }

  NodeResult<LoadedConfig> load(const std::map<std::string, std::string, std::less<>>& variables = {},
                                std::vector<FlagValue> flags = {}) {
    const Environment environment{variables};
    return load_config({file(), false, &environment, std::move(flags)});
  }
  static FlagValue flag(std::string_view key, std::string name, std::vector<std::string> values) {
    return {find_setting(key), std::move(name), std::move(values)};
  }
  // What is said about a file with that content.
  NodeError error_of(std::string_view content) {
    write_file(content);
    const auto loaded = load();
    EXPECT_FALSE(loaded) << content;
    return loaded ? NodeError{NodeErrc::Io, ""} : loaded.error();
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(ConfigTest, WithoutSourcesEverythingIsDefault) {
  const auto loaded = load();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config, Config{});
  for (const ValueOrigin& origin : loaded->origins) EXPECT_EQ(origin.origin, Origin::Default);
}

TEST_F(ConfigTest, LaterSourcesWinAndAreRemembered) {
  write_file("[log]\nlevel = 'debug'\nfiles = 7\n[receive]\nmax_bytes = \"2 GiB\"\ndir = 'in'\n");
  const auto loaded = load({{"JETWAY_LOG_LEVEL", "info"}, {"JETWAY_RECEIVE_DIR", "env"}},
                           {flag("receive.dir", "--dir", {"flag"})});
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->config.log.files, 7U);
  EXPECT_EQ(loaded->config.log.level, LogLevel::Info);
  EXPECT_EQ(loaded->config.receive.dir, "flag");
  EXPECT_EQ(loaded->config.receive.max_bytes.bytes, 2ULL << 30);
  EXPECT_EQ(loaded->origin_of("log.files").where, file().string() + ":3:9");
  EXPECT_EQ(loaded->origin_of("log.level").where, "JETWAY_LOG_LEVEL");
  EXPECT_EQ(loaded->origin_of("receive.dir").origin, Origin::Flag);
  EXPECT_EQ(loaded->origin_of("receive.dir").where, "--dir");
}

TEST_F(ConfigTest, ListsComeFromArraysCommasAndRepeatedFlags) {
  write_file("receive.listen = ['tcp://a', 'tcp://b']\nreceive.allow = 'x'\n");
  const auto loaded = load({{"JETWAY_NETWORK_SUITES", "AES-256-GCM,ChaCha20-Poly1305"}},
                           {flag("receive.allow", "--allow", {"y", "z"})});
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->config.receive.listen, (std::vector<std::string>{"tcp://a", "tcp://b"}));
  EXPECT_EQ(loaded->config.receive.allow, (std::vector<std::string>{"y", "z"}));
  EXPECT_EQ(loaded->config.network.suites.size(), 2U);
}

TEST_F(ConfigTest, AnUnknownKeyIsReportedWithItsPlaceAndWhatWasMeant) {
  const NodeError error = error_of("[log]\nlevl = 'debug'\n");
  EXPECT_EQ(error.code, NodeErrc::BadSetting);
  EXPECT_TRUE(error.text.ends_with("config.toml:2:1: there is no setting log.levl")) << error.text;
  EXPECT_EQ(error.hint, "did you mean log.level?");
  EXPECT_EQ(error_of("level = 'debug'\n").hint, "did you mean log.level?");
  EXPECT_EQ(error_of("[nonsense]\nquux = 1\n").hint, "`jetway config show` lists all settings");
}

TEST_F(ConfigTest, AWrongTypeIsReportedWithItsPlaceAndTheRightOne) {
  const NodeError error = error_of("\n[receive]\nany = 'yes'\n");
  EXPECT_TRUE(error.text.ends_with("config.toml:3:7: receive.any has a value of the wrong type"))
      << error.text;
  EXPECT_EQ(error.hint, "it is true or false");
  EXPECT_EQ(error_of("log = 3\n").code, NodeErrc::BadSetting);
  EXPECT_EQ(error_of("[receive.dir]\nx = 1\n").code, NodeErrc::BadSetting);
  EXPECT_EQ(error_of("network.keepalive = 30\n").hint, "it is a duration with its unit, as in \"10s\"");
  EXPECT_EQ(error_of("receive.allow = ['a', 1]\n").code, NodeErrc::BadSetting);
}

TEST_F(ConfigTest, AValueOutOfRangeIsReportedWithTheRange) {
  EXPECT_EQ(error_of("transfer.streams = 0\n").hint, "it has to be from 1 to 100");
  EXPECT_EQ(error_of("transfer.streams = -1\n").hint, "it is a whole number");
  EXPECT_EQ(error_of("network.packet_size = '17 MiB'\n").hint, "it has to be from 1024 to 16 MiB");
  EXPECT_EQ(error_of("receive.fsync = 'sometimes'\n").hint, "it is auto, always or never");
}

TEST_F(ConfigTest, BrokenTomlIsReportedWithItsPlace) {
  EXPECT_TRUE(error_of("[log\nlevel = 1\n").text.contains("config.toml:1:5: ")) << error_of("[log\n").text;
  EXPECT_EQ(error_of(std::string_view{"a = '\0'\n", 8}).code, NodeErrc::BadSetting);
}

TEST_F(ConfigTest, BadVariablesAndFlagsNameThemselves) {
  const auto bad_variable = load({{"JETWAY_NETWORK_KEEPALIVE", "soon"}});
  ASSERT_FALSE(bad_variable);
  EXPECT_EQ(bad_variable.error().text, "JETWAY_NETWORK_KEEPALIVE cannot be \"soon\"");
  const auto bad_flag = load({}, {flag("receive.max_files", "--max-files", {"\033[31m"})});
  ASSERT_FALSE(bad_flag);
  EXPECT_EQ(bad_flag.error().text, "--max-files cannot be \"\\u{1b}[31m\"");
}

TEST_F(ConfigTest, UnknownVariablesAreWarnedAbout) {
  const auto loaded = load({{"JETWAY_LOG_LEVLE", "debug"}, {"JETWAY_CONFIG", "x"}, {"HOME", "/"}});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->warnings, std::vector<std::string>{"JETWAY_LOG_LEVLE is not a setting and is ignored"});
}

TEST_F(ConfigTest, ARequiredFileHasToBeThere) {
  const auto loaded = load_config({file(), true, nullptr, {}});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, NodeErrc::BadSetting);
}

TEST(SettingsTest, EveryDefaultIsReadBackFromItsText) {
  const Config defaults;
  for (const Setting& setting : settings()) {
    Config config;
    const auto assigned = assign(config, setting, value_texts(defaults, setting));
    EXPECT_TRUE(assigned) << setting.key << ": " << (assigned ? "" : assigned.error());
    EXPECT_EQ(config, defaults) << setting.key;
  }
}

TEST(SettingsTest, KeysVariablesAndFlagsAreUnique) {
  std::map<std::string, int> names;
  for (const Setting& setting : settings()) {
    ++names[std::string{setting.key}];
    ++names[environment_name(setting)];
    EXPECT_FALSE(setting.help.empty()) << setting.key;
    EXPECT_EQ(setting.flag.empty(), setting.commands == kNoCommand) << setting.key;
  }
  for (const auto& [name, count] : names) EXPECT_EQ(count, 1) << name;
}

TEST(SettingsTest, TheVariableFollowsFromTheKey) {
  EXPECT_EQ(environment_name(*find_setting("receive.max_bytes")), "JETWAY_RECEIVE_MAX_BYTES");
}

}  // namespace
}  // namespace jetway::node
