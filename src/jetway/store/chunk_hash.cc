#include "jetway/store/chunk_hash.h"

#include <algorithm>
#include <utility>

#include "jetway/base/assert.h"
#include "jetway/base/buffer.h"

namespace jetway::store {
namespace {

// What is read at once, or one chunk where chunks are smaller.
constexpr std::size_t kReadBytes = 1 << 20;

// The hash of up to `chunk_bytes` from `offset` on, and how many there were.
struct HashedChunk {
  crypto::Hash256 hash;
  std::uint64_t bytes = 0;
};

StoreResult<HashedChunk> hash_chunk(const File& file, std::uint64_t offset, std::uint64_t chunk_bytes,
                                    MutableBytes space) {
  crypto::Blake3 hasher;
  std::uint64_t done = 0;
  while (done < chunk_bytes) {
    const MutableBytes part = space.first(std::min<std::uint64_t>(space.size(), chunk_bytes - done));
    auto got = file.read_at(offset + done, part);
    if (!got) return std::unexpected(std::move(got.error()));
    hasher.update(part.first(*got));
    done += *got;
    if (*got < part.size()) break;
  }
  return HashedChunk{.hash = hasher.finish(), .bytes = done};
}

}  // namespace

StoreResult<std::vector<crypto::Hash256>> hash_chunks(const File& file, std::uint64_t first,
                                                      std::uint64_t count, std::uint32_t chunk_bytes) {
  JETWAY_ASSERT(chunk_bytes > 0);
  file.expect_sequential_reads();
  Buffer buffer{std::min<std::size_t>(kReadBytes, chunk_bytes)};
  buffer.resize(buffer.capacity());
  std::vector<crypto::Hash256> hashes;
  for (std::uint64_t index = 0; index < count; ++index) {
    auto chunk = hash_chunk(file, (first + index) * chunk_bytes, chunk_bytes, buffer.bytes());
    if (!chunk) return std::unexpected(std::move(chunk.error()));
    if (chunk->bytes > 0) hashes.push_back(chunk->hash);
    if (chunk->bytes < chunk_bytes) break;
  }
  return hashes;
}

}  // namespace jetway::store
