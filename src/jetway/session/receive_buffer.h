#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/base/time.h"
#include "jetway/session/range_set.h"

namespace jetway::session {

// The blocks that receive buffers are made of: those that were given back are kept, up to a bound and as long
// as some are taken from time to time, so that a connection that is read as fast as it comes allocates
// nothing. Outlives every buffer that uses it.
class BlockPool {
 public:
  static constexpr std::size_t kBlockBytes = 32 * 1024;
  using Block = std::unique_ptr<std::array<std::byte, kBlockBytes>>;

  Block take();
  void give_back(Block block);
  std::size_t kept() const { return kept_.size(); }

  // When to see whether what is kept is still of use.
  std::optional<TimePoint> next_timeout() const;
  void handle_timeout(TimePoint now);
  // Where it is known that it is not.
  void release_memory() { kept_ = std::vector<Block>(); }

 private:
  static constexpr std::size_t kKeptMax = 64;
  std::vector<Block> kept_;
  bool was_used_ = false;  // since the last look
  TimePoint next_look_{};
};

// What has arrived of a stream and has not been read: in any order, in pieces of any size, repeated or
// overlapping (the first copy of a byte counts). Flow control bounds how far ahead of `begin` the peer may
// write; kGapsMax bounds how scattered it may be.
class ReceiveBuffer {
 public:
  // A window of 16 MiB in packets of 1,200 bytes of which every other is lost.
  static constexpr std::size_t kGapsMax = 8 * 1024;

  explicit ReceiveBuffer(BlockPool& pool) : pool_(&pool) {}
  ~ReceiveBuffer() { clear(); }
  ReceiveBuffer(const ReceiveBuffer&) = delete;
  ReceiveBuffer& operator=(const ReceiveBuffer&) = delete;

  // False: more scattered than a sender of this protocol leaves it.
  bool insert(std::uint64_t offset, ByteView data);

  std::uint64_t begin() const { return begin_; }  // everything before has been read
  // End of the bytes that can be read now.
  std::uint64_t readable_end() const;
  bool is_empty() const { return received_.is_empty(); }
  bool is_readable() const { return readable_end() > begin_; }
  // Where the first bytes that are held begin, at most `limit`.
  std::uint64_t held_begin(std::uint64_t limit) const {
    return received_.is_empty() ? limit : std::min(limit, received_.front().begin);
  }
  // End of the bytes that lie together from `offset` on; `offset` itself when there are none.
  std::uint64_t held_end(std::uint64_t offset) const { return received_.end_of(offset); }
  // The first bytes that can be read and lie together.
  ByteView front() const;
  // `count` bytes from the front have been read, or came past this buffer (then it holds none of them).
  void consume(std::size_t count);
  void clear();

 private:
  BlockPool::Block& block_at(std::uint64_t offset);
  void fill(std::uint64_t offset, ByteView data);

  BlockPool* pool_;
  std::uint64_t begin_ = 0;
  RangeSet received_;                    // at or above begin_
  std::uint64_t first_block_ = 0;        // its number: offset / kBlockBytes
  std::deque<BlockPool::Block> blocks_;  // null where nothing has arrived
};

}  // namespace jetway::session
