#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <variant>

#include "jetway/base/bytes.h"
#include "jetway/wire/reader.h"
#include "jetway/wire/writer.h"

// The session's frames (docs/protocol/frames.md). Numbers and layouts are those of RFC 9000 section 19 and
// RFC 9221 where a frame of the same meaning exists; ours start at 0x40. Views in decoded frames point into
// the packet.
namespace jetway::wire {

enum class FrameType : std::uint64_t {
  Padding = 0x00,
  ResetStream = 0x04,
  StopSending = 0x05,
  Crypto = 0x06,
  Stream = 0x08,  // to 0x0f: 0x04 has an offset, 0x02 has a length, 0x01 is the end of the stream
  MaxData = 0x10,
  MaxStreamData = 0x11,
  MaxStreamsTwoWay = 0x12,
  MaxStreamsOneWay = 0x13,
  DataBlocked = 0x14,
  StreamDataBlocked = 0x15,
  StreamsBlockedTwoWay = 0x16,
  StreamsBlockedOneWay = 0x17,
  ConnectionClose = 0x1c,
  ApplicationClose = 0x1d,
  Datagram = 0x30,  // to the end of the packet
  DatagramWithLength = 0x31,
  Ping = 0x40,  // asks for a Pong with the same token
  Pong = 0x41,
  Admitted = 0x42,   // the listener lets this peer open streams
  StreamGap = 0x43,  // what is missing of a stream before an offset has been given up
};

enum class Direction : std::uint8_t { TwoWay, OneWay };

struct ResetStreamFrame {
  std::uint64_t stream_id = 0;
  std::uint64_t error_code = 0;
  std::uint64_t final_size = 0;
  bool operator==(const ResetStreamFrame&) const = default;
};

struct StopSendingFrame {
  std::uint64_t stream_id = 0;
  std::uint64_t error_code = 0;
  bool operator==(const StopSendingFrame&) const = default;
};

// Handshake messages, as a stream of their own (RFC 9000 section 19.6).
struct CryptoFrame {
  std::uint64_t offset = 0;
  ByteView data;
};

struct StreamFrame {
  std::uint64_t stream_id = 0;
  std::uint64_t offset = 0;
  bool is_final = false;
  ByteView data;
};

struct MaxDataFrame {
  std::uint64_t maximum = 0;
  bool operator==(const MaxDataFrame&) const = default;
};

struct MaxStreamDataFrame {
  std::uint64_t stream_id = 0;
  std::uint64_t maximum = 0;
  bool operator==(const MaxStreamDataFrame&) const = default;
};

struct MaxStreamsFrame {
  Direction direction = Direction::TwoWay;
  std::uint64_t maximum = 0;
  bool operator==(const MaxStreamsFrame&) const = default;
};

struct DataBlockedFrame {
  std::uint64_t limit = 0;
  bool operator==(const DataBlockedFrame&) const = default;
};

struct StreamDataBlockedFrame {
  std::uint64_t stream_id = 0;
  std::uint64_t limit = 0;
  bool operator==(const StreamDataBlockedFrame&) const = default;
};

struct StreamsBlockedFrame {
  Direction direction = Direction::TwoWay;
  std::uint64_t limit = 0;
  bool operator==(const StreamsBlockedFrame&) const = default;
};

// `by_application`: the code is the application's (0x1d), else one of the protocol's (0x1c).
struct ConnectionCloseFrame {
  bool by_application = false;
  std::uint64_t error_code = 0;
  ByteView reason;  // UTF-8 by convention, foreign text in truth; at most kCloseReasonMaxBytes
};

struct DatagramFrame {
  ByteView data;
};

struct PingFrame {
  std::uint64_t token = 0;
  bool operator==(const PingFrame&) const = default;
};

struct PongFrame {
  std::uint64_t token = 0;
  bool operator==(const PongFrame&) const = default;
};

struct AdmittedFrame {
  bool operator==(const AdmittedFrame&) const = default;
};

// Bytes below `offset` that the receiver does not have will not come (docs/protocol/session.md section 10).
struct StreamGapFrame {
  std::uint64_t stream_id = 0;
  std::uint64_t offset = 0;
  bool operator==(const StreamGapFrame&) const = default;
};

using Frame = std::variant<ResetStreamFrame, StopSendingFrame, CryptoFrame, StreamFrame, MaxDataFrame,
                           MaxStreamDataFrame, MaxStreamsFrame, DataBlockedFrame, StreamDataBlockedFrame,
                           StreamsBlockedFrame, ConnectionCloseFrame, DatagramFrame, PingFrame, PongFrame,
                           AdmittedFrame, StreamGapFrame>;

inline constexpr std::size_t kCloseReasonMaxBytes = 1024;
inline constexpr std::uint64_t kMaxStreamsLimit = std::uint64_t{1} << 60;  // RFC 9000 section 19.11

enum class FrameErrc : std::uint8_t {
  Truncated,        // the packet ends inside a frame
  UnknownType,      // no such frame, or its type is not in the shortest form
  ValueOutOfRange,  // a field has a value that no sender may use
};

struct FrameError {
  FrameErrc code;
  std::uint64_t frame_type;
  std::string_view reason;  // static text
  bool operator==(const FrameError& other) const { return code == other.code; }
};

// The next frame of a packet; padding before it is skipped. `in` is not at its end, except that a packet may
// end in padding: call skip_padding() first and stop when nothing is left.
std::expected<Frame, FrameError> decode_frame(Reader& in);
void skip_padding(Reader& in);

// Each needs frame_size(frame) bytes of room. Stream and datagram frames are written with their length, so
// that others can follow; stream_header_size() and encode_stream_header() are for the one at the end of a
// packet, whose data goes its own way.
void encode_frame(Writer& out, const Frame& frame);
std::size_t frame_size(const Frame& frame);

struct StreamHeader {
  std::uint64_t stream_id = 0;
  std::uint64_t offset = 0;
  bool is_final = false;
  bool reaches_end_of_packet = false;  // no length
  std::size_t data_bytes = 0;
};
std::size_t stream_header_size(const StreamHeader& header);
void encode_stream_header(Writer& out, const StreamHeader& header);

}  // namespace jetway::wire
