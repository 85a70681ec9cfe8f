#include "jetway/wire/frame.h"

#include <algorithm>

#include "jetway/wire/varint.h"

namespace jetway::wire {

namespace {

constexpr std::uint64_t kStreamFinal = 0x01;
constexpr std::uint64_t kStreamHasLength = 0x02;
constexpr std::uint64_t kStreamHasOffset = 0x04;
constexpr std::uint64_t kStreamBits = kStreamFinal | kStreamHasLength | kStreamHasOffset;

std::uint64_t number(FrameType type) { return static_cast<std::uint64_t>(type); }

// What takes the fields of one frame in; `error` is set for a field of an impossible value.
struct FrameReader {
  Reader& in;
  std::uint64_t type;
  std::string_view error;

  StreamFrame stream() {
    StreamFrame frame;
    frame.stream_id = in.varint();
    if ((type & kStreamHasOffset) != 0) frame.offset = in.varint();
    frame.data = (type & kStreamHasLength) != 0 ? in.sized_bytes(in.remaining()) : in.rest();
    frame.is_final = (type & kStreamFinal) != 0;
    if (frame.data.size() > kVarintMax - frame.offset) error = "stream data beyond the largest offset";
    return frame;
  }

  CryptoFrame crypto() {
    CryptoFrame frame;
    frame.offset = in.varint();
    frame.data = in.sized_bytes(in.remaining());
    if (frame.data.size() > kVarintMax - frame.offset) error = "handshake data beyond the largest offset";
    return frame;
  }

  template <class StreamsFrame>
  StreamsFrame streams(Direction direction) {
    const std::uint64_t count = in.varint();
    if (count > kMaxStreamsLimit) error = "more streams than there can be";
    return {direction, count};
  }

  ConnectionCloseFrame close(bool by_application) {
    ConnectionCloseFrame frame{.by_application = by_application, .error_code = in.varint(), .reason = {}};
    const std::uint64_t reason_bytes = in.varint();
    if (reason_bytes > kCloseReasonMaxBytes) {
      error = "reason is too long";
    } else {
      frame.reason = in.bytes(static_cast<std::size_t>(reason_bytes));
    }
    return frame;
  }

  std::expected<Frame, FrameErrc> frame() {
    if ((type & ~kStreamBits) == number(FrameType::Stream)) return stream();
    switch (static_cast<FrameType>(type)) {
      // Fields are read in the order of the braces, which C++ guarantees for them.
      case FrameType::ResetStream:
        return ResetStreamFrame{in.varint(), in.varint(), in.varint()};
      case FrameType::StopSending:
        return StopSendingFrame{in.varint(), in.varint()};
      case FrameType::Crypto:
        return crypto();
      case FrameType::MaxData:
        return MaxDataFrame{in.varint()};
      case FrameType::MaxStreamData:
        return MaxStreamDataFrame{in.varint(), in.varint()};
      case FrameType::MaxStreamsTwoWay:
        return streams<MaxStreamsFrame>(Direction::TwoWay);
      case FrameType::MaxStreamsOneWay:
        return streams<MaxStreamsFrame>(Direction::OneWay);
      case FrameType::DataBlocked:
        return DataBlockedFrame{in.varint()};
      case FrameType::StreamDataBlocked:
        return StreamDataBlockedFrame{in.varint(), in.varint()};
      case FrameType::StreamsBlockedTwoWay:
        return streams<StreamsBlockedFrame>(Direction::TwoWay);
      case FrameType::StreamsBlockedOneWay:
        return streams<StreamsBlockedFrame>(Direction::OneWay);
      case FrameType::ConnectionClose:
        return close(false);
      case FrameType::ApplicationClose:
        return close(true);
      case FrameType::Datagram:
        return DatagramFrame{in.rest()};
      case FrameType::DatagramWithLength:
        return DatagramFrame{in.sized_bytes(in.remaining())};
      case FrameType::Ping:
        return PingFrame{in.u64()};
      case FrameType::Pong:
        return PongFrame{in.u64()};
      case FrameType::Admitted:
        return AdmittedFrame{};
      case FrameType::StreamGap:
        return StreamGapFrame{in.varint(), in.varint()};
      case FrameType::Padding:
      case FrameType::Stream:
        break;
    }
    return std::unexpected(FrameErrc::UnknownType);
  }
};

// The size and the bytes of a frame come from one description of it: `put` is called with each field.
struct SizeOfFields {
  std::size_t size = 0;
  void type(FrameType type) { size += varint_size(number(type)); }
  void varint(std::uint64_t value) { size += varint_size(value); }
  void u64(std::uint64_t) { size += 8; }
  void sized_bytes(ByteView bytes) { size += varint_size(bytes.size()) + bytes.size(); }
  void stream_header(const StreamHeader& header) { size += stream_header_size(header); }
  void bytes(ByteView bytes) { size += bytes.size(); }
};

struct WriteFields {
  Writer& out;
  void type(FrameType type) { out.varint(number(type)); }
  void varint(std::uint64_t value) { out.varint(value); }
  void u64(std::uint64_t value) { out.u64(value); }
  void sized_bytes(ByteView bytes) { out.sized_bytes(bytes); }
  void stream_header(const StreamHeader& header) { encode_stream_header(out, header); }
  void bytes(ByteView bytes) { out.bytes(bytes); }
};

template <class Fields>
struct FrameFields {
  Fields& put;

  void operator()(const ResetStreamFrame& frame) {
    put.type(FrameType::ResetStream);
    put.varint(frame.stream_id);
    put.varint(frame.error_code);
    put.varint(frame.final_size);
  }
  void operator()(const StopSendingFrame& frame) {
    put.type(FrameType::StopSending);
    put.varint(frame.stream_id);
    put.varint(frame.error_code);
  }
  void operator()(const CryptoFrame& frame) {
    put.type(FrameType::Crypto);
    put.varint(frame.offset);
    put.sized_bytes(frame.data);
  }
  void operator()(const StreamFrame& frame) {
    put.stream_header({.stream_id = frame.stream_id,
                       .offset = frame.offset,
                       .is_final = frame.is_final,
                       .reaches_end_of_packet = false,
                       .data_bytes = frame.data.size()});
    put.bytes(frame.data);
  }
  void operator()(const MaxDataFrame& frame) {
    put.type(FrameType::MaxData);
    put.varint(frame.maximum);
  }
  void operator()(const MaxStreamDataFrame& frame) {
    put.type(FrameType::MaxStreamData);
    put.varint(frame.stream_id);
    put.varint(frame.maximum);
  }
  void operator()(const MaxStreamsFrame& frame) {
    put.type(frame.direction == Direction::TwoWay ? FrameType::MaxStreamsTwoWay
                                                  : FrameType::MaxStreamsOneWay);
    put.varint(frame.maximum);
  }
  void operator()(const DataBlockedFrame& frame) {
    put.type(FrameType::DataBlocked);
    put.varint(frame.limit);
  }
  void operator()(const StreamDataBlockedFrame& frame) {
    put.type(FrameType::StreamDataBlocked);
    put.varint(frame.stream_id);
    put.varint(frame.limit);
  }
  void operator()(const StreamsBlockedFrame& frame) {
    put.type(frame.direction == Direction::TwoWay ? FrameType::StreamsBlockedTwoWay
                                                  : FrameType::StreamsBlockedOneWay);
    put.varint(frame.limit);
  }
  void operator()(const ConnectionCloseFrame& frame) {
    put.type(frame.by_application ? FrameType::ApplicationClose : FrameType::ConnectionClose);
    put.varint(frame.error_code);
    put.sized_bytes(frame.reason.first(std::min(frame.reason.size(), kCloseReasonMaxBytes)));
  }
  void operator()(const DatagramFrame& frame) {
    put.type(FrameType::DatagramWithLength);
    put.sized_bytes(frame.data);
  }
  void operator()(const PingFrame& frame) {
    put.type(FrameType::Ping);
    put.u64(frame.token);
  }
  void operator()(const PongFrame& frame) {
    put.type(FrameType::Pong);
    put.u64(frame.token);
  }
  void operator()(const AdmittedFrame&) { put.type(FrameType::Admitted); }
  void operator()(const StreamGapFrame& frame) {
    put.type(FrameType::StreamGap);
    put.varint(frame.stream_id);
    put.varint(frame.offset);
  }
};

}  // namespace

void skip_padding(Reader& in) {
  while (in.peek() == std::byte{0}) in.u8();
}

std::expected<Frame, FrameError> decode_frame(Reader& in) {
  skip_padding(in);
  const std::size_t before = in.remaining();
  const std::uint64_t type = in.varint();
  if (in.ok() && before - in.remaining() != varint_size(type)) {
    return std::unexpected(
        FrameError{FrameErrc::UnknownType, type, "frame type is not in its shortest form"});
  }
  if (!in.ok()) return std::unexpected(FrameError{FrameErrc::Truncated, 0, "packet ends in a frame type"});
  FrameReader fields{in, type, {}};
  const auto frame = fields.frame();
  if (!frame) return std::unexpected(FrameError{frame.error(), type, "unknown frame"});
  if (!fields.error.empty()) {
    return std::unexpected(FrameError{FrameErrc::ValueOutOfRange, type, fields.error});
  }
  if (!in.ok()) return std::unexpected(FrameError{FrameErrc::Truncated, type, "packet ends inside a frame"});
  return *frame;
}

std::size_t frame_size(const Frame& frame) {
  SizeOfFields fields;
  std::visit(FrameFields<SizeOfFields>{fields}, frame);
  return fields.size;
}

void encode_frame(Writer& out, const Frame& frame) {
  WriteFields fields{out};
  std::visit(FrameFields<WriteFields>{fields}, frame);
}

std::size_t stream_header_size(const StreamHeader& header) {
  return 1 + varint_size(header.stream_id) + (header.offset > 0 ? varint_size(header.offset) : 0) +
         (header.reaches_end_of_packet ? 0 : varint_size(header.data_bytes));
}

void encode_stream_header(Writer& out, const StreamHeader& header) {
  out.varint(number(FrameType::Stream) | (header.is_final ? kStreamFinal : 0) |
             (header.reaches_end_of_packet ? 0 : kStreamHasLength) |
             (header.offset > 0 ? kStreamHasOffset : 0));
  out.varint(header.stream_id);
  if (header.offset > 0) out.varint(header.offset);
  if (!header.reaches_end_of_packet) out.varint(header.data_bytes);
}

}  // namespace jetway::wire
