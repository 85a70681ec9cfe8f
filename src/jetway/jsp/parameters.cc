#include "jetway/jsp/parameters.h"

#include <string>

#include "jetway/crypto/handshake.h"
#include "jetway/wire/cbor.h"

namespace jetway::jsp {

namespace {

// Keys of the map; a number is never used again for something else.
enum ParameterKey : std::uint8_t {
  kSession = 1,
  kInitialSource = 2,
  kOriginalDestination = 3,
  kRetrySource = 4,
  kResetToken = 5,
  kDatagramMax = 6,
  kPathsMax = 7,
  kMaxAckDelay = 8,
  kTakesRepair = 9,
};

constexpr std::uint64_t kPathsLimit = 64;
constexpr std::uint64_t kAckDelayMaxMs = 1 << 14;  // RFC 9000 section 18.2

}  // namespace

Bytes encode_parameters(const Parameters& parameters) {
  wire::CborWriter out;
  out.map([&] {
    out.key(kSession).bytes(parameters.session);
    out.key(kInitialSource).bytes(parameters.initial_source.view());
    if (parameters.original_destination)
      out.key(kOriginalDestination).bytes(parameters.original_destination->view());
    if (parameters.retry_source) out.key(kRetrySource).bytes(parameters.retry_source->view());
    if (parameters.reset_token) out.key(kResetToken).bytes(*parameters.reset_token);
    out.key(kDatagramMax).uint(parameters.datagram_max_bytes);
    out.key(kPathsMax).uint(parameters.paths_max);
    out.key(kMaxAckDelay).uint(static_cast<std::uint64_t>(parameters.max_ack_delay.count()));
    out.key(kTakesRepair).boolean(parameters.takes_repair);
  });
  return out.take();
}

std::expected<Parameters, session::CloseReason> decode_parameters(ByteView encoded) {
  Parameters parameters;
  wire::CborReader in{encoded};
  const auto id = [&in] { return ConnectionId{in.bytes(ConnectionId::kMaxBytes)}; };
  in.map([&](std::uint64_t key) {
    switch (key) {
      case kSession:
        parameters.session = to_bytes(in.bytes(crypto::kTransportParametersMaxBytes));
        break;
      case kInitialSource:
        parameters.initial_source = id();
        break;
      case kOriginalDestination:
        parameters.original_destination = id();
        break;
      case kRetrySource:
        parameters.retry_source = id();
        break;
      case kResetToken:
        parameters.reset_token = in.fixed_bytes<std::tuple_size_v<ResetToken>>();
        break;
      case kDatagramMax:
        parameters.datagram_max_bytes = in.uint();
        if (parameters.datagram_max_bytes < kBaseDatagramBytes)
          in.fail(wire::CborErrc::OutOfRange, "datagrams of less than 1,200 bytes");
        break;
      case kPathsMax:
        parameters.paths_max = static_cast<std::uint32_t>(in.uint(kPathsLimit));
        break;
      case kMaxAckDelay:
        parameters.max_ack_delay = std::chrono::milliseconds{in.uint(kAckDelayMaxMs)};
        break;
      case kTakesRepair:
        parameters.takes_repair = in.boolean();
        break;
      default:
        break;
    }
  });
  if (const auto done = in.finish(); !done) {
    return std::unexpected(session::reason_of(session::CloseReason::By::Error,
                                              session::ProtocolCode::Parameters,
                                              "transport parameters: " + std::string{done.error().reason}));
  }
  return parameters;
}

}  // namespace jetway::jsp
