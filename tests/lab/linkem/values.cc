#include "tests/lab/linkem/values.h"

#include <cmath>
#include <cstdlib>
#include <map>
#include <sstream>
#include <stdexcept>

namespace jetway::lab {

namespace {

double parse(const std::string& text, const std::map<std::string, double>& units) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const auto unit = units.find(end);
  if (end == text.c_str() || unit == units.end() || !std::isfinite(value) || value < 0) {
    throw std::runtime_error("cannot read '" + text + "' as a value");
  }
  return value * unit->second;
}

}  // namespace

Nanoseconds clock_now(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

double parse_number(const std::string& text) { return parse(text, {{"", 1}}); }

double parse_bytes(const std::string& text) {
  return parse(text, {{"", 1}, {"b", 1}, {"kb", 1e3}, {"mb", 1e6}});
}

Nanoseconds parse_time(const std::string& text) {
  return static_cast<Nanoseconds>(parse(text, {{"", 1e6}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}}));
}

double parse_bits_per_second(const std::string& text) {
  return parse(text, {{"", 1e6}, {"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}});
}

double parse_probability(const std::string& text) {
  const double probability = parse(text, {{"", 0.01}, {"%", 0.01}});
  if (probability > 1) throw std::runtime_error("'" + text + "' is more than 100%");
  return probability;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

}  // namespace jetway::lab
