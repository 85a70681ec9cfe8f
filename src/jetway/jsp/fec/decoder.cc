#include "jetway/jsp/fec/decoder.h"

#include <algorithm>
#include <bit>
#include <span>

#include "jetway/base/assert.h"
#include "jetway/wire/reader.h"
#include "jetway/wire/varint.h"
#include "jetway/wire/writer.h"

namespace jetway::jsp {

namespace {

using session::Checked;
using session::fault;
using session::ProtocolCode;

constexpr std::size_t kMemoryFirstBytes = 4 * 1024;

constexpr std::uint64_t source_bit(std::uint64_t index) { return std::uint64_t{1} << index; }
constexpr std::uint64_t sources_below(std::size_t count) {
  return count == kFecSourcesMax ? ~std::uint64_t{0} : source_bit(count) - 1;
}

}  // namespace

// The group of a frame that has come; it takes the place of one that is groups_max older. Null: it is that
// older one, and forgotten.
FecDecoder::Group* FecDecoder::find(std::uint64_t id) {
  if (groups_.empty()) groups_.resize(std::max<std::size_t>(config_.groups_max, 1));
  Group& group = groups_[static_cast<std::size_t>(id % groups_.size())];
  if (group.is_used && group.id == id) return &group;
  if (group.is_used && group.id > id) return nullptr;
  if (group.repaired != 0) {
    past_.resize(kPastGroupsMax);
    past_[static_cast<std::size_t>(group.id % kPastGroupsMax)] = {.id = group.id, .repaired = group.repaired};
  }
  Bytes memory = std::move(group.memory);
  memory.clear();
  group = Group{};
  group.memory = std::move(memory);
  group.id = id;
  group.is_used = true;
  return &group;
}

bool FecDecoder::was_repaired(const FecSourceFrame& mark) const {
  if (past_.empty()) return false;
  const PastGroup& past = past_[static_cast<std::size_t>(mark.group % kPastGroupsMax)];
  return past.id == mark.group && (past.repaired & source_bit(mark.index)) != 0;
}

Checked<bool> FecDecoder::add_source(const FecSourceFrame& mark, PathId path, PacketNumber number,
                                     ByteView frames) {
  repaired_count_ = next_repaired_ = 0;
  if (mark.index >= kFecSourcesMax || frames.empty() || frames.size() > kFecFramesMaxBytes) {
    return fault(ProtocolCode::FrameEncoding, "mark of a packet that no FEC group can have");
  }
  Group* const group = find(mark.group);
  if (group == nullptr) return !was_repaired(mark);
  const std::uint64_t bit = source_bit(mark.index);
  if ((group->repaired & bit) != 0) return false;
  if (group->is_done || (group->received & bit) != 0) return true;
  const std::size_t bytes = kFecSymbolHeaderBytes + frames.size();
  if (group->source_count > 0 && (mark.index >= group->source_count || bytes > group->symbol_bytes)) {
    return fault(ProtocolCode::ProtocolViolation, "packet contradicts the repair symbols of its FEC group");
  }
  Piece& piece = group->sources[static_cast<std::size_t>(mark.index)];
  const MutableBytes memory = reserve(*group, piece, bytes);
  if (memory.empty()) return true;
  wire::Writer out{memory};
  out.u32(path);
  out.u64(number);
  out.u16(static_cast<std::uint16_t>(frames.size()));
  out.bytes(frames);
  group->received |= bit;
  group->source_bytes = std::max(group->source_bytes, bytes);
  if (auto done = try_repair(*group); !done) return std::unexpected(done.error());
  return true;
}

Checked<void> FecDecoder::add_repair(const FecRepairFrame& repair) {
  repaired_count_ = next_repaired_ = 0;
  if (repair.source_count == 0 || repair.source_count > kFecSourcesMax || repair.index >= kFecRepairsMax ||
      repair.symbol.size() <= kFecSymbolHeaderBytes ||
      repair.symbol.size() > kFecSymbolHeaderBytes + kFecFramesMaxBytes) {
    return fault(ProtocolCode::FrameEncoding, "repair symbol that no FEC group can have");
  }
  Group* const group = find(repair.group);
  if (group == nullptr || group->is_done) return {};
  if (auto fits = check_repair(*group, repair); !fits) return fits;
  const std::uint32_t bit = std::uint32_t{1} << repair.index;
  if ((group->repairs & bit) != 0) return {};
  Piece& piece = group->repair_symbols[static_cast<std::size_t>(repair.index)];
  const MutableBytes memory = reserve(*group, piece, repair.symbol.size());
  if (memory.empty()) return {};
  copy_bytes(memory, repair.symbol);
  group->source_count = static_cast<std::size_t>(repair.source_count);
  group->symbol_bytes = repair.symbol.size();
  group->repairs |= bit;
  return try_repair(*group);
}

Checked<void> FecDecoder::check_repair(const Group& group, const FecRepairFrame& repair) const {
  const auto source_count = static_cast<std::size_t>(repair.source_count);
  const bool is_first = group.source_count == 0;
  if (!is_first && (group.source_count != source_count || group.symbol_bytes != repair.symbol.size())) {
    return fault(ProtocolCode::ProtocolViolation, "repair symbols of one FEC group contradict each other");
  }
  if ((group.received & ~sources_below(source_count)) != 0 || group.source_bytes > repair.symbol.size()) {
    return fault(ProtocolCode::ProtocolViolation, "repair symbol contradicts the packets of its FEC group");
  }
  return {};
}

// ---- memory ----

// Room for a symbol; empty when there is none, and the group is given up.
MutableBytes FecDecoder::reserve(Group& group, Piece& piece, std::size_t bytes) {
  if (!make_room(group, bytes)) {
    release(group);
    return {};
  }
  const std::size_t offset = group.memory.size();
  piece = {.offset = static_cast<std::uint32_t>(offset), .bytes = static_cast<std::uint32_t>(bytes)};
  group.memory.resize(offset + bytes);
  return MutableBytes{group.memory}.subspan(offset, bytes);
}

bool FecDecoder::make_room(Group& group, std::size_t bytes) {
  const std::size_t needed = group.memory.size() + bytes;
  const std::size_t has = group.memory.capacity();
  if (needed <= has) return true;
  const std::size_t wanted = std::max({needed, 2 * has, kMemoryFirstBytes});
  while (held_bytes_ - has + wanted > config_.bytes_max) {
    Group* oldest = nullptr;
    for (Group& other : groups_) {
      if (&other == &group || other.memory.capacity() == 0) continue;
      if (oldest == nullptr || other.id < oldest->id) oldest = &other;
    }
    if (oldest == nullptr) return false;
    release(*oldest);
  }
  group.memory.reserve(wanted);
  held_bytes_ += group.memory.capacity() - has;
  return true;
}

// Nothing of the group is kept but what was repaired of it.
void FecDecoder::release(Group& group) {
  held_bytes_ -= group.memory.capacity();
  group.memory = Bytes{};
  group.is_done = true;
}

void FecDecoder::release_memory() {
  for (Group& group : groups_) release(group);
  past_ = {};
  scratch_ = Bytes{};
  repaired_count_ = next_repaired_ = 0;
}

// ---- repair ----

Checked<void> FecDecoder::try_repair(Group& group) {
  if (group.source_count == 0) return {};
  const std::uint64_t missing = sources_below(group.source_count) & ~group.received;
  if (std::popcount(missing) > std::popcount(group.repairs)) return {};
  const Checked<void> repaired = missing == 0 ? Checked<void>{} : repair(group, missing);
  group.is_done = true;
  group.memory.clear();
  return repaired;
}

Checked<void> FecDecoder::repair(Group& group, std::uint64_t missing_bits) {
  const MutableBytes memory{group.memory};
  std::array<FecSymbol, kFecSourcesMax> sources{};
  std::array<std::size_t, kFecRepairsMax> missing{};
  std::array<FecSum, kFecRepairsMax> repairs{};
  std::size_t source_count = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < group.source_count; ++i) {
    if ((missing_bits & source_bit(i)) != 0) {
      missing[count++] = i;
    } else {
      const Piece& piece = group.sources[i];
      sources[source_count++] = {.index = i, .bytes = memory.subspan(piece.offset, piece.bytes)};
    }
  }
  std::size_t repair_count = 0;
  for (std::size_t i = 0; repair_count < count; ++i) {
    if ((group.repairs >> i & 1) == 0) continue;
    repairs[repair_count++] = {.index = i, .bytes = memory.subspan(group.repair_symbols[i].offset).data()};
  }
  const std::size_t bytes = group.symbol_bytes;
  if (scratch_.size() < count * bytes) scratch_.resize(count * bytes);
  fec_solve(std::span{sources}.first(source_count), std::span{missing}.first(count),
            std::span{repairs}.first(count), bytes, scratch_);
  for (std::size_t i = 0; i < count; ++i) {
    if (auto taken = take_repaired(ByteView{scratch_}.subspan(i * bytes, bytes)); !taken) {
      repaired_count_ = 0;
      return taken;
    }
  }
  group.repaired = missing_bits;
  return {};
}

Checked<void> FecDecoder::take_repaired(ByteView symbol) {
  wire::Reader in{symbol};
  const PathId path = in.u32();
  const PacketNumber number = in.u64();
  const std::size_t bytes = in.u16();
  const ByteView frames = in.bytes(bytes);
  const bool is_padded = std::ranges::all_of(in.rest(), [](std::byte byte) { return byte == std::byte{0}; });
  if (!in.ok() || !is_padded || bytes == 0 || number > wire::kVarintMax) {
    return fault(ProtocolCode::ProtocolViolation, "repair symbols that give back no packet");
  }
  repaired_[repaired_count_++] = {.path = path, .number = number, .frames = frames};
  return {};
}

std::optional<RepairedPacket> FecDecoder::poll_repaired() {
  if (next_repaired_ == repaired_count_) return std::nullopt;
  return repaired_[next_repaired_++];
}

void FecDecoder::check_invariants() const {
  std::size_t held = 0;
  for (const Group& group : groups_) {
    held += group.memory.capacity();
    JETWAY_ASSERT(!group.is_used || &group == &groups_[group.id % groups_.size()]);
    JETWAY_ASSERT((group.received & group.repaired) == 0);
    JETWAY_ASSERT(group.source_count == 0 || group.source_bytes <= group.symbol_bytes);
  }
  JETWAY_ASSERT(held == held_bytes_ && held_bytes_ <= std::max(config_.bytes_max, std::size_t{0}));
}

}  // namespace jetway::jsp
