#include "tests/lab/linkem/frame_pool.h"

#include <algorithm>

#include <sys/mman.h>

namespace jetway::lab {

namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kGrowth = 1024;

}  // namespace

FramePool::FramePool(std::size_t frame_bytes_max, std::size_t memory_max_bytes)
    : slot_bytes_((sizeof(Frame) + frame_bytes_max + kCacheLine - 1) / kCacheLine * kCacheLine),
      slots_left_(memory_max_bytes / slot_bytes_) {}

void FramePool::grow(std::size_t frames) {
  frames = std::min(frames, slots_left_);
  if (frames == 0) return;
  void* const memory = ::mmap(nullptr, frames * slot_bytes_, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) {
    slots_left_ = 0;
    return;
  }
  slots_left_ -= frames;
  for (std::size_t i = frames; i-- > 0;) {
    free_.push_back(reinterpret_cast<Frame*>(static_cast<std::uint8_t*>(memory) + i * slot_bytes_));
  }
}

Frame* FramePool::take() {
  if (free_.empty()) grow(kGrowth);
  if (free_.empty()) return nullptr;
  Frame* const frame = free_.back();  // last in, first out: the warmest buffer
  free_.pop_back();
  return frame;
}

}  // namespace jetway::lab
