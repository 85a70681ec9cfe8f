#pragma once

#include <cstddef>
#include <vector>

#include "jetway/base/buffer.h"

namespace jetway::bench {

// Blocks that are lent to the session and come back when they have been sent: filled once, like a cache of
// pages.
class BlockPool final : public BufferRecycler {
 public:
  explicit BlockPool(std::size_t block_bytes) : block_bytes_(block_bytes) {}
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool() {
    for (std::byte* memory : free_) delete[] memory;
  }
  Buffer take() {
    if (free_.empty()) free_.push_back(new std::byte[block_bytes_]{});
    Buffer block(free_.back(), block_bytes_, *this);
    free_.pop_back();
    block.resize(block_bytes_);
    return block;
  }
  void recycle(std::byte* memory, std::size_t) noexcept override { free_.push_back(memory); }

 private:
  std::size_t block_bytes_;
  std::vector<std::byte*> free_;
};

}  // namespace jetway::bench
