#pragma once

#include <array>

#include "jetway/base/assert.h"
#include "jetway/base/bytes.h"
#include "jetway/wire/writer.h"

namespace jetway::wire {

// The payload of one packet while frames are put into it. Frame headers and small data are copied into
// `scratch`; the data of the last frame may be referred to instead, so that bulk data goes from where the
// application left it straight through the seal into the packet. Whoever refers to memory keeps it unchanged
// until the packet is sealed.
class PacketWriter {
 public:
  // Room for `capacity_bytes` of payload; scratch is at least as long.
  PacketWriter(MutableBytes scratch, std::size_t capacity_bytes)
      : frames_(scratch.first(capacity_bytes)), capacity_bytes_(capacity_bytes) {}

  Writer& frames() {
    JETWAY_ASSERT(tail_.empty());
    return frames_;
  }
  // The rest of the packet; nothing can be written behind it.
  void finish_with(ByteView data) {
    JETWAY_ASSERT(tail_.empty() && data.size() <= remaining());
    tail_ = data;
  }

  std::size_t remaining() const { return tail_.empty() ? capacity_bytes_ - frames_.size() : 0; }
  std::size_t size() const { return frames_.size() + tail_.size(); }
  bool is_empty() const { return size() == 0; }
  std::array<ByteView, 2> parts() const { return {frames_.written(), tail_}; }

 private:
  Writer frames_;
  std::size_t capacity_bytes_;
  ByteView tail_;
};

}  // namespace jetway::wire
