#pragma once

#include <cstdint>
#include <optional>

#include "jetway/base/bytes.h"

namespace jetway::wire {

// Takes fields from the front of bytes that somebody else sent. It remembers the first failure and from then
// on returns zeros and empty views, so that a decoder reads all its fields and checks ok() once. What it
// returns are views of the input.
class Reader {
 public:
  explicit Reader(ByteView input) : rest_(input) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(big_endian(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(big_endian(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(big_endian(4)); }
  std::uint64_t u64() { return big_endian(8); }
  // RFC 9000 section 16; longer encodings than needed are accepted, as there.
  std::uint64_t varint();
  ByteView bytes(std::size_t count);
  // A varint length and that many bytes; fails when the length is above `max_bytes`.
  ByteView sized_bytes(std::size_t max_bytes);
  ByteView rest() { return bytes(rest_.size()); }

  // The next byte, left where it is; nullopt at the end.
  std::optional<std::byte> peek() const {
    return rest_.empty() ? std::nullopt : std::optional{rest_.front()};
  }

  std::size_t remaining() const { return rest_.size(); }
  bool is_empty() const { return rest_.empty(); }
  bool ok() const { return ok_; }
  // ok() and nothing left over.
  bool is_complete() const { return ok_ && rest_.empty(); }
  void fail() {
    ok_ = false;
    rest_ = {};
  }

 private:
  std::uint64_t big_endian(std::size_t count);

  ByteView rest_;
  bool ok_ = true;
};

}  // namespace jetway::wire
