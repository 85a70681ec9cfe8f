#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <variant>

#include "jetway/base/bytes.h"
#include "jetway/base/time.h"
#include "jetway/jsp/connection_id.h"
#include "jetway/jsp/types.h"
#include "jetway/wire/frame.h"
#include "jetway/wire/reader.h"
#include "jetway/wire/writer.h"

// JSP's own frames (docs/protocol/jsp.md section 6). In a packet they all come before the session's frames.
// Numbers and layouts are those of RFC 9000 section 19 where a frame of the same meaning exists.
namespace jetway::jsp {

enum class FrameType : std::uint64_t {
  Padding = 0x00,
  Ping = 0x01,
  Ack = 0x02,     // of the path that the packet came on
  AckEcn = 0x03,  // with ECN counts
  Crypto = 0x06,  // Initial and Handshake packets only
  NewConnectionId = 0x18,
  RetireConnectionId = 0x19,
  PathChallenge = 0x1a,
  PathResponse = 0x1b,
  HandshakeDone = 0x1e,
  PathAck = 0x50,  // of the path that it names
  PathAckEcn = 0x51,
  PathAbandon = 0x52,
  PathStatus = 0x53,
  AckFrequency = 0x54,
  ImmediateAck = 0x55,
  FecSource = 0x57,
  FecRepair = 0x58,
  Recovered = 0x59,
  NewTicket = 0x5a,
};

// Whether a frame of this type belongs to JSP; all others are the session's.
constexpr bool is_transport_frame(std::uint64_t type) {
  return type <= 0x03 || type == 0x06 || (type >= 0x18 && type <= 0x1b) || type == 0x1e ||
         (type >= 0x50 && type <= 0x5a);
}

constexpr bool is_ack_frame(FrameType type) {
  return type == FrameType::Ack || type == FrameType::AckEcn || type == FrameType::PathAck ||
         type == FrameType::PathAckEcn;
}
// Whether a packet with such a frame has to be acknowledged. Of the session's frames all do but
// CONNECTION_CLOSE.
constexpr bool is_ack_eliciting(FrameType type) { return type != FrameType::Padding && !is_ack_frame(type); }

// Section 6.1. Of the session's frames, Initial and Handshake packets have CONNECTION_CLOSE only.
constexpr bool is_allowed_in(PacketSpace space, FrameType type) {
  if (space == PacketSpace::Application) return type != FrameType::Crypto;
  return type == FrameType::Padding || type == FrameType::Ping || type == FrameType::Ack ||
         type == FrameType::AckEcn || type == FrameType::Crypto;
}

// Packet numbers [first, last].
struct PacketRange {
  PacketNumber first;
  PacketNumber last;
  bool operator==(const PacketRange&) const = default;
};
// From the largest down, disjoint, not touching: what ACK and RECOVERED frames say. A view: of the
// sender's own ranges in a frame to be encoded, of a RangeBuffer in a decoded one.
using PacketRanges = std::span<const PacketRange>;

struct EcnCounts {
  std::uint64_t ect0 = 0;
  std::uint64_t ect1 = 0;
  std::uint64_t congestion_experienced = 0;
  bool operator==(const EcnCounts&) const = default;
};

// Of a longer ACK the oldest are left out: the packets in them are as if not acknowledged by it.
inline constexpr std::size_t kAckRangesMax = 64;
// RECOVERED; more are an error.
inline constexpr std::size_t kRecoveredRangesMax = 16;
// Longer delays are read as this one.
inline constexpr Duration kAckDelayMax = std::chrono::hours(1);
// What ACK_FREQUENCY may ask for (RFC 9000 section 18.2 has the same bound, in milliseconds).
inline constexpr Duration kMaxAckDelayLimit = std::chrono::microseconds((1 << 24) - 1);
inline constexpr std::chrono::milliseconds kTicketLifetimeMax = std::chrono::hours(7 * 24);

// RFC 9000 section 19.3.
struct AckFrame {
  PathId path = 0;          // meaningful with `names_path`
  bool names_path = false;  // PATH_ACK
  Duration delay{0};        // on the wire in units of 8 microseconds
  PacketRanges ranges;      // at least one
  std::optional<EcnCounts> ecn;

  PacketNumber largest() const { return ranges.front().last; }
};

struct CryptoFrame {
  std::uint64_t offset = 0;
  ByteView data;
};

using PathToken = std::array<std::byte, 8>;
using ResetToken = std::array<std::byte, 16>;

struct NewConnectionIdFrame {
  PathId path = 0;
  std::uint64_t sequence = 0;
  std::uint64_t retire_prior_to = 0;  // at most `sequence`
  ConnectionId id;                    // not empty
  ResetToken reset_token{};
};
struct RetireConnectionIdFrame {
  PathId path = 0;
  std::uint64_t sequence = 0;
};
struct PathChallengeFrame {
  PathToken token{};
};
struct PathResponseFrame {
  PathToken token{};
};
struct PathAbandonFrame {
  PathId path = 0;
  std::uint64_t error_code = 0;
};
// Backup: use it only when no other path works.
struct PathStatusFrame {
  PathId path = 0;
  std::uint64_t sequence = 0;
  bool is_backup = false;
};
// draft-ietf-quic-ack-frequency.
struct AckFrequencyFrame {
  std::uint64_t sequence = 0;
  std::uint64_t ack_eliciting_threshold = 0;  // packets that may wait without an ACK
  Duration max_ack_delay{0};                  // on the wire in microseconds; at most kMaxAckDelayLimit
  std::uint64_t reordering_threshold = 0;     // 0: reordering asks for no ACK at once
};
struct PingFrame {};
struct ImmediateAckFrame {};
struct HandshakeDoneFrame {};
// The frames after this one are symbol `index` of group `group` (section 11).
struct FecSourceFrame {
  std::uint64_t group = 0;
  std::uint64_t index = 0;
};
struct FecRepairFrame {
  std::uint64_t group = 0;
  std::uint64_t source_count = 0;  // k
  std::uint64_t index = 0;         // among the repair symbols
  ByteView symbol;
};
// Packets whose frames were repaired instead of received.
struct RecoveredFrame {
  PathId path = 0;
  PacketRanges ranges;  // 1 to kRecoveredRangesMax
};
struct NewTicketFrame {
  std::chrono::milliseconds lifetime{0};  // at most kTicketLifetimeMax
  ByteView ticket;                        // not empty
};

using Frame = std::variant<PingFrame, AckFrame, CryptoFrame, NewConnectionIdFrame, RetireConnectionIdFrame,
                           PathChallengeFrame, PathResponseFrame, HandshakeDoneFrame, PathAbandonFrame,
                           PathStatusFrame, AckFrequencyFrame, ImmediateAckFrame, FecSourceFrame,
                           FecRepairFrame, RecoveredFrame, NewTicketFrame>;

// Where the ranges of a decoded frame stand until the next one is decoded: one for all packets.
struct RangeBuffer {
  // A kilobyte that is not cleared: what is handed out has been written.
  RangeBuffer() {}  // NOLINT(cppcoreguidelines-pro-type-member-init,modernize-use-equals-default)

  std::array<PacketRange, kAckRangesMax> ranges;
};

// nullopt: nothing left, truncated, or not in the shortest form.
std::optional<std::uint64_t> peek_frame_type(const wire::Reader& in);
// The next frame; the caller has skipped padding and seen by peek_frame_type() that it is one of ours.
std::expected<Frame, wire::FrameError> decode_frame(wire::Reader& in, RangeBuffer& ranges);

// Needs frame_size(frame) bytes of room.
void encode_frame(wire::Writer& out, const Frame& frame);
std::size_t frame_size(const Frame& frame);
// Leaves older ranges out until the frame has room in `room_bytes`; false: not even the newest has.
bool fit_ack(AckFrame& frame, std::size_t room_bytes);

}  // namespace jetway::jsp
