#include "jetway/session/parameters.h"

#include <algorithm>

#include "jetway/wire/cbor.h"
#include "jetway/wire/varint.h"

namespace jetway::session {

namespace {

// Keys of the map; a number is never used again for something else.
enum Key : std::uint8_t {
  kConnectionWindow = 1,
  kStreamWindow = 2,
  kStreamsTwoWay = 3,
  kStreamsOneWay = 4,
  kDatagramMax = 5,
  kMessageMax = 6,
  kIdleTimeout = 7,
  kCompression = 8,
};

constexpr std::size_t kAlgorithmsMax = 16;
constexpr std::uint64_t kIdleTimeoutMaxMs = std::uint64_t{1} << 40;  // 35 years: addition never overflows

Compression algorithm_of(std::uint64_t number) {
  switch (number) {
    case static_cast<std::uint64_t>(Compression::Lz4):
      return Compression::Lz4;
    case static_cast<std::uint64_t>(Compression::Zstd):
      return Compression::Zstd;
    default:
      return Compression::None;
  }
}

}  // namespace

bool has_limits_of(const Parameters& now, const Parameters& earlier) {
  return now.connection_window_bytes >= earlier.connection_window_bytes &&
         now.stream_window_bytes >= earlier.stream_window_bytes &&
         now.streams_two_way_max >= earlier.streams_two_way_max &&
         now.streams_one_way_max >= earlier.streams_one_way_max &&
         now.message_max_bytes >= earlier.message_max_bytes;
}

Bytes encode_parameters(const LocalParameters& parameters) {
  wire::CborWriter out;
  out.map([&] {
    out.key(kConnectionWindow).uint(parameters.connection_window_bytes);
    out.key(kStreamWindow).uint(parameters.stream_window_bytes);
    out.key(kStreamsTwoWay).uint(parameters.streams_two_way_max);
    out.key(kStreamsOneWay).uint(parameters.streams_one_way_max);
    out.key(kDatagramMax).uint(parameters.datagram_max_bytes);
    out.key(kMessageMax).uint(parameters.message_max_bytes);
    out.key(kIdleTimeout).uint(static_cast<std::uint64_t>(parameters.idle_timeout.count()));
    out.key(kCompression).array([&] {
      for (const Compression algorithm : parameters.compression)
        out.uint(static_cast<std::uint64_t>(algorithm));
    });
  });
  return out.take();
}

std::expected<PeerParameters, CloseReason> decode_parameters(ByteView encoded) {
  PeerParameters parameters;
  wire::CborReader in{encoded};
  in.map([&](std::uint64_t key) {
    switch (key) {
      case kConnectionWindow:
        parameters.connection_window_bytes = in.uint(wire::kVarintMax);
        break;
      case kStreamWindow:
        parameters.stream_window_bytes = in.uint(wire::kVarintMax);
        break;
      case kStreamsTwoWay:
        parameters.streams_two_way_max = in.uint(wire::kMaxStreamsLimit);
        break;
      case kStreamsOneWay:
        parameters.streams_one_way_max = in.uint(wire::kMaxStreamsLimit);
        break;
      case kDatagramMax:
        parameters.datagram_max_bytes = in.uint(wire::kVarintMax);
        break;
      case kMessageMax:
        parameters.message_max_bytes = in.uint(wire::kVarintMax);
        break;
      case kIdleTimeout:
        parameters.idle_timeout = std::chrono::milliseconds{in.uint(kIdleTimeoutMaxMs)};
        break;
      case kCompression:
        in.array(kAlgorithmsMax, [&](std::size_t) {
          const Compression algorithm = algorithm_of(in.uint());
          if (algorithm != Compression::None) parameters.compression.push_back(algorithm);
        });
        break;
      default:
        break;
    }
  });
  if (const auto done = in.finish(); !done) {
    return std::unexpected(reason_of(CloseReason::By::Error, ProtocolCode::Parameters,
                                     "transport parameters: " + std::string{done.error().reason}));
  }
  return parameters;
}

}  // namespace jetway::session
