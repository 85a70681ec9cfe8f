#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "jetway/base/random.h"
#include "jetway/jsp/fec/decoder.h"
#include "jetway/jsp/fec/encoder.h"

namespace jetway::jsp::test {

// A packet of a group as the test made it.
struct SourcePacket {
  FecSourceFrame mark;
  PathId path = 0;
  PacketNumber number = 0;
  Bytes frames;

  bool is(const RepairedPacket& repaired) const {
    return repaired.path == path && repaired.number == number && equal_bytes(repaired.frames, frames);
  }
};
struct RepairSymbol {
  std::uint64_t group = 0;
  std::uint64_t source_count = 0;
  std::uint64_t index = 0;
  Bytes symbol;

  FecRepairFrame frame() const { return {group, source_count, index, symbol}; }
};

struct Group {
  std::vector<SourcePacket> sources;
  std::vector<RepairSymbol> repairs;
};

inline Bytes random_bytes(SeededRandom& random, std::size_t bytes) {
  Bytes filled(bytes);
  random.fill(filled);
  return filled;
}

// The next group of `encoder`, of packets of 1 to `bytes_max` bytes.
inline Group make_group(FecEncoder& encoder, std::size_t sources, std::size_t repairs, SeededRandom& random,
                        std::size_t bytes_max = 40) {
  Group group;
  for (std::size_t i = 0; i < sources; ++i) {
    SourcePacket packet{.mark = encoder.next_source(),
                        .path = static_cast<PathId>(random.below(3)),
                        .number = random() >> 2,
                        .frames = random_bytes(random, 1 + random.below(bytes_max))};
    const ByteView all{packet.frames};
    const std::size_t cut = random.below(all.size() + 1);
    encoder.add_source(packet.path, packet.number, {all.first(cut), all.subspan(cut)}, {sources, repairs});
    group.sources.push_back(std::move(packet));
  }
  while (const auto repair = encoder.front()) {
    group.repairs.push_back({repair->group, repair->source_count, repair->index, to_bytes(repair->symbol)});
    encoder.pop_front();
  }
  return group;
}

}  // namespace jetway::jsp::test
