#include "jetway/node/quantity.h"

#include <array>
#include <cmath>
#include <format>
#include <limits>
#include <optional>
#include <utility>

namespace jetway::node {

namespace {

constexpr std::string_view kSizeAdvice =
    "a size is a number with k, M, G, T or P (or Ki, Mi, ...): 500k, 1.5 GiB";
constexpr std::string_view kDurationAdvice =
    "a duration is a number with its unit ms, s, m, h or d: 250ms, 10s, 1h30m";

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kMaxValue = std::numeric_limits<std::int64_t>::max();

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

void skip_spaces(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
}

// A decimal number, exact: the digits before the point, and up to nine after it.
struct Decimal {
  std::uint64_t whole = 0;
  std::uint64_t fraction = 0;  // in units of 1 / scale
  std::uint64_t scale = 1;

  std::optional<std::uint64_t> times(std::uint64_t unit) const {
    const Wide value = Wide{whole} * unit + Wide{fraction} * unit / scale;
    if (value > kMaxValue) return std::nullopt;
    return static_cast<std::uint64_t>(value);
  }
};

std::optional<Decimal> take_decimal(std::string_view& text) {
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  Decimal number;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
    if (number.whole > kMaxValue / 10) return std::nullopt;
    number.whole = number.whole * 10 + static_cast<std::uint64_t>(text.front() - '0');
  }
  if (text.empty() || text.front() != '.') return number;
  text.remove_prefix(1);
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
    if (number.scale == 1'000'000'000) return std::nullopt;
    number.fraction = number.fraction * 10 + static_cast<std::uint64_t>(text.front() - '0');
    number.scale *= 10;
  }
  return number;
}

// The letters up to the next digit, blank or end, in lower case; empty when they are more than any unit has.
std::string take_unit(std::string_view& text) {
  std::string unit;
  while (!text.empty() && !is_digit(text.front()) && text.front() != ' ') {
    unit.push_back(lower(text.front()));
    text.remove_prefix(1);
  }
  return unit;
}

std::optional<std::uint64_t> size_unit(std::string_view unit) {
  if (unit.ends_with('b')) unit.remove_suffix(1);
  if (unit.empty()) return 1;
  const std::size_t power = std::string_view{"kmgtp"}.find(unit.front()) + 1;
  if (power == 0) return std::nullopt;
  unit.remove_prefix(1);
  const bool is_binary = unit == "i";
  if (!unit.empty() && !is_binary) return std::nullopt;
  std::uint64_t factor = 1;
  for (std::size_t i = 0; i < power; ++i) factor *= is_binary ? 1024 : 1000;
  return factor;
}

struct DurationUnit {
  std::string_view name;
  std::uint64_t milliseconds;
};
constexpr std::array kDurationUnits = {
    DurationUnit{"d", 86'400'000}, DurationUnit{"h", 3'600'000}, DurationUnit{"m", 60'000},
    DurationUnit{"s", 1'000},      DurationUnit{"ms", 1},
};

std::optional<std::uint64_t> duration_unit(std::string_view name) {
  if (name == "min") name = "m";
  for (const DurationUnit& unit : kDurationUnits) {
    if (unit.name == name) return unit.milliseconds;
  }
  return std::nullopt;
}

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array kDecimalUnits = {
    SizeUnit{"PB", 1'000'000'000'000'000},
    SizeUnit{"TB", 1'000'000'000'000},
    SizeUnit{"GB", 1'000'000'000},
    SizeUnit{"MB", 1'000'000},
    SizeUnit{"kB", 1'000},
};
constexpr std::array kBinaryUnits = {
    SizeUnit{"PiB", 1ULL << 50}, SizeUnit{"TiB", 1ULL << 40}, SizeUnit{"GiB", 1ULL << 30},
    SizeUnit{"MiB", 1ULL << 20}, SizeUnit{"KiB", 1ULL << 10},
};

// "1.25 GB", "35.9 MB", "117 kB", "999 B".
std::string three_digits(double amount) {
  if (amount < 999.5) return std::format("{:.0f} B", amount);
  std::size_t unit = kDecimalUnits.size();
  double scaled = amount;
  while (unit > 0 && scaled >= 999.5) {
    scaled = amount / static_cast<double>(kDecimalUnits[--unit].bytes);
  }
  const int digits = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
  return std::format("{:.{}f} {}", scaled, digits, kDecimalUnits[unit].name);
}

}  // namespace

std::expected<std::uint64_t, std::string_view> parse_size(std::string_view text) {
  skip_spaces(text);
  const auto number = take_decimal(text);
  if (!number) return std::unexpected(kSizeAdvice);
  skip_spaces(text);
  const auto unit = size_unit(take_unit(text));
  skip_spaces(text);
  if (!unit || !text.empty()) return std::unexpected(kSizeAdvice);
  const bool is_part_of_a_byte = number->scale > 1 && *unit == 1;
  if (is_part_of_a_byte) return std::unexpected(kSizeAdvice);
  const auto bytes = number->times(*unit);
  if (!bytes) return std::unexpected("that is more than 8 EiB");
  return *bytes;
}

std::expected<std::chrono::milliseconds, std::string_view> parse_duration(std::string_view text) {
  skip_spaces(text);
  if (text == "0") return std::chrono::milliseconds{0};
  if (text.empty()) return std::unexpected(kDurationAdvice);
  std::uint64_t sum = 0;
  std::uint64_t last_unit = kMaxValue;
  while (!text.empty()) {
    const auto number = take_decimal(text);
    if (!number) return std::unexpected(kDurationAdvice);
    skip_spaces(text);
    const auto unit = duration_unit(take_unit(text));
    if (!unit || *unit >= last_unit) return std::unexpected(kDurationAdvice);
    last_unit = *unit;
    const auto part = number->times(*unit);
    if (!part || *part > kMaxValue - sum) return std::unexpected("that is too long");
    sum += *part;
    skip_spaces(text);
  }
  return std::chrono::milliseconds{static_cast<std::int64_t>(sum)};
}

std::string size_setting(std::uint64_t bytes) {
  std::string best = std::to_string(bytes);
  if (bytes == 0) return best;
  for (const auto& units : {kDecimalUnits, kBinaryUnits}) {
    for (const SizeUnit& unit : units) {
      if (bytes % unit.bytes != 0) continue;
      if (std::string text = std::format("{} {}", bytes / unit.bytes, unit.name);
          text.size() <= best.size()) {
        best = std::move(text);
      }
      break;
    }
  }
  return best;
}

std::string duration_setting(std::chrono::milliseconds duration) {
  auto left = static_cast<std::uint64_t>(duration.count());
  if (left == 0) return "0";
  std::string text;
  for (const DurationUnit& unit : kDurationUnits) {
    if (left < unit.milliseconds) continue;
    text += std::format("{}{}", left / unit.milliseconds, unit.name);
    left %= unit.milliseconds;
  }
  return text;
}

std::string format_size(std::uint64_t bytes) { return three_digits(static_cast<double>(bytes)); }

std::string format_rate(double bytes_per_second) {
  return three_digits(std::max(0.0, bytes_per_second)) + "/s";
}

std::string format_elapsed(Duration elapsed) {
  const double seconds = std::chrono::duration<double>{elapsed}.count();
  if (seconds < 9.995) return std::format("{:.2f} s", seconds);
  if (seconds < 59.95) return std::format("{:.1f} s", seconds);
  const auto whole = std::llround(seconds);
  if (whole < 3600) return std::format("{} min {:02} s", whole / 60, whole % 60);
  return std::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string format_clock(Duration duration) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::max(duration, Duration{0})).count();
  if (seconds >= 86'400) return std::format("{} d {} h", seconds / 86'400, seconds / 3600 % 24);
  if (seconds >= 3600) return std::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  return std::format("{}:{:02}", seconds / 60, seconds % 60);
}

std::string format_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

}  // namespace jetway::node
