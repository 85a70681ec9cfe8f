#pragma once

#include <string>
#include <string_view>

#include "jetway/base/log.h"
#include "jetway/base/time.h"

namespace jetway::node {

// A line of the log as text, without its newline. Foreign parts of a message were escaped by who wrote it; a
// control character that is left all the same is escaped here.
std::string_view log_level_name(LogLevel level);
// "2026-03-01 12:34:56.789 warn  framed: message"
std::string pretty_log_line(WallTime time, LogLevel level, std::string_view component,
                            std::string_view message, bool has_color);
// {"time":"2026-03-01T12:34:56.789Z","level":"warn","component":"framed","message":"message"}
std::string json_log_line(WallTime time, LogLevel level, std::string_view component,
                          std::string_view message);

}  // namespace jetway::node
