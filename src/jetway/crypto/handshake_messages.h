#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/base/time.h"
#include "jetway/crypto/hash.h"
#include "jetway/crypto/init_filter.h"
#include "jetway/crypto/key_exchange.h"

namespace jetway::crypto {

// The messages of the handshake as bytes and back (docs/protocol/handshake.md section 3). Everything decoded
// is a view of the message, which has to outlive it; decoders check the form, not the meaning.

enum class MessageType : std::uint8_t { Init = 1, Retry = 2, Response = 3, Confirm = 4 };

// type u8, length of the body u24
inline constexpr std::size_t kMessageHeaderBytes = 4;

struct MessageHeader {
  MessageType type;
  std::size_t body_bytes;
};
// `bytes` are kMessageHeaderBytes; nullopt for an unknown type.
std::optional<MessageHeader> decode_message_header(ByteView bytes);

struct InitMessage {
  std::vector<std::uint16_t> versions;  // 1 to kOffersMax
  HandshakeRandom random{};
  WallTime timestamp{};
  std::uint8_t key_exchange = 0;
  ByteView x25519_share;
  ByteView encapsulation_key;
  std::vector<std::uint8_t> suites;  // 1 to kOffersMax
  ByteView transport_parameters;
  std::optional<Cookie> cookie;
  // A list of which what is unknown is skipped, so that later versions may add to it; the form of all else is
  // that of every version.
  ByteView extensions;
};

struct ResponseMessage {
  std::uint16_t version = 0;
  HandshakeRandom random{};
  WallTime timestamp{};
  std::uint8_t suite = 0;
  bool takes_early_data = false;
  ByteView x25519_share;
  ByteView ciphertext;
  ByteView sealed;
  std::size_t clear_bytes = 0;  // of the message, header included, in front of `sealed`
};

// In the extensions of an Init, the last of them, so that the binder ends the message.
struct TicketExtension {
  ByteView ticket;
  ByteView binder;
};
struct InitExtensions {
  std::optional<TicketExtension> ticket;
};
// With an empty binder, to be filled in: the last kBinderBytes of the Init.
Bytes encode_ticket_extension(ByteView ticket);
std::optional<InitExtensions> decode_init_extensions(ByteView extensions);

// Proof of an identity: in Response and Confirm, under the seal.
struct IdentityProof {
  ByteView public_key;
  ByteView signature;
  Hash256 mac;
};

Bytes encode_init(const InitMessage& init);
Bytes encode_retry(const Cookie& cookie);
// The clear part; the header counts `sealed_bytes` more, which the caller appends.
Bytes encode_response(const ResponseMessage& response, std::size_t sealed_bytes);
// The header alone, likewise.
Bytes encode_confirm(std::size_t sealed_bytes);
Bytes encode_proof(ByteView transport_parameters, const IdentityProof& proof);
// What encode_proof() takes for parts of these sizes.
std::size_t proof_bytes(ByteView transport_parameters, std::size_t public_key_bytes,
                        std::size_t signature_bytes);

// Of whole messages, header included; nullopt: Malformed.
std::optional<InitMessage> decode_init(ByteView message);
std::optional<Cookie> decode_retry(ByteView message);
std::optional<ResponseMessage> decode_response(ByteView message);
// The sealed part.
std::optional<ByteView> decode_confirm(ByteView message);

struct DecodedProof {
  ByteView transport_parameters;
  IdentityProof proof;
};
std::optional<DecodedProof> decode_proof(ByteView plaintext);

}  // namespace jetway::crypto
