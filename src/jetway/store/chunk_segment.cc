#include "jetway/store/chunk_segment.h"

#include <algorithm>

#include "jetway/base/assert.h"

namespace jetway::store {

ChunkSegment::ChunkSegment(ByteView known, ByteView hashes) {
  if (known.size() != known_.size() || hashes.size() > kSegmentChunks * crypto::kHashBytes) return;
  std::ranges::copy(known, known_.begin());
  hashes_ = to_bytes(hashes);
}

void ChunkSegment::add(std::uint64_t position, const crypto::Hash256& hash) {
  JETWAY_ASSERT(position < kSegmentChunks);
  known_[position / 8] |= std::byte{1} << (position % 8);
  const std::size_t begin = position * crypto::kHashBytes;
  if (hashes_.size() < begin + crypto::kHashBytes) hashes_.resize(begin + crypto::kHashBytes);
  copy_bytes(MutableBytes{hashes_}.subspan(begin), hash.view());
}

bool ChunkSegment::is_known(std::uint64_t position) const {
  return (known_[position / 8] & (std::byte{1} << (position % 8))) != std::byte{0};
}

void ChunkSegment::append_to(std::vector<ChunkRecord>& chunks, std::uint64_t first) const {
  const std::uint64_t count = hashes_.size() / crypto::kHashBytes;
  for (std::uint64_t position = 0; position < count; ++position) {
    if (!is_known(position)) continue;
    const ByteView hash = ByteView{hashes_}.subspan(position * crypto::kHashBytes, crypto::kHashBytes);
    chunks.push_back({.index = first + position, .hash = *crypto::Hash256::from_bytes(hash)});
  }
}

}  // namespace jetway::store
