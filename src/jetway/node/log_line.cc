#include "jetway/node/log_line.h"

#include <algorithm>
#include <chrono>
#include <format>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include "jetway/base/text.h"

namespace jetway::node {

namespace {

std::string safe(std::string_view message) {
  const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; };
  const bool is_safe = is_utf8(message) && std::ranges::none_of(message, is_control);
  return is_safe ? std::string{message} : escape_text(message);
}

std::string_view color_of(LogLevel level) {
  switch (level) {
    case LogLevel::Error:
      return "\033[31m";
    case LogLevel::Warn:
      return "\033[33m";
    case LogLevel::Info:
      return "\033[32m";
    default:
      return "\033[2m";
  }
}

std::string json_text(std::string_view text) { return boost::json::serialize(boost::json::string{text}); }

}  // namespace

std::string_view log_level_name(LogLevel level) {
  switch (level) {
    case LogLevel::Trace:
      return "trace";
    case LogLevel::Debug:
      return "debug";
    case LogLevel::Info:
      return "info";
    case LogLevel::Warn:
      return "warn";
    case LogLevel::Error:
      return "error";
    case LogLevel::Off:
      return "off";
  }
  return "";
}

std::string pretty_log_line(WallTime time, LogLevel level, std::string_view component,
                            std::string_view message, bool has_color) {
  const std::string_view begin = has_color ? color_of(level) : "";
  const std::string_view end = has_color ? "\033[0m" : "";
  return std::format("{:%F %T} {}{:<5}{} {}: {}", time, begin, log_level_name(level), end, component,
                     safe(message));
}

std::string json_log_line(WallTime time, LogLevel level, std::string_view component,
                          std::string_view message) {
  return std::format(R"({{"time":"{:%FT%T}Z","level":"{}","component":{},"message":{}}})", time,
                     log_level_name(level), json_text(component), json_text(safe(message)));
}

}  // namespace jetway::node
