#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/jsp/fec/fec.h"
#include "tests/jsp_fec/group.h"

namespace jetway::jsp::test {

inline constexpr session::PacketContent kMessage{.has_message = true};
inline constexpr session::PacketContent kBulk{.has_bulk = true};

struct Payload {
  std::optional<FecSourceFrame> mark;
  Bytes frames;  // behind the mark
  std::vector<RepairSymbol> repairs;
  std::vector<std::pair<PathId, PacketNumber>> recovered;
};

// Reads the FEC frames at the front of a payload.
inline Payload parse(ByteView bytes) {
  Payload payload;
  wire::Reader in{bytes};
  RangeBuffer ranges;
  while (const auto type = peek_frame_type(in)) {
    if (!is_transport_frame(*type)) break;
    const auto frame = decode_frame(in, ranges);
    if (!frame) {
      ADD_FAILURE() << frame.error().reason;
      break;
    }
    if (const auto* mark = std::get_if<FecSourceFrame>(&*frame)) {
      payload.mark = *mark;
      payload.frames = to_bytes(in.rest());
      break;
    }
    if (const auto* repair = std::get_if<FecRepairFrame>(&*frame)) {
      payload.repairs.push_back(
          {repair->group, repair->source_count, repair->index, to_bytes(repair->symbol)});
    }
    if (const auto* recovered = std::get_if<RecoveredFrame>(&*frame)) {
      for (const PacketRange& range : recovered->ranges) {
        for (PacketNumber number = range.first; number <= range.last; ++number) {
          payload.recovered.emplace_back(recovered->path, number);
        }
      }
    }
  }
  return payload;
}

// One side's packet builder, as a connection does it.
struct Sender {
  explicit Sender(const FecConfig& config = {}) : fec(config) {}

  Fec fec;
  std::uint64_t record = 0;

  // A packet with `content` behind the mark, or with FEC's own frames alone.
  Bytes packet(TimePoint now, ByteView content, const session::PacketContent& kind) {
    Bytes scratch(1400);
    wire::PacketWriter writer{scratch, scratch.size()};
    const std::uint64_t number = record++;
    fec.write_frames(now, writer, number);
    const std::size_t before = writer.size();
    if (content.empty()) return to_bytes(ByteView{scratch}.first(before));
    const auto mark = fec.mark();
    if (mark) encode_frame(writer.frames(), *mark);
    const std::size_t behind = writer.size();
    writer.frames().bytes(content);
    const ByteView all = ByteView{scratch}.first(writer.size());
    const ByteView frames = all.subspan(behind);
    const bool is_protected = fec.on_packet_built(
        now, 0, number, {frames.first(frames.size() / 2), frames.subspan(frames.size() / 2)}, kind);
    if (!mark || is_protected) return to_bytes(all);
    Bytes stripped = to_bytes(all.first(before));
    stripped.insert(stripped.end(), frames.begin(), frames.end());
    return stripped;
  }
  void lose_one() { fec.on_packet_lost(record++); }
};

}  // namespace jetway::jsp::test
