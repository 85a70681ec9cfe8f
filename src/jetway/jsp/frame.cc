#include "jetway/jsp/frame.h"

#include <algorithm>
#include <limits>

#include "jetway/base/assert.h"
#include "jetway/wire/varint.h"

namespace jetway::jsp {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using wire::FrameErrc;
using wire::FrameError;

constexpr microseconds kAckDelayUnit{8};

std::uint64_t number(FrameType type) { return static_cast<std::uint64_t>(type); }

FrameType type_of(const AckFrame& frame) {
  if (frame.names_path) return frame.ecn ? FrameType::PathAckEcn : FrameType::PathAck;
  return frame.ecn ? FrameType::AckEcn : FrameType::Ack;
}

// What takes the fields of one frame in; `error` is set for a field of an impossible value.
struct FrameReader {
  wire::Reader& in;
  RangeBuffer& buffer;
  FrameType type;
  std::string_view error;

  PathId path() {
    const std::uint64_t id = in.varint();
    if (id > std::numeric_limits<PathId>::max()) error = "path ID has more than 32 bits";
    return static_cast<PathId>(id);
  }

  template <class Array>
  Array fixed_bytes() {
    Array out{};
    copy_bytes(out, in.bytes(out.size()));
    return out;
  }

  // RFC 9000 section 19.3.1, behind the largest number and the count of ranges after the first. All are
  // checked, the first `keep` of them kept.
  PacketRanges ranges(PacketNumber largest, std::uint64_t more, std::size_t keep) {
    std::size_t kept = 0;
    PacketNumber last = largest;
    for (std::uint64_t index = 0;; ++index) {
      const std::uint64_t length = in.varint();
      if (!in.ok()) return {};
      if (length > last) return impossible_range();
      const PacketNumber first = last - length;
      if (kept < keep) buffer.ranges[kept++] = {.first = first, .last = last};
      if (index == more) return PacketRanges{buffer.ranges}.first(kept);
      const std::uint64_t gap = in.varint();
      if (!in.ok()) return {};
      if (first < 2 || gap > first - 2) return impossible_range();
      last = first - gap - 2;
    }
  }
  PacketRanges impossible_range() {
    error = "range of packets below number 0";
    return {};
  }

  AckFrame ack() {
    AckFrame frame;
    frame.names_path = type == FrameType::PathAck || type == FrameType::PathAckEcn;
    if (frame.names_path) frame.path = path();
    const PacketNumber largest = in.varint();
    constexpr std::uint64_t kUnitsMax = kAckDelayMax / kAckDelayUnit;
    frame.delay = static_cast<std::int64_t>(std::min(in.varint(), kUnitsMax)) * kAckDelayUnit;
    frame.ranges = ranges(largest, in.varint(), kAckRangesMax);
    if (type == FrameType::AckEcn || type == FrameType::PathAckEcn) {
      frame.ecn = EcnCounts{in.varint(), in.varint(), in.varint()};
    }
    return frame;
  }

  RecoveredFrame recovered() {
    RecoveredFrame frame;
    frame.path = path();
    const PacketNumber largest = in.varint();
    const std::uint64_t more = in.varint();
    if (more >= kRecoveredRangesMax) {
      error = "too many ranges";
    } else {
      frame.ranges = ranges(largest, more, kRecoveredRangesMax);
    }
    return frame;
  }

  CryptoFrame crypto() {
    CryptoFrame frame{.offset = in.varint(), .data = in.sized_bytes(in.remaining())};
    if (frame.data.size() > wire::kVarintMax - frame.offset) {
      error = "handshake data beyond the largest offset";
    }
    return frame;
  }

  NewConnectionIdFrame new_connection_id() {
    NewConnectionIdFrame frame;
    frame.path = path();
    frame.sequence = in.varint();
    frame.retire_prior_to = in.varint();
    const std::size_t id_bytes = in.u8();
    if (id_bytes == 0 || id_bytes > ConnectionId::kMaxBytes) {
      error = "connection ID of impossible length";
      return frame;
    }
    frame.id = ConnectionId{in.bytes(id_bytes)};
    frame.reset_token = fixed_bytes<ResetToken>();
    if (frame.retire_prior_to > frame.sequence) error = "connection ID retires itself";
    return frame;
  }

  PathStatusFrame path_status() {
    PathStatusFrame frame{.path = path(), .sequence = in.varint()};
    const std::uint64_t status = in.varint();
    if (status > 1) error = "unknown path status";
    frame.is_backup = status == 1;
    return frame;
  }

  AckFrequencyFrame ack_frequency() {
    AckFrequencyFrame frame{.sequence = in.varint(), .ack_eliciting_threshold = in.varint()};
    const std::uint64_t delay = in.varint();
    if (delay > static_cast<std::uint64_t>(kMaxAckDelayLimit / microseconds(1))) {
      error = "delay of acknowledgements is too long";
    } else {
      frame.max_ack_delay = microseconds(delay);
    }
    frame.reordering_threshold = in.varint();
    return frame;
  }

  FecRepairFrame fec_repair() {
    FecRepairFrame frame{
        .group = in.varint(), .source_count = in.varint(), .index = in.varint(), .symbol = {}};
    frame.symbol = in.sized_bytes(in.remaining());
    if (frame.source_count == 0) error = "repair of a group without packets";
    return frame;
  }

  NewTicketFrame new_ticket() {
    NewTicketFrame frame;
    const std::uint64_t lifetime = in.varint();
    frame.ticket = in.sized_bytes(in.remaining());
    if (lifetime > static_cast<std::uint64_t>(kTicketLifetimeMax.count())) {
      error = "ticket lives too long";
    } else {
      frame.lifetime = milliseconds(lifetime);
    }
    if (in.ok() && frame.ticket.empty()) error = "empty ticket";
    return frame;
  }

  std::optional<Frame> frame() {
    switch (type) {
      // Fields are read in the order of the braces, which C++ guarantees for them.
      case FrameType::Ping:
        return PingFrame{};
      case FrameType::Ack:
      case FrameType::AckEcn:
      case FrameType::PathAck:
      case FrameType::PathAckEcn:
        return ack();
      case FrameType::Crypto:
        return crypto();
      case FrameType::NewConnectionId:
        return new_connection_id();
      case FrameType::RetireConnectionId:
        return RetireConnectionIdFrame{path(), in.varint()};
      case FrameType::PathChallenge:
        return PathChallengeFrame{fixed_bytes<PathToken>()};
      case FrameType::PathResponse:
        return PathResponseFrame{fixed_bytes<PathToken>()};
      case FrameType::HandshakeDone:
        return HandshakeDoneFrame{};
      case FrameType::PathAbandon:
        return PathAbandonFrame{path(), in.varint()};
      case FrameType::PathStatus:
        return path_status();
      case FrameType::AckFrequency:
        return ack_frequency();
      case FrameType::ImmediateAck:
        return ImmediateAckFrame{};
      case FrameType::FecSource:
        return FecSourceFrame{in.varint(), in.varint()};
      case FrameType::FecRepair:
        return fec_repair();
      case FrameType::Recovered:
        return recovered();
      case FrameType::NewTicket:
        return new_ticket();
      case FrameType::Padding:
        break;
    }
    return std::nullopt;
  }
};

// The size and the bytes of a frame come from one description of it: `put` is called with each field.
struct SizeOfFields {
  std::size_t size = 0;
  void u8(std::uint8_t) { ++size; }
  void varint(std::uint64_t value) { size += wire::varint_size(value); }
  void sized_bytes(ByteView bytes) { size += wire::varint_size(bytes.size()) + bytes.size(); }
  void bytes(ByteView bytes) { size += bytes.size(); }
};

template <class Fields>
struct FrameFields {
  Fields& put;

  void type(FrameType type) { put.varint(number(type)); }
  template <class Unit>
  void duration(Duration value) {
    JETWAY_ASSERT(value >= Duration::zero());
    put.varint(static_cast<std::uint64_t>(std::chrono::floor<Unit>(value).count()));
  }
  // The count and the ranges behind the largest number, which stands in front of it.
  void ranges(PacketRanges ranges) {
    put.varint(ranges.size() - 1);
    put.varint(ranges.front().last - ranges.front().first);
    for (std::size_t i = 1; i < ranges.size(); ++i) {
      JETWAY_ASSERT(ranges[i].last + 2 <= ranges[i - 1].first);
      put.varint(ranges[i - 1].first - ranges[i].last - 2);
      put.varint(ranges[i].last - ranges[i].first);
    }
  }

  void operator()(const PingFrame&) { type(FrameType::Ping); }
  void operator()(const AckFrame& frame) {
    JETWAY_ASSERT(!frame.ranges.empty());
    type(type_of(frame));
    if (frame.names_path) put.varint(frame.path);
    put.varint(frame.largest());
    duration<std::chrono::duration<std::int64_t, std::ratio<8, 1'000'000>>>(frame.delay);
    ranges(frame.ranges);
    if (!frame.ecn) return;
    put.varint(frame.ecn->ect0);
    put.varint(frame.ecn->ect1);
    put.varint(frame.ecn->congestion_experienced);
  }
  void operator()(const CryptoFrame& frame) {
    type(FrameType::Crypto);
    put.varint(frame.offset);
    put.sized_bytes(frame.data);
  }
  void operator()(const NewConnectionIdFrame& frame) {
    type(FrameType::NewConnectionId);
    put.varint(frame.path);
    put.varint(frame.sequence);
    put.varint(frame.retire_prior_to);
    put.u8(static_cast<std::uint8_t>(frame.id.size()));
    put.bytes(frame.id.view());
    put.bytes(frame.reset_token);
  }
  void operator()(const RetireConnectionIdFrame& frame) {
    type(FrameType::RetireConnectionId);
    put.varint(frame.path);
    put.varint(frame.sequence);
  }
  void operator()(const PathChallengeFrame& frame) {
    type(FrameType::PathChallenge);
    put.bytes(frame.token);
  }
  void operator()(const PathResponseFrame& frame) {
    type(FrameType::PathResponse);
    put.bytes(frame.token);
  }
  void operator()(const HandshakeDoneFrame&) { type(FrameType::HandshakeDone); }
  void operator()(const PathAbandonFrame& frame) {
    type(FrameType::PathAbandon);
    put.varint(frame.path);
    put.varint(frame.error_code);
  }
  void operator()(const PathStatusFrame& frame) {
    type(FrameType::PathStatus);
    put.varint(frame.path);
    put.varint(frame.sequence);
    put.varint(frame.is_backup ? 1 : 0);
  }
  void operator()(const AckFrequencyFrame& frame) {
    JETWAY_ASSERT(frame.max_ack_delay <= kMaxAckDelayLimit);
    type(FrameType::AckFrequency);
    put.varint(frame.sequence);
    put.varint(frame.ack_eliciting_threshold);
    duration<microseconds>(frame.max_ack_delay);
    put.varint(frame.reordering_threshold);
  }
  void operator()(const ImmediateAckFrame&) { type(FrameType::ImmediateAck); }
  void operator()(const FecSourceFrame& frame) {
    type(FrameType::FecSource);
    put.varint(frame.group);
    put.varint(frame.index);
  }
  void operator()(const FecRepairFrame& frame) {
    type(FrameType::FecRepair);
    put.varint(frame.group);
    put.varint(frame.source_count);
    put.varint(frame.index);
    put.sized_bytes(frame.symbol);
  }
  void operator()(const RecoveredFrame& frame) {
    JETWAY_ASSERT(!frame.ranges.empty() && frame.ranges.size() <= kRecoveredRangesMax);
    type(FrameType::Recovered);
    put.varint(frame.path);
    put.varint(frame.ranges.front().last);
    ranges(frame.ranges);
  }
  void operator()(const NewTicketFrame& frame) {
    JETWAY_ASSERT(!frame.ticket.empty() && frame.lifetime <= kTicketLifetimeMax);
    type(FrameType::NewTicket);
    duration<milliseconds>(frame.lifetime);
    put.sized_bytes(frame.ticket);
  }
};

std::unexpected<FrameError> frame_error(FrameErrc code, std::uint64_t type, std::string_view reason) {
  return std::unexpected(FrameError{code, type, reason});
}

std::size_t ack_size(const AckFrame& frame) {
  SizeOfFields fields;
  FrameFields<SizeOfFields>{fields}(frame);
  return fields.size;
}

}  // namespace

std::optional<std::uint64_t> peek_frame_type(const wire::Reader& in) {
  wire::Reader ahead = in;
  const std::uint64_t type = ahead.varint();
  if (!ahead.ok() || in.remaining() - ahead.remaining() != wire::varint_size(type)) return std::nullopt;
  return type;
}

std::expected<Frame, FrameError> decode_frame(wire::Reader& in, RangeBuffer& ranges) {
  const auto type = peek_frame_type(in);
  if (!type) {
    return in.is_empty() ? frame_error(FrameErrc::Truncated, 0, "packet ends in a frame type")
                         : frame_error(FrameErrc::UnknownType, 0, "frame type is cut or too long");
  }
  in.varint();
  FrameReader fields{in, ranges, static_cast<FrameType>(*type), {}};
  const auto frame = fields.frame();
  if (!frame) return frame_error(FrameErrc::UnknownType, *type, "unknown frame");
  // A field that is not there reads as zero, which may look impossible: being cut is the better reason.
  if (!in.ok()) return frame_error(FrameErrc::Truncated, *type, "packet ends inside a frame");
  if (!fields.error.empty()) return frame_error(FrameErrc::ValueOutOfRange, *type, fields.error);
  return *frame;
}

void encode_frame(wire::Writer& out, const Frame& frame) {
  std::visit(FrameFields<wire::Writer>{out}, frame);
}

std::size_t frame_size(const Frame& frame) {
  SizeOfFields fields;
  std::visit(FrameFields<SizeOfFields>{fields}, frame);
  return fields.size;
}

bool fit_ack(AckFrame& frame, std::size_t room_bytes) {
  for (; ack_size(frame) > room_bytes; frame.ranges = frame.ranges.first(frame.ranges.size() / 2)) {
    if (frame.ranges.size() == 1) return false;
  }
  return true;
}

}  // namespace jetway::jsp
