#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "jetway/base/buffer.h"
#include "jetway/base/error.h"
#include "jetway/base/time.h"
#include "jetway/wire/frame.h"

namespace jetway::session {

using wire::Direction;

// Stream identifiers as in RFC 9000 section 2.1: bit 0 says who opened it (0 the dialer), bit 1 whether it
// is one-way, the rest counts.
using StreamId = std::uint64_t;

enum class Role : std::uint8_t { Dialer, Listener };

// Classes of streams, messages and datagrams. System goes strictly first; the others share by weight.
enum class Priority : std::uint8_t { System = 0, Media = 1, Chat = 2, Bulk = 3 };

enum class Compression : std::uint8_t { None = 0, Lz4 = 1, Zstd = 2 };

// What becomes of data that is lost or late on a pipe that loses packets.
enum class DeliveryMode : std::uint8_t {
  Reliable = 0,           // sent until the peer has it
  PartiallyReliable = 1,  // until its deadline has passed or it has been sent so many times
  BestEffort = 2,         // sent once
};

// Of what leaves this side of a stream, or of a message. What is given up leaves a gap in a stream, of which
// the reader learns where it is and how long (ReadResult::skipped_bytes); a message is given up whole. A pipe
// that does not lose delivers all that was sent before its deadline.
struct DeliveryOptions {
  DeliveryMode mode = DeliveryMode::Reliable;
  // Counts from write() or send_message(); later than that nothing is sent for the first time or again. Zero:
  // none. Not for Reliable.
  Duration deadline{0};
  // PartiallyReliable: how often a byte is sent at most, the first time included. Zero: any number of times.
  std::uint8_t tries_max = 0;

  bool operator==(const DeliveryOptions&) const = default;
};

// What kind of network the machine is on, as the application was told by the system or the user. Decides how
// hard the session compresses and, with whether the application is in the background, how often it says that
// it is alive.
enum class NetworkStatus : std::uint8_t { Unknown, Wifi, Cellular };

// What the session put into a packet, as far as it matters whether waiting for a retransmission would hurt.
struct PacketContent {
  bool has_datagram = false;
  bool has_message = false;     // of at most kShortMessageBytes: a long one is bulk
  bool has_unreliable = false;  // of a stream that is not Reliable
  // Of a reliable stream behind which hardly anything else waits to be sent (kTailBytes): no later packet may
  // show its loss.
  bool has_tail = false;
  bool has_bulk = false;    // of any other stream
  bool has_system = false;  // of a stream of class System, whatever else it is

  static constexpr std::size_t kShortMessageBytes = 64 * 1024;
  static constexpr std::size_t kTailBytes = 8 * 1024;

  bool is_worth_protecting() const { return has_datagram || has_message || has_unreliable || has_tail; }
};

struct StreamOptions {
  Priority priority = Priority::Chat;
  // What leaves this side is cut into units and compressed where it pays; the peer's side of a two-way stream
  // is the peer's choice. Used only if agreed in the handshake, else None; never on a stream that is not
  // reliable (messages may be).
  Compression compression = Compression::None;
  DeliveryOptions delivery = {};
  // All that is written on it is safe to be repeated: the receiver acting upon it twice does no harm. Only
  // such streams and messages, if they are reliable as well, may go as early data (Session::begin_early());
  // they are not compressed then.
  bool is_repeatable = false;
};

enum class StreamErrc : std::uint8_t {
  NoSuchStream,      // fatal: never opened, or finished and forgotten
  WrongDirection,    // fatal: writing to or reading from the other side's one-way stream
  TooManyStreams,    // recoverable: the peer allows no more now; wait for StreamsAvailable
  Finished,          // fatal: written after finish()
  Stopped,           // fatal: the peer does not want more (its code is in the event)
  Reset,             // fatal: the peer gave up the stream
  MessageTooLarge,   // fatal: message or datagram above what the peer takes
  NotAdmitted,       // recoverable: the listener has not admitted us yet
  ConnectionClosed,  // fatal for this connection
};

struct StreamError {
  StreamErrc code;
  std::string_view reason;      // static text
  std::uint64_t peer_code = 0;  // Stopped, Reset: the code that the peer gave

  bool operator==(const StreamError& other) const { return code == other.code; }
};

struct ReadResult {
  std::size_t bytes = 0;
  bool is_end = false;  // the peer's finish(); no more will come
  // How many bytes of the stream, just before these, the peer gave up. Not 0 only where the peer's delivery
  // mode is not Reliable; a read never goes on across a gap, so that this is all there is to know about one.
  std::uint64_t skipped_bytes = 0;

  bool is_nothing() const { return bytes == 0 && !is_end && skipped_bytes == 0; }
};

// Codes of CONNECTION_CLOSE that the protocol itself sends (docs/protocol/frames.md); the numbers follow
// RFC 9000 section 20.1.
enum class ProtocolCode : std::uint64_t {
  NoError = 0x00,
  Internal = 0x01,
  Refused = 0x02,  // the listener does not admit this peer
  FlowControl = 0x03,
  StreamLimit = 0x04,
  StreamState = 0x05,
  FinalSize = 0x06,
  FrameEncoding = 0x07,
  Parameters = 0x08,
  ConnectionIds = 0x09,
  ProtocolViolation = 0x0a,
  CryptoLimit = 0x0d,
  KeyUpdate = 0x0e,
  CryptoBuffer = 0x11,
  Handshake = 0x100,  // plus HandshakeErrc
};

// Why a connection is over.
struct CloseReason {
  enum class By : std::uint8_t {
    Us,           // close()
    Peer,         // the peer's close
    Error,        // the peer broke the protocol; `code` is what we told it
    IdleTimeout,  // nothing came for too long
    PipeClosed,   // the pipe ended without a close
  };
  By by = By::Us;
  bool by_application = false;  // `code` is the application's
  std::uint64_t code = 0;
  std::string text;  // foreign when by == Peer: escape before showing

  bool operator==(const CloseReason&) const = default;
};

// What the protocol itself ends a connection with.
inline CloseReason reason_of(CloseReason::By by, ProtocolCode code, std::string_view text) {
  return {.by = by, .by_application = false, .code = std::to_underlying(code), .text = std::string(text)};
}

// What the layer above learns from a session. Events about one stream come in order.
struct StreamOpened {  // by the peer
  StreamId id = 0;
  Direction direction = Direction::TwoWay;
  Priority priority{};
  DeliveryMode delivery = DeliveryMode::Reliable;  // of what the peer sends
};
struct StreamReadable {  // data, a gap, the end or a reset to be read; once until read() returns nothing
  StreamId id;
};
struct StreamWritable {  // room again after write() took less than it was given
  StreamId id;
};
struct StreamStopped {  // STOP_SENDING: our side of the stream has been reset with the same code
  StreamId id;
  std::uint64_t code;
};
struct StreamFinished {  // all we wrote but for what was given up, and the end, has been handed to (framed)
                         // or acknowledged by (JSP) the peer
  StreamId id;
};
struct StreamsAvailable {  // open_stream() may work again
  Direction direction;
};
struct MessageReceived {
  Buffer message;
  Priority priority;
};
struct DatagramReceived {
  Buffer datagram;
};
struct Admitted {};  // dialer: the listener lets us open streams
using Event = std::variant<StreamOpened, StreamReadable, StreamWritable, StreamStopped, StreamFinished,
                           StreamsAvailable, MessageReceived, DatagramReceived, Admitted>;

}  // namespace jetway::session
