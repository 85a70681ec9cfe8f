#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/store/state_db.h"

namespace jetway::store {

// The known chunks of a run of kSegmentChunks consecutive chunks of a file, as the database keeps them: so a
// file of any size costs one row for each GiB or so, and what is written with each batch stays bounded.
// Layout: docs/state.md.
inline constexpr std::uint64_t kSegmentChunks = 1024;

class ChunkSegment {
 public:
  // Empty.
  ChunkSegment() = default;
  // From the database; what does not fit together counts as unknown.
  ChunkSegment(ByteView known, ByteView hashes);

  // `position` is below kSegmentChunks.
  void add(std::uint64_t position, const crypto::Hash256& hash);
  // Appends what is known, with `first` (the index of the segment's first chunk) added to its positions.
  void append_to(std::vector<ChunkRecord>& chunks, std::uint64_t first) const;

  ByteView known() const { return known_; }
  ByteView hashes() const { return hashes_; }

 private:
  bool is_known(std::uint64_t position) const;

  std::array<std::byte, kSegmentChunks / 8> known_{};  // bit n of byte n/8, the lowest first
  Bytes hashes_;                                       // kHashBytes each, up to the last that is known
};

}  // namespace jetway::store
