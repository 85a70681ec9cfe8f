#pragma once

#include <algorithm>
#include <cstdint>

namespace jetway::transfer {

inline constexpr std::uint32_t kChunkBytes = 1 << 20;

struct ChunkSpan {
  std::uint64_t offset = 0;
  std::uint32_t length = 0;

  bool operator==(const ChunkSpan&) const = default;
};

// Where a file of a known size is cut: at multiples of a fixed size; the last chunk is what is left, an empty
// file has none. Both sides compute it from the size alone. (Boundaries that follow the content will stand
// behind the same two calls, fed from what the sender announces.)
class ChunkGrid {
 public:
  explicit constexpr ChunkGrid(std::uint64_t file_bytes, std::uint32_t chunk_bytes = kChunkBytes)
      : file_bytes_(file_bytes), chunk_bytes_(chunk_bytes) {}

  constexpr std::uint64_t count() const {
    return file_bytes_ / chunk_bytes_ + (file_bytes_ % chunk_bytes_ != 0 ? 1 : 0);
  }
  // `index` is below count().
  constexpr ChunkSpan span(std::uint64_t index) const {
    const std::uint64_t offset = index * chunk_bytes_;
    return {offset, static_cast<std::uint32_t>(std::min<std::uint64_t>(chunk_bytes_, file_bytes_ - offset))};
  }

 private:
  std::uint64_t file_bytes_;
  std::uint32_t chunk_bytes_;
};

}  // namespace jetway::transfer
