#pragma once

#include <cstdint>
#include <vector>

#include "jetway/crypto/hash.h"
#include "jetway/store/error.h"
#include "jetway/store/file.h"

namespace jetway::store {

inline constexpr std::uint32_t kChunkGridBytes = 1 << 20;

// Reads chunks [first, first + count) of a fixed grid of `chunk_bytes` and returns the BLAKE3 hash of each;
// the last chunk of the file is as long as it is. Fewer hashes than asked for when the file ends before.
// Blocks for as long as reading takes: ask for a few hundred chunks at a time to stay responsive.
StoreResult<std::vector<crypto::Hash256>> hash_chunks(const File& file, std::uint64_t first,
                                                      std::uint64_t count,
                                                      std::uint32_t chunk_bytes = kChunkGridBytes);

}  // namespace jetway::store
