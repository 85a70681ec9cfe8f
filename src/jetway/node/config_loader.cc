#include "jetway/node/config_loader.h"

#include <algorithm>
#include <array>
#include <format>
#include <optional>
#include <utility>

#include <toml++/toml.hpp>

#include "jetway/base/assert.h"
#include "jetway/base/text.h"
#include "jetway/node/private_file.h"

namespace jetway::node {

namespace {

// Variables that are no settings and still ours.
constexpr std::string_view kEnvironmentPrefix = "JETWAY_";
constexpr std::array kOtherVariables = {std::string_view("JETWAY_CONFIG"), std::string_view("JETWAY_AEAD")};

std::string place(const std::string& file, const toml::source_position& position) {
  return std::format("{}:{}:{}", file, position.line, position.column);
}

std::size_t index_of(const Setting& setting) {
  return static_cast<std::size_t>(&setting - settings().data());
}

// The texts of a TOML value, if it has the shape that the setting wants.
std::optional<std::vector<std::string>> texts_of(const toml::node& node, ValueShape shape) {
  switch (shape) {
    case ValueShape::Boolean:
      if (const auto value = node.value_exact<bool>()) return {{*value ? "true" : "false"}};
      return std::nullopt;
    case ValueShape::Integer:
      if (const auto value = node.value_exact<std::int64_t>()) return {{std::to_string(*value)}};
      return std::nullopt;
    case ValueShape::IntegerOrText:
      if (const auto value = node.value_exact<std::int64_t>()) return {{std::to_string(*value)}};
      [[fallthrough]];
    case ValueShape::Text:
      if (auto value = node.value_exact<std::string>()) return {{std::move(*value)}};
      return std::nullopt;
    case ValueShape::ListOfText:
      break;
  }
  std::vector<std::string> texts;
  if (auto value = node.value_exact<std::string>()) return {{std::move(*value)}};
  const toml::array* list = node.as_array();
  if (list == nullptr) return std::nullopt;
  for (const toml::node& element : *list) {
    auto value = element.value_exact<std::string>();
    if (!value) return std::nullopt;
    texts.push_back(std::move(*value));
  }
  return texts;
}

class Loader {
 public:
  Loader() { loaded_.origins.resize(settings().size()); }

  NodeResult<void> read_file(const std::filesystem::path& path, bool is_required) {
    file_ = escape_text(path.native());
    const auto content = read_private_file(path);
    if (!content) return std::unexpected(content.error());
    if (!*content && is_required) {
      return std::unexpected(
          NodeError{NodeErrc::BadSetting, std::format("there is no configuration file {}", file_)});
    }
    if (!*content) return {};
    try {
      return read_table(toml::parse(std::string_view{**content}), "");
    } catch (const toml::parse_error& error) {
      return std::unexpected(NodeError{
          NodeErrc::BadSetting,
          std::format("{}: {}", place(file_, error.source().begin), escape_text(error.description()))});
    }
  }

  NodeResult<void> read_environment(const Environment& environment) {
    for (const Setting& setting : settings()) {
      const std::string name = environment_name(setting);
      if (const auto value = environment.find(name)) {
        if (auto set = set_value(setting, Origin::Environment, name, split(setting, *value)); !set)
          return set;
      }
    }
    for (const auto& [name, value] : environment.variables()) {
      if (!name.starts_with(kEnvironmentPrefix) || std::ranges::contains(kOtherVariables, name)) continue;
      const bool is_setting = std::ranges::contains(settings(), name, environment_name);
      if (!is_setting)
        loaded_.warnings.push_back(std::format("{} is not a setting and is ignored", escape_text(name)));
    }
    return {};
  }

  NodeResult<void> read_flag(const FlagValue& flag) {
    return set_value(*flag.setting, Origin::Flag, flag.flag, flag.values);
  }

  LoadedConfig take() { return std::move(loaded_); }

 private:
  NodeResult<void> read_table(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const std::string key =
          prefix.empty() ? std::string{name.str()} : std::format("{}.{}", prefix, name.str());
      const bool is_group = prefix.empty() && node.is_table() && is_table_name(key);
      if (auto read = is_group ? read_table(*node.as_table(), key) : read_value(key, name, node); !read)
        return read;
    }
    return {};
  }

  static bool is_table_name(const std::string& name) {
    return std::ranges::any_of(settings(),
                               [&](const Setting& setting) { return setting.key.starts_with(name + "."); });
  }

  NodeResult<void> read_value(const std::string& key, const toml::key& name, const toml::node& node) {
    const Setting* setting = find_setting(key);
    if (setting == nullptr) {
      const std::string_view similar = similar_setting(key);
      return std::unexpected(NodeError{
          NodeErrc::BadSetting,
          std::format("{}: there is no setting {}", place(file_, name.source().begin), escape_text(key)),
          similar.empty() ? "`jetway config show` lists all settings"
                          : std::format("did you mean {}?", similar)});
    }
    auto texts = texts_of(node, shape(*setting));
    if (!texts) {
      return std::unexpected(NodeError{NodeErrc::BadSetting,
                                       std::format("{}: {} has a value of the wrong type",
                                                   place(file_, node.source().begin), setting->key),
                                       std::format("it is {}", expected_value(*setting))});
    }
    return set_value(*setting, Origin::File, place(file_, node.source().begin), *texts);
  }

  // A list in a variable is separated by commas.
  static std::vector<std::string> split(const Setting& setting, std::string_view text) {
    std::vector<std::string> parts;
    while (is_list(setting) && text.contains(',')) {
      parts.emplace_back(text.substr(0, text.find(',')));
      text.remove_prefix(text.find(',') + 1);
    }
    parts.emplace_back(text);
    return parts;
  }

  NodeResult<void> set_value(const Setting& setting, Origin origin, const std::string& where,
                             const std::vector<std::string>& texts) {
    if (const auto assigned = assign(loaded_.config, setting, texts); !assigned) {
      const bool is_file = origin == Origin::File;
      std::string shown;
      for (const std::string& text : texts) shown += (shown.empty() ? "" : ",") + escape_text(text);
      return std::unexpected(NodeError{NodeErrc::BadSetting,
                                       is_file
                                           ? std::format("{}: {} cannot be \"{}\"", where, setting.key, shown)
                                           : std::format("{} cannot be \"{}\"", where, shown),
                                       assigned.error()});
    }
    loaded_.origins[index_of(setting)] = {origin, where};
    return {};
  }

  LoadedConfig loaded_;
  std::string file_;
};

}  // namespace

std::string_view to_string(Origin origin) {
  switch (origin) {
    case Origin::Default:
      return "default";
    case Origin::File:
      return "file";
    case Origin::Environment:
      return "environment";
    case Origin::Flag:
      return "flag";
  }
  return "";
}

const ValueOrigin& LoadedConfig::origin_of(std::string_view key) const {
  const Setting* setting = find_setting(key);
  JETWAY_ASSERT(setting != nullptr);
  return origins[index_of(*setting)];
}

NodeResult<LoadedConfig> load_config(const ConfigSources& sources) {
  Loader loader;
  if (!sources.file.empty()) {
    if (auto read = loader.read_file(sources.file, sources.is_file_required); !read) {
      return std::unexpected(std::move(read.error()));
    }
  }
  if (sources.environment != nullptr) {
    if (auto read = loader.read_environment(*sources.environment); !read) {
      return std::unexpected(std::move(read.error()));
    }
  }
  for (const FlagValue& flag : sources.flags) {
    if (auto read = loader.read_flag(flag); !read) return std::unexpected(std::move(read.error()));
  }
  return loader.take();
}

}  // namespace jetway::node
