#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/jsp/fec/encoder.h"
#include "jetway/jsp/frame.h"
#include "jetway/jsp/types.h"
#include "jetway/session/frame_source.h"

namespace jetway::jsp {

struct FecDecoderConfig {
  // Groups that are remembered, the newest ones; a packet that is later than that is no longer repaired.
  std::size_t groups_max = 32;
  // Memory for symbols; the oldest group goes when more is needed, and as much may be used for a moment while
  // one is repaired. Nothing is allocated before the first FEC frame comes.
  std::size_t bytes_max = 1 << 20;
};

// A packet that was lost, and what was in it.
struct RepairedPacket {
  PathId path = 0;
  PacketNumber number = 0;
  ByteView frames;
};

// Gives back lost packets from the others of their group and its repair symbols. Safe whatever the peer
// sends: bounded in memory and, per symbol that comes, in work (kFecSourcesMax multiplications of a symbol).
class FecDecoder {
 public:
  explicit FecDecoder(const FecDecoderConfig& config = {}) : config_(config) {}

  // A packet with this mark has come. False: it has been repaired already, so that what is behind the mark is
  // not to be used again.
  session::Checked<bool> add_source(const FecSourceFrame& mark, PathId path, PacketNumber number,
                                    ByteView frames);
  session::Checked<void> add_repair(const FecRepairFrame& repair);

  // The next packet that was repaired by the last add_source() or add_repair(); its memory stays until the
  // next of these.
  std::optional<RepairedPacket> poll_repaired();

  // Forgets the symbols of all groups, but not which packets were repaired.
  void release_memory();

  std::size_t held_bytes() const { return held_bytes_; }
  void check_invariants() const;

 private:
  struct Piece {
    std::uint32_t offset = 0;  // in the memory of its group
    std::uint32_t bytes = 0;
  };
  struct Group {
    std::uint64_t id = 0;
    bool is_used = false;
    bool is_done = false;          // all sources are here, or have been repaired, or it was given up
    std::size_t source_count = 0;  // k; 0: no repair symbol has come yet
    std::uint64_t received = 0;    // sources, a bit each
    std::uint64_t repaired = 0;
    std::uint32_t repairs = 0;     // repair symbols, a bit each
    std::size_t symbol_bytes = 0;  // of the repair symbols
    std::size_t source_bytes = 0;  // of the longest source
    std::array<Piece, kFecSourcesMax> sources{};
    std::array<Piece, kFecRepairsMax> repair_symbols{};
    Bytes memory;
  };
  // What was repaired of a group that made room for another: a datagram that comes after all would be used
  // twice, since nothing else tells that it is the same.
  struct PastGroup {
    std::uint64_t id = 0;
    std::uint64_t repaired = 0;
  };
  static constexpr std::size_t kPastGroupsMax = 256;

  Group* find(std::uint64_t id);
  bool was_repaired(const FecSourceFrame& mark) const;
  MutableBytes reserve(Group& group, Piece& piece, std::size_t bytes);
  bool make_room(Group& group, std::size_t bytes);
  void release(Group& group);
  session::Checked<void> check_repair(const Group& group, const FecRepairFrame& repair) const;
  session::Checked<void> try_repair(Group& group);
  session::Checked<void> repair(Group& group, std::uint64_t missing);
  session::Checked<void> take_repaired(ByteView symbol);

  FecDecoderConfig config_;
  std::vector<Group> groups_;    // by id modulo their number
  std::vector<PastGroup> past_;  // the same; empty until there is one
  std::size_t held_bytes_ = 0;
  Bytes scratch_;  // what was repaired last
  std::array<RepairedPacket, kFecRepairsMax> repaired_{};
  std::size_t repaired_count_ = 0;
  std::size_t next_repaired_ = 0;
};

}  // namespace jetway::jsp
