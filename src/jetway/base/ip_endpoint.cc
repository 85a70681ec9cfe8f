#include "jetway/base/ip_endpoint.h"

#include <format>

namespace jetway {

namespace {

constexpr std::size_t kGroups = 8;

struct ZeroRun {
  std::size_t begin = kGroups;
  std::size_t length = 0;
};

std::uint16_t group_at(const std::array<std::uint8_t, 16>& address, std::size_t group) {
  return static_cast<std::uint16_t>(address[2 * group] << 8 | address[2 * group + 1]);
}

// The first of the longest runs of at least two zero groups (RFC 5952 section 4.2).
ZeroRun longest_zero_run(const std::array<std::uint8_t, 16>& address) {
  ZeroRun longest;
  for (std::size_t begin = 0; begin < kGroups; ++begin) {
    std::size_t end = begin;
    while (end < kGroups && group_at(address, end) == 0) ++end;
    if (end - begin >= 2 && end - begin > longest.length) longest = {begin, end - begin};
  }
  return longest;
}

std::string text_of_v6(const std::array<std::uint8_t, 16>& address) {
  const ZeroRun run = longest_zero_run(address);
  std::string text;
  for (std::size_t group = 0; group < kGroups; ++group) {
    if (group == run.begin) {
      text += "::";
      group += run.length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += std::format("{:x}", group_at(address, group));
  }
  return text;
}

}  // namespace

std::string IpEndpoint::to_text() const {
  if (is_v4()) {
    return std::format("{}.{}.{}.{}:{}", address[12], address[13], address[14], address[15], port);
  }
  const std::string scope = scope_id == 0 ? "" : std::format("%{}", scope_id);
  return std::format("[{}{}]:{}", text_of_v6(address), scope, port);
}

}  // namespace jetway
