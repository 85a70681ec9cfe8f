#include "jetway/crypto/listener_machine.h"

#include <algorithm>

#include "jetway/base/assert.h"
#include "jetway/crypto/key_exchange.h"

namespace jetway::crypto {

ListenerMachine::ListenerMachine(HandshakeConfig config, RandomSource& random, InitFilter& filter,
                                 ByteView peer_address)
    : HandshakeMachine(std::move(config), random, Role::Listener),
      filter_(&filter),
      peer_address_(to_bytes(peer_address)) {}

bool ListenerMachine::expects(MessageType type) const {
  switch (type) {
    case MessageType::Init:
      return next(state_, ListenerEvent::InitAccepted).has_value();
    case MessageType::Confirm:
      return next(state_, ListenerEvent::ConfirmVerified).has_value();
    case MessageType::Retry:
    case MessageType::Response:
      break;
  }
  return false;
}

HandshakeStep ListenerMachine::handle_message(WallTime now, MessageType type, ByteView message) {
  return type == MessageType::Init ? handle_init(now, message) : handle_confirm(message);
}

void ListenerMachine::on_event(ListenerEvent event) {
  const std::optional<ListenerState> to = next(state_, event);
  JETWAY_ASSERT(to.has_value());
  state_ = *to;
  if (state_ == ListenerState::Done || state_ == ListenerState::Failed) keys_.reset();
}

HandshakeStep ListenerMachine::handle_init(WallTime now, ByteView message) {
  const std::optional<InitMessage> init = decode_init(message);
  if (!init) return refuse(HandshakeErrc::Malformed, "the Init cannot be read");
  if (auto chosen = choose(*init); !chosen) return chosen;
  const InitFreshness freshness{.random = init->random, .timestamp = init->timestamp, .cookie = init->cookie};
  switch (filter_->check(now, freshness, peer_address_)) {
    case InitVerdict::Accepted:
      return send_response(now, *init, message);
    case InitVerdict::RetryNeeded:
      return send_retry(now, message);
    case InitVerdict::Replayed:
      return refuse(HandshakeErrc::Replayed, "this Init was here before");
    case InitVerdict::BadCookie:
      return refuse(HandshakeErrc::BadCookie, "the cookie is not ours, or too old");
    case InitVerdict::Overloaded:
      break;
  }
  return refuse(HandshakeErrc::Overloaded, "too many handshakes at once");
}

// Our order decides, among what the dialer offers.
HandshakeStep ListenerMachine::choose(const InitMessage& init) {
  const auto version = std::ranges::find_if(
      config().versions, [&](std::uint16_t ours) { return std::ranges::contains(init.versions, ours); });
  if (version == config().versions.end()) {
    return refuse(HandshakeErrc::NoCommonVersion, "no protocol version in common");
  }
  const auto suite = std::ranges::find_if(config().suites, [&](Suite ours) {
    return std::ranges::contains(init.suites, static_cast<std::uint8_t>(ours));
  });
  const std::optional<KeyExchange> exchange = key_exchange_from_number(init.key_exchange);
  if (suite == config().suites.end() || !exchange || *exchange < config().key_exchange) {
    return refuse(HandshakeErrc::NoCommonSuite, "no suite or key exchange in common");
  }
  result_.version = *version;
  result_.suite = *suite;
  result_.key_exchange = *exchange;
  return {};
}

HandshakeStep ListenerMachine::send_retry(WallTime now, ByteView init) {
  if (!next(state_, ListenerEvent::RetrySent)) {
    return refuse(HandshakeErrc::StaleTimestamp, "our Retry was not answered");
  }
  send(encode_retry(filter_->make_cookie(now, sha256(init), peer_address_)));
  on_event(ListenerEvent::RetrySent);
  return {};
}

// The Init is fresh and was not here before. A ticket that is not taken costs its owner a round trip.
void ListenerMachine::take_ticket(WallTime now, const TicketExtension& offer, ByteView message,
                                  ByteView parameters) {
  if (config().tickets == nullptr) return;
  const Hash256 prefix = sha256(message.first(message.size() - kBinderBytes));
  std::expected<RedeemedTicket, TicketErrc> ticket =
      config().tickets->redeem(now, {.ticket = offer.ticket, .binder = offer.binder, .init_prefix = prefix},
                               config().is_admitted_early);
  if (!ticket || ticket->version != result_.version ||
      !std::ranges::contains(config().suites, ticket->suite)) {
    return;
  }
  early_ = {.suite = ticket->suite,
            .traffic = derive_early_traffic(ticket->secret, sha256(message)),
            .peer = ticket->peer,
            .session_parameters = std::move(ticket->session_parameters),
            .peer_transport_parameters = to_bytes(parameters)};
  result_.is_early_data_accepted = true;
}

HandshakeStep ListenerMachine::send_response(WallTime now, const InitMessage& init, ByteView message) {
  const std::optional<InitExtensions> extensions = decode_init_extensions(init.extensions);
  if (!extensions) return refuse(HandshakeErrc::Malformed, "the Init's extensions cannot be read");
  std::optional<HybridAnswer> answer =
      answer_key_exchange(result_.key_exchange, init.x25519_share, init.encapsulation_key, random());
  if (!answer) return refuse(HandshakeErrc::BadKeyShare, "the dialer's key share is not valid");
  if (extensions->ticket && !init.cookie)
    take_ticket(now, *extensions->ticket, message, init.transport_parameters);
  if (init.cookie) transcript_.begin_after_retry(*init.cookie);
  transcript_.add(message);

  ResponseMessage response;
  response.version = result_.version;
  random().fill(response.random);
  response.timestamp = now;
  response.suite = static_cast<std::uint8_t>(result_.suite);
  response.takes_early_data = early_.has_value();
  response.x25519_share = answer->x25519_share;
  response.ciphertext = answer->ciphertext;
  send(encode_response(response, sealed_proof_bytes(config().transport_parameters)));
  keys_ = derive_handshake_keys(shared_secret(), answer->secret, transcript_.hash());
  open_packet_secrets(*keys_);
  send(seal_proof(result_.suite, *keys_, config().transport_parameters));
  result_.peer_transport_parameters = to_bytes(init.transport_parameters);
  on_event(ListenerEvent::InitAccepted);
  return {};
}

HandshakeStep ListenerMachine::handle_confirm(ByteView message) {
  const std::optional<ByteView> sealed = decode_confirm(message);
  if (!sealed) return refuse(HandshakeErrc::Malformed, "the Confirm cannot be read");
  transcript_.add(message.first(kMessageHeaderBytes));
  std::expected<Proven, HandshakeError> peer = open_proof(result_.suite, *keys_, *sealed);
  if (!peer) return std::unexpected(peer.error());
  if (!peer->transport_parameters.empty()) {
    return refuse(HandshakeErrc::Malformed, "the Confirm brings transport parameters");
  }
  if (early_ && peer->key.peer_id() != early_->peer) {
    return refuse(HandshakeErrc::PeerMismatch, "the ticket was another peer's", peer->key.peer_id());
  }
  transcript_.add(*sealed);
  complete(*std::move(peer), *keys_);
  on_event(ListenerEvent::ConfirmVerified);
  return {};
}

}  // namespace jetway::crypto
