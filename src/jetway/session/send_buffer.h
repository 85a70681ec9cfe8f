#pragma once

#include <cstdint>
#include <deque>

#include "jetway/base/buffer.h"

namespace jetway::session {

// What a stream has been given to send and the peer does not have yet, by stream offset. Buffers are taken as
// they are; small writes are gathered into buffers of our own. Memory is released from the front, buffer by
// buffer.
class SendBuffer {
 public:
  void append_copy(ByteView data);
  void append(Buffer&& buffer);

  std::uint64_t begin() const { return begin_; }  // everything before is acknowledged
  std::uint64_t end() const { return end_; }
  std::uint64_t size() const { return end_ - begin_; }

  // The bytes at `offset` (in [begin, end)) that lie together in memory. Stays until released.
  ByteView contiguous(std::uint64_t offset) const;
  // Copies the bytes at `offset`, which are all there.
  void copy(std::uint64_t offset, MutableBytes out) const;
  // The bytes before `offset` are not needed any more.
  void release_until(std::uint64_t offset);
  void clear();  // drops all; begin and end stay where the end was

 private:
  struct Segment {
    std::uint64_t begin = 0;
    Buffer buffer;
    bool is_ours = false;  // may be appended to

    std::uint64_t end() const { return begin + buffer.size(); }
  };
  std::size_t segment_at(std::uint64_t offset) const;

  std::deque<Segment> segments_;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
};

}  // namespace jetway::session
