// Bytes to the decoders of the handshake's messages: they refuse, or what they read encodes to the same
// again.

#include "jetway/crypto/handshake_messages.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include "jetway/base/assert.h"

namespace jetway::crypto {
namespace {

void check_init(ByteView message) {
  const auto init = decode_init(message);
  if (!init) return;
  // Lengths may come in longer forms than ours, so the values are compared.
  const Bytes encoded = encode_init(*init);
  const auto again = decode_init(encoded);
  JETWAY_ASSERT(again.has_value());
  JETWAY_ASSERT(again->versions == init->versions && again->suites == init->suites);
  JETWAY_ASSERT(again->random == init->random && again->timestamp == init->timestamp);
  JETWAY_ASSERT(again->cookie == init->cookie);
  JETWAY_ASSERT(equal_bytes(again->encapsulation_key, init->encapsulation_key));
  JETWAY_ASSERT(equal_bytes(again->extensions, init->extensions));
  const auto extensions = decode_init_extensions(init->extensions);
  if (!extensions || !extensions->ticket) return;
  const ByteView binder = extensions->ticket->binder;
  JETWAY_ASSERT(binder.data() + binder.size() == message.data() + message.size());
}

void check_retry(ByteView message) {
  const auto cookie = decode_retry(message);
  if (!cookie) return;
  const Bytes encoded = encode_retry(*cookie);
  JETWAY_ASSERT(
      equal_bytes(ByteView{encoded}.subspan(kMessageHeaderBytes), message.subspan(kMessageHeaderBytes)));
}

void check_response(ByteView message) {
  const auto response = decode_response(message);
  if (response) JETWAY_ASSERT(response->clear_bytes + response->sealed.size() == message.size());
}

void check_proof(ByteView bytes) {
  const auto decoded = decode_proof(bytes);
  if (!decoded) return;
  const Bytes encoded = encode_proof(decoded->transport_parameters, decoded->proof);
  JETWAY_ASSERT(encoded.size() <= bytes.size() && decode_proof(encoded).has_value());
}

}  // namespace
}  // namespace jetway::crypto

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jetway::crypto;
  const jetway::ByteView message = std::as_bytes(std::span{data, size});
  check_proof(message);
  const auto header = decode_message_header(message);
  if (!header) return 0;
  switch (header->type) {
    case MessageType::Init:
      check_init(message);
      break;
    case MessageType::Retry:
      check_retry(message);
      break;
    case MessageType::Response:
      check_response(message);
      break;
    case MessageType::Confirm:
      (void)decode_confirm(message);
      break;
  }
  return 0;
}
