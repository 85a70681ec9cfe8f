#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <time.h>

namespace jetway::lab {

using Nanoseconds = std::int64_t;  // instants are on CLOCK_MONOTONIC

inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;
inline constexpr Nanoseconds kNever = INT64_MAX / 4;

Nanoseconds clock_now(clockid_t clock);
inline Nanoseconds monotonic_now() { return clock_now(CLOCK_MONOTONIC); }

// Values as a person writes them; a bare number has the unit that is usual for its kind. All throw
// std::runtime_error for what they cannot read, and for negative numbers.
double parse_number(const std::string& text);           // no unit
double parse_bytes(const std::string& text);            // b, kb, mb
Nanoseconds parse_time(const std::string& text);        // us, ms (bare), s
double parse_bits_per_second(const std::string& text);  // bit, kbit, mbit (bare), gbit
double parse_probability(const std::string& text);      // percent, with % or bare

std::vector<std::string> split(const std::string& text, char separator);

}  // namespace jetway::lab
