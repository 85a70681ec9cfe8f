#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/lab/linkem/values.h"

namespace jetway::lab {

// A frame in the emulator; its bytes follow it in memory.
struct Frame {
  Nanoseconds arrival;
  std::uint32_t bytes;

  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
};

// Buffers of one size, mapped in advance or on demand up to a limit and never given back: a page fault while
// a frame waits would make it late.
class FramePool {
 public:
  FramePool(std::size_t frame_bytes_max, std::size_t memory_max_bytes);

  void grow(std::size_t frames);
  Frame* take();  // nullptr: the limit has been reached
  void give_back(Frame* frame) { free_.push_back(frame); }

 private:
  std::size_t slot_bytes_;
  std::size_t slots_left_;
  std::vector<Frame*> free_;
};

}  // namespace jetway::lab
