#pragma once

#include <cstdint>
#include <cstring>

#include "jetway/base/bytes.h"

namespace jetway::sim {

// Bytes that say where they belong: of stream `key`, from `offset` on.
inline std::byte pattern_byte(std::uint64_t key, std::uint64_t offset) {
  std::uint64_t z = key + (offset / 8 + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return static_cast<std::byte>(z >> (offset % 8 * 8));
}

inline void fill_pattern(std::uint64_t key, std::uint64_t offset, MutableBytes out) {
  for (std::byte& byte : out) byte = pattern_byte(key, offset++);
}

// Where they first differ; the size of `bytes` when they do not.
inline std::size_t match_pattern(std::uint64_t key, std::uint64_t offset, ByteView bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != pattern_byte(key, offset + i)) return i;
  }
  return bytes.size();
}

}  // namespace jetway::sim
