#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "jetway/base/time.h"

namespace jetway::node {

// Quantities as people write and read them. Parsers fail with a static text that says what would be right.

// "1048576", "5M", "1.5 GiB", "300 kB": k M G T P are powers of 1000, Ki Mi Gi Ti Pi of 1024, each with or
// without a B; the case of the letters does not matter.
std::expected<std::uint64_t, std::string_view> parse_size(std::string_view text);

// "10s", "250ms", "1.5m", "1h30m", "0": units ms, s, m (or min), h, d.
std::expected<std::chrono::milliseconds, std::string_view> parse_duration(std::string_view text);

// The shortest text that the parsers read back as the same value: "10 GB", "4 MiB", "4097"; "1m30s", "250ms".
std::string size_setting(std::uint64_t bytes);
std::string duration_setting(std::chrono::milliseconds duration);

// For display, three significant digits: "0 B", "999 B", "1.2 kB", "35.9 MB", "1.25 GB".
std::string format_size(std::uint64_t bytes);
// "117 MB/s"
std::string format_rate(double bytes_per_second);
// How long something took: "0.42 s", "12.3 s", "2 min 05 s", "1 h 02 min".
std::string format_elapsed(Duration elapsed);
// A countdown: "0:07", "12:05", "1:02:03"; "1 d 4 h" and longer in days.
std::string format_clock(Duration duration);
// "1,234,567"
std::string format_count(std::uint64_t count);

}  // namespace jetway::node
