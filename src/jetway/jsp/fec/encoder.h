#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "jetway/base/bytes.h"
#include "jetway/jsp/fec/erasure_code.h"
#include "jetway/jsp/frame.h"
#include "jetway/jsp/types.h"

namespace jetway::jsp {

// A symbol begins with what names its packet (docs/protocol/jsp.md section 11.2):
//   path 4 | packet number 8 | length of frames 2 | frames
inline constexpr std::size_t kFecSymbolHeaderBytes = 4 + 8 + 2;
inline constexpr std::size_t kFecFramesMaxBytes = 65'535;

// How large the next groups are to be.
struct FecShape {
  std::size_t sources = 0;  // k: a group is closed when it has so many
  std::size_t repairs = 0;  // r
  bool operator==(const FecShape&) const = default;
};

// Makes repair symbols out of packets as they are built, one group after the other. Keeps no packet, only the
// r sums of the open group and those repair symbols that wait to be sent: at most kBuffersMax symbols; when
// there are more, the oldest is forgotten. Allocates only while its buffers grow to the size of the packets.
class FecEncoder {
 public:
  static constexpr std::size_t kBuffersMax = 2 * kFecRepairsMax;

  FecEncoder();

  // What goes before the frames of the next packet.
  FecSourceFrame next_source() const { return {group_, source_count_}; }
  // These are the frames of that packet. `shape` counts when a group begins. Closes the group when it is
  // full.
  void add_source(PathId path, PacketNumber number, const std::array<ByteView, 2>& frames,
                  const FecShape& shape);
  // The open group gets no more sources: its repair symbols are ready. Nothing when it is empty.
  void close_group();

  bool has_open_group() const { return source_count_ > 0; }
  std::size_t open_sources() const { return source_count_; }

  // The repair symbol that has waited longest; its memory stays until the next call of another kind.
  std::optional<FecRepairFrame> front() const;
  void pop_front();
  std::size_t waiting() const { return waiting_count_; }

  // Unless a group is open or repair symbols wait.
  void release_memory();

  void check_invariants() const;

 private:
  struct Waiting {
    std::uint64_t group = 0;
    std::size_t source_count = 0;
    std::size_t index = 0;
    std::size_t bytes = 0;
    std::size_t buffer = 0;
  };
  const Waiting& waiting_at(std::size_t place) const {
    return waiting_[(first_waiting_ + place) % kBuffersMax];
  }
  std::size_t take_buffer();
  void open_group(const FecShape& shape);
  ByteView make_symbol(PathId path, PacketNumber number, const std::array<ByteView, 2>& frames);
  void extend_sums(std::size_t bytes);

  std::uint64_t group_ = 0;
  std::size_t source_count_ = 0;
  std::size_t symbol_bytes_ = 0;                    // of the open group's longest source
  FecShape shape_;                                  // of the open group
  std::array<std::size_t, kFecRepairsMax> sums_{};  // which buffers hold them

  Bytes symbol_;  // of the packet that is added
  std::array<Bytes, kBuffersMax> buffers_;
  std::array<std::size_t, kBuffersMax> free_{};  // buffers that nobody uses: the first free_count_
  std::size_t free_count_ = 0;
  std::array<Waiting, kBuffersMax> waiting_{};  // a ring
  std::size_t first_waiting_ = 0;
  std::size_t waiting_count_ = 0;
};

}  // namespace jetway::jsp
