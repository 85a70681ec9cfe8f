#include "jetway/crypto/handshake_messages.h"

#include "jetway/base/assert.h"
#include "jetway/crypto/handshake.h"
#include "jetway/crypto/identity.h"
#include "jetway/crypto/ticket.h"
#include "jetway/wire/reader.h"
#include "jetway/wire/varint.h"
#include "jetway/wire/writer.h"

namespace jetway::crypto {

namespace {

constexpr std::size_t kKeyShareMaxBytes = 2048;
constexpr std::size_t kExtensionsMaxBytes = 4096;
constexpr std::uint64_t kTicketExtension = 1;
constexpr std::size_t kCookieBytes = kHashBytes + 8 + kHashBytes;
// Later ones, 280,000 years from now, would overflow what they are compared with.
constexpr std::uint64_t kTimestampMax = std::uint64_t{1} << 53;

static_assert(kPublicKeyMaxBytes + kSignatureMaxBytes + kTransportParametersMaxBytes + 2 * kKeyShareMaxBytes <
              kHandshakeMessageMaxBytes);

// One message in the making: fields go in, the length in the header is put right at the end.
class MessageWriter {
 public:
  explicit MessageWriter(MessageType type) : memory_(kHandshakeMessageMaxBytes), out_(memory_) {
    out_.u8(static_cast<std::uint8_t>(type));
    length_ = out_.reserve(3);
  }

  wire::Writer& out() { return out_; }

  void timestamp(WallTime time) {
    const auto since_epoch = time.time_since_epoch().count();
    out_.u64(since_epoch < 0 ? 0 : static_cast<std::uint64_t>(since_epoch));
  }

  void cookie(const Cookie& cookie) {
    out_.bytes(cookie.first_init.view());
    timestamp(cookie.server_time);
    out_.bytes(cookie.mac.view());
  }

  // `more` bytes are appended to the message by the caller.
  Bytes finish(std::size_t more = 0) {
    const std::size_t body = out_.size() - kMessageHeaderBytes + more;
    JETWAY_ASSERT(kMessageHeaderBytes + body <= kHandshakeMessageMaxBytes);
    wire::Writer length(length_);
    length.u8(static_cast<std::uint8_t>(body >> 16));
    length.u16(static_cast<std::uint16_t>(body));
    memory_.resize(out_.size());
    return std::move(memory_);
  }

 private:
  Bytes memory_;
  wire::Writer out_;
  MutableBytes length_;
};

wire::Reader body_of(ByteView message) { return wire::Reader(message.subspan(kMessageHeaderBytes)); }

template <class Array>
Array read_array(wire::Reader& in) {
  Array array{};
  const ByteView bytes = in.bytes(array.size());
  if (in.ok()) copy_bytes(array, bytes);
  return array;
}

Hash256 read_hash(wire::Reader& in) { return {read_array<std::array<std::byte, kHashBytes>>(in)}; }

WallTime read_timestamp(wire::Reader& in) {
  const std::uint64_t value = in.u64();
  if (value > kTimestampMax) {
    in.fail();
    return {};
  }
  return WallTime(std::chrono::milliseconds(value));
}

// A list of numbers behind their count.
template <class Number, class Read>
std::vector<Number> read_offers(wire::Reader& in, Read read) {
  const std::size_t count = in.u8();
  if (count == 0 || count > kOffersMax) in.fail();
  std::vector<Number> offers;
  while (in.ok() && offers.size() < count) offers.push_back(read(in));
  return offers;
}

Cookie read_cookie(wire::Reader& in) {
  Cookie cookie;
  cookie.first_init = read_hash(in);
  cookie.server_time = read_timestamp(in);
  cookie.mac = read_hash(in);
  return cookie;
}

// Empty, or a cookie.
std::optional<Cookie> read_optional_cookie(wire::Reader& in) {
  const ByteView bytes = in.sized_bytes(kCookieBytes);
  if (bytes.empty()) return std::nullopt;
  wire::Reader cookie_in(bytes);
  const Cookie cookie = read_cookie(cookie_in);
  if (!cookie_in.is_complete()) in.fail();
  return cookie;
}

}  // namespace

std::optional<MessageHeader> decode_message_header(ByteView bytes) {
  wire::Reader in(bytes);
  const std::uint8_t type = in.u8();
  const std::size_t high = in.u8();
  const std::size_t low = in.u16();
  if (!in.ok() || type < static_cast<std::uint8_t>(MessageType::Init) ||
      type > static_cast<std::uint8_t>(MessageType::Confirm)) {
    return std::nullopt;
  }
  return MessageHeader{static_cast<MessageType>(type), high << 16 | low};
}

Bytes encode_init(const InitMessage& init) {
  MessageWriter message(MessageType::Init);
  wire::Writer& out = message.out();
  out.u8(static_cast<std::uint8_t>(init.versions.size()));
  for (const std::uint16_t version : init.versions) out.u16(version);
  out.bytes(init.random);
  message.timestamp(init.timestamp);
  out.u8(init.key_exchange);
  out.bytes(init.x25519_share);
  out.sized_bytes(init.encapsulation_key);
  out.u8(static_cast<std::uint8_t>(init.suites.size()));
  for (const std::uint8_t suite : init.suites) out.u8(suite);
  out.sized_bytes(init.transport_parameters);
  out.varint(init.cookie ? kCookieBytes : 0);
  if (init.cookie) message.cookie(*init.cookie);
  out.sized_bytes(init.extensions);
  return message.finish();
}

std::optional<InitMessage> decode_init(ByteView message) {
  wire::Reader in = body_of(message);
  InitMessage init;
  init.versions = read_offers<std::uint16_t>(in, [](wire::Reader& from) { return from.u16(); });
  init.random = read_array<HandshakeRandom>(in);
  init.timestamp = read_timestamp(in);
  init.key_exchange = in.u8();
  init.x25519_share = in.bytes(kX25519Bytes);
  init.encapsulation_key = in.sized_bytes(kKeyShareMaxBytes);
  init.suites = read_offers<std::uint8_t>(in, [](wire::Reader& from) { return from.u8(); });
  init.transport_parameters = in.sized_bytes(kTransportParametersMaxBytes);
  init.cookie = read_optional_cookie(in);
  init.extensions = in.sized_bytes(kExtensionsMaxBytes);
  if (!in.is_complete()) return std::nullopt;
  return init;
}

Bytes encode_ticket_extension(ByteView ticket) {
  JETWAY_ASSERT(ticket.size() <= kTicketMaxBytes);
  const std::size_t body = wire::varint_size(ticket.size()) + ticket.size() + kBinderBytes;
  Bytes extension(wire::varint_size(kTicketExtension) + wire::varint_size(body) + body);
  wire::Writer out(extension);
  out.varint(kTicketExtension);
  out.varint(body);
  out.sized_bytes(ticket);
  out.reserve(kBinderBytes);
  return extension;
}

std::optional<InitExtensions> decode_init_extensions(ByteView bytes) {
  wire::Reader in(bytes);
  InitExtensions extensions;
  while (in.ok() && !in.is_empty()) {
    const std::uint64_t type = in.varint();
    wire::Reader body(in.sized_bytes(kExtensionsMaxBytes));
    if (type != kTicketExtension) continue;
    TicketExtension& ticket = extensions.ticket.emplace();
    ticket.ticket = body.sized_bytes(kTicketMaxBytes);
    ticket.binder = body.bytes(kBinderBytes);
    if (!body.is_complete() || !in.is_empty()) in.fail();
  }
  if (!in.ok()) return std::nullopt;
  return extensions;
}

Bytes encode_retry(const Cookie& cookie) {
  MessageWriter message(MessageType::Retry);
  message.cookie(cookie);
  return message.finish();
}

std::optional<Cookie> decode_retry(ByteView message) {
  wire::Reader in = body_of(message);
  const Cookie cookie = read_cookie(in);
  if (!in.is_complete()) return std::nullopt;
  return cookie;
}

Bytes encode_response(const ResponseMessage& response, std::size_t sealed_bytes) {
  MessageWriter message(MessageType::Response);
  wire::Writer& out = message.out();
  out.u16(response.version);
  out.bytes(response.random);
  message.timestamp(response.timestamp);
  out.u8(response.suite);
  out.u8(response.takes_early_data ? 1 : 0);
  out.bytes(response.x25519_share);
  out.sized_bytes(response.ciphertext);
  return message.finish(sealed_bytes);
}

std::optional<ResponseMessage> decode_response(ByteView message) {
  wire::Reader in = body_of(message);
  ResponseMessage response;
  response.version = in.u16();
  response.random = read_array<HandshakeRandom>(in);
  response.timestamp = read_timestamp(in);
  response.suite = in.u8();
  const std::uint8_t early_data = in.u8();
  if (early_data > 1) in.fail();
  response.takes_early_data = early_data == 1;
  response.x25519_share = in.bytes(kX25519Bytes);
  response.ciphertext = in.sized_bytes(kKeyShareMaxBytes);
  response.clear_bytes = message.size() - in.remaining();
  response.sealed = in.rest();
  if (!in.is_complete()) return std::nullopt;
  return response;
}

Bytes encode_confirm(std::size_t sealed_bytes) {
  return MessageWriter(MessageType::Confirm).finish(sealed_bytes);
}

std::optional<ByteView> decode_confirm(ByteView message) {
  wire::Reader in = body_of(message);
  const ByteView sealed = in.rest();
  if (sealed.empty()) return std::nullopt;
  return sealed;
}

std::size_t proof_bytes(ByteView transport_parameters, std::size_t public_key_bytes,
                        std::size_t signature_bytes) {
  const auto sized = [](std::size_t size) { return wire::varint_size(size) + size; };
  return sized(transport_parameters.size()) + sized(public_key_bytes) + sized(signature_bytes) + kHashBytes;
}

Bytes encode_proof(ByteView transport_parameters, const IdentityProof& proof) {
  Bytes memory(proof_bytes(transport_parameters, proof.public_key.size(), proof.signature.size()));
  wire::Writer out(memory);
  out.sized_bytes(transport_parameters);
  out.sized_bytes(proof.public_key);
  out.sized_bytes(proof.signature);
  out.bytes(proof.mac.view());
  return memory;
}

std::optional<DecodedProof> decode_proof(ByteView plaintext) {
  wire::Reader in(plaintext);
  DecodedProof decoded;
  decoded.transport_parameters = in.sized_bytes(kTransportParametersMaxBytes);
  decoded.proof.public_key = in.sized_bytes(kPublicKeyMaxBytes);
  decoded.proof.signature = in.sized_bytes(kSignatureMaxBytes);
  decoded.proof.mac = read_hash(in);
  if (!in.is_complete()) return std::nullopt;
  return decoded;
}

}  // namespace jetway::crypto
