#pragma once

#include <cstddef>

#include "jetway/base/buffer.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/task.h"

namespace jetway::node {

// The memory of chunks on their way: so many buffers of one size, made when first needed and used again and
// again (the first touch of fresh pages costs more than filling them). Waiting for one is what bounds the
// bytes in flight. Used on the loop; its buffers may be dropped on any thread, also after the pool is gone.
class ChunkPool {
 public:
  // At least one buffer.
  ChunkPool(io::EventLoop& loop, std::size_t buffers, std::size_t buffer_bytes);
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;
  ~ChunkPool();

  // Waits for a free one; empty, of the pool's buffer_bytes capacity. Without capacity once the pool is
  // closed.
  io::Task<Buffer> acquire();
  // Ends all waits: what is out may never come back.
  void close();

 private:
  class Core;
  Core* core_;
};

}  // namespace jetway::node
