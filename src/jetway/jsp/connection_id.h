#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "jetway/base/assert.h"
#include "jetway/base/bytes.h"

namespace jetway::jsp {

// How the receiver of a packet finds the connection and the path that it belongs to. A listener's have 8
// bytes, of which the first names the shard; a dialer with a socket of its own for every path has none.
class ConnectionId {
 public:
  static constexpr std::size_t kMaxBytes = 8;

  ConnectionId() = default;
  explicit ConnectionId(ByteView bytes) : size_(static_cast<std::uint8_t>(bytes.size())) {
    JETWAY_ASSERT(bytes.size() <= kMaxBytes);
    copy_bytes(bytes_, bytes);
  }

  ByteView view() const { return ByteView{bytes_}.first(size_); }
  std::size_t size() const { return size_; }
  bool is_empty() const { return size_ == 0; }
  // As a key of tables, of IDs of one length.
  std::uint64_t value() const {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes_.data(), sizeof value);
    return value;
  }
  bool operator==(const ConnectionId&) const = default;

 private:
  std::array<std::byte, kMaxBytes> bytes_{};
  std::uint8_t size_ = 0;
};

}  // namespace jetway::jsp
