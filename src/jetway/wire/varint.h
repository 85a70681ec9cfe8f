#pragma once

#include <cstddef>
#include <cstdint>

namespace jetway::wire {

// Variable-length integers of RFC 9000 section 16: 1, 2, 4 or 8 bytes, the two top bits of the first say
// which.
inline constexpr std::uint64_t kVarintMax = (std::uint64_t{1} << 62) - 1;

constexpr std::size_t varint_size(std::uint64_t value) {
  return value < 1u << 6 ? 1 : value < 1u << 14 ? 2 : value < 1u << 30 ? 4 : 8;
}

}  // namespace jetway::wire
