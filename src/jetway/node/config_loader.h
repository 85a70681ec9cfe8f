#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "jetway/node/config.h"
#include "jetway/node/environment.h"
#include "jetway/node/error.h"
#include "jetway/node/settings.h"

namespace jetway::node {

// Where a value comes from, in rising order of precedence.
enum class Origin : std::uint8_t { Default, File, Environment, Flag };
std::string_view to_string(Origin origin);

struct ValueOrigin {
  Origin origin = Origin::Default;
  std::string where;  // "/home/a/.config/jetway/config.toml:3:7", "JETWAY_LOG_LEVEL", "--log-level"
};

// A flag as it was given; several values for one that may be repeated.
struct FlagValue {
  const Setting* setting;
  std::string flag;  // as the user knows it: "--dir"
  std::vector<std::string> values;
};

struct LoadedConfig {
  Config config;
  std::vector<ValueOrigin> origins;   // in the order of settings()
  std::vector<std::string> warnings;  // variables named JETWAY_... that are no setting

  const ValueOrigin& origin_of(std::string_view key) const;
};

struct ConfigSources {
  // Read when it exists, or has to exist.
  std::filesystem::path file;
  bool is_file_required = false;
  const Environment* environment = nullptr;
  std::vector<FlagValue> flags;
};

// Defaults, then the file, the environment, the flags. Fails (BadSetting) with the first value that does
// not fit, and with file:line:column where it stands in the file; so does a key that is no setting.
NodeResult<LoadedConfig> load_config(const ConfigSources& sources);

}  // namespace jetway::node
