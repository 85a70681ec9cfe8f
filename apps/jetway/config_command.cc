#include <algorithm>
#include <cstdio>
#include <format>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "apps/jetway/json_reporter.h"
#include "apps/jetway/program.h"

namespace jetway::command {

namespace {

namespace json = boost::json;

// As the file would have it; texts that are not UTF-8 as base64.
json::object json_setting(const node::Config& config, const node::Setting& setting,
                          const node::ValueOrigin& origin) {
  json::object line{{"event", "setting"}, {"key", setting.key}};
  const std::vector<std::string> texts = node::value_texts(config, setting);
  switch (node::shape(setting)) {
    case node::ValueShape::Boolean:
      line["value"] = texts.front() == "true";
      break;
    case node::ValueShape::Integer:
      line["value"] = std::stoull(texts.front());
      break;
    case node::ValueShape::Text:
    case node::ValueShape::IntegerOrText:
      add_name(line, "value", texts.front());
      break;
    case node::ValueShape::ListOfText: {
      json::array list;
      for (const std::string& text : texts) list.emplace_back(text);
      line["value"] = std::move(list);
      break;
    }
  }
  line["origin"] = node::to_string(origin.origin);
  line["where"] = origin.where;
  line["environment"] = node::environment_name(setting);
  return line;
}

std::string text_line(const node::Config& config, const node::Setting& setting,
                      const node::ValueOrigin& origin, bool has_color) {
  const bool is_default = origin.origin == node::Origin::Default;
  std::string line = std::format("{:<26} {:<34}  {}", setting.key, node::toml_value(config, setting),
                                 is_default ? "default" : origin.where);
  if (!has_color) return line;
  return is_default ? std::format("\033[2m{}\033[0m", line) : line;
}

}  // namespace

ExitCode run_config_show(Program& program) {
  const bool has_color = program.config().output.color == node::ColorMode::Always;
  for (std::size_t i = 0; i < node::settings().size(); ++i) {
    const node::Setting& setting = node::settings()[i];
    const node::ValueOrigin& origin = program.loaded.origins[i];
    const std::string line = program.config().output.json
                                 ? json::serialize(json_setting(program.config(), setting, origin))
                                 : text_line(program.config(), setting, origin, has_color);
    std::puts(line.c_str());
  }
  return ExitCode::Done;
}

}  // namespace jetway::command
