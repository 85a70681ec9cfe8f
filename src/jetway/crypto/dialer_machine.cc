#include "jetway/crypto/dialer_machine.h"

#include <algorithm>

#include "jetway/base/assert.h"

namespace jetway::crypto {

DialerMachine::DialerMachine(HandshakeConfig config, RandomSource& random, WallTime now)
    : HandshakeMachine(std::move(config), random, Role::Dialer),
      keys_(HybridDialer::generate(this->config().key_exchange, random)) {
  send_init(now, std::nullopt);
}

bool DialerMachine::expects(MessageType type) const {
  switch (type) {
    case MessageType::Retry:
      return next(state_, DialerEvent::RetryAnswered).has_value();
    case MessageType::Response:
      return next(state_, DialerEvent::ResponseVerified).has_value();
    case MessageType::Init:
    case MessageType::Confirm:
      break;
  }
  return false;
}

HandshakeStep DialerMachine::handle_message(WallTime now, MessageType type, ByteView message) {
  return type == MessageType::Retry ? handle_retry(now, message) : handle_response(now, message);
}

void DialerMachine::on_event(DialerEvent event) {
  const std::optional<DialerState> to = next(state_, event);
  JETWAY_ASSERT(to.has_value());
  state_ = *to;
  if (state_ == DialerState::Done || state_ == DialerState::Failed) keys_.reset();
}

bool DialerMachine::can_offer_ticket(WallTime now) const {
  const ResumptionTicket* ticket = config().ticket.get();
  return ticket != nullptr && config().expected_peer == ticket->listener && now < ticket->expires &&
         std::ranges::contains(config().versions, ticket->version) &&
         std::ranges::contains(config().suites, ticket->suite);
}

// The binder covers all that is in front of it, and ends the message.
Bytes DialerMachine::encode_with_ticket(InitMessage init) {
  const ResumptionTicket& ticket = *config().ticket;
  const Bytes extensions = encode_ticket_extension(ticket.ticket);
  init.extensions = extensions;
  Bytes message = encode_init(init);
  const MutableBytes binder = MutableBytes{message}.last(kBinderBytes);
  const Hash256 prefix = sha256(ByteView{message}.first(message.size() - kBinderBytes));
  copy_bytes(binder, ticket_binder(ticket.secret, prefix).view());
  early_ = {.suite = ticket.suite,
            .traffic = derive_early_traffic(ticket.secret, sha256(message)),
            .peer = ticket.listener,
            .session_parameters = ticket.session_parameters,
            .peer_transport_parameters = {}};
  return message;
}

void DialerMachine::send_init(WallTime now, std::optional<Cookie> cookie) {
  InitMessage init;
  init.versions = config().versions;
  random().fill(init.random);
  if (!cookie) init_random_ = init.random;
  init_sent_at_ = now;
  init.timestamp = init_timestamp_ = now + clock_offset_;
  init.key_exchange = static_cast<std::uint8_t>(config().key_exchange);
  init.x25519_share = keys_->x25519_share();
  init.encapsulation_key = keys_->encapsulation_key();
  for (const Suite suite : config().suites) init.suites.push_back(static_cast<std::uint8_t>(suite));
  init.transport_parameters = config().transport_parameters;
  init.cookie = cookie;
  early_.reset();
  const Bytes message =
      !cookie && can_offer_ticket(now) ? encode_with_ticket(std::move(init)) : encode_init(init);
  init_hash_ = sha256(message);
  if (cookie) transcript_.begin_after_retry(*cookie);
  send(message);
}

// A Retry is not authenticated: all that somebody in the middle can do with a forged one is to have the next
// Init refused. It changes nothing that we offer.
HandshakeStep DialerMachine::handle_retry(WallTime now, ByteView message) {
  const std::optional<Cookie> cookie = decode_retry(message);
  if (!cookie) return refuse(HandshakeErrc::Malformed, "the Retry cannot be read");
  if (cookie->first_init != init_hash_) {
    return refuse(HandshakeErrc::BadCookie, "the Retry does not answer our Init");
  }
  clock_offset_ = cookie->server_time - now;
  clock_uncertainty_ = std::max(std::chrono::milliseconds{0}, now - init_sent_at_);
  send_init(now, cookie);
  on_event(DialerEvent::RetryAnswered);
  return {};
}

HandshakeStep DialerMachine::handle_response(WallTime now, ByteView message) {
  const std::optional<ResponseMessage> response = decode_response(message);
  if (!response) return refuse(HandshakeErrc::Malformed, "the Response cannot be read");
  if (auto checked = check_choice(now, *response); !checked) return checked;
  const std::optional<SecretBytes> secret = keys_->agree(response->x25519_share, response->ciphertext);
  if (!secret) return refuse(HandshakeErrc::BadKeyShare, "the listener's key share is not valid");

  transcript_.add(message.first(response->clear_bytes));
  const HandshakeKeys keys = derive_handshake_keys(shared_secret(), *secret, transcript_.hash());
  std::expected<Proven, HandshakeError> peer = open_proof(result_.suite, keys, response->sealed);
  if (!peer) return std::unexpected(peer.error());
  if (auto checked = check_peer(peer->key.peer_id()); !checked) return checked;
  transcript_.add(response->sealed);
  open_packet_secrets(keys);

  const Bytes header = encode_confirm(sealed_proof_bytes({}));
  send(header);
  send(seal_proof(result_.suite, keys, {}));
  result_.peer_transport_parameters = std::move(peer->transport_parameters);
  complete(*std::move(peer), keys);
  on_event(DialerEvent::ResponseVerified);
  return {};
}

// The listener may only choose among what we offered, and its clock is what it was found to be.
HandshakeStep DialerMachine::check_choice(WallTime now, const ResponseMessage& response) {
  if (!std::ranges::contains(config().versions, response.version)) {
    return refuse(HandshakeErrc::NoCommonVersion, "the listener chose a version that we did not offer");
  }
  const std::optional<Suite> suite = suite_from_number(response.suite);
  if (!suite || !std::ranges::contains(config().suites, *suite)) {
    return refuse(HandshakeErrc::NoCommonSuite, "the listener chose a suite that we did not offer");
  }
  const std::chrono::milliseconds tolerance = config().clock_tolerance;
  if (response.timestamp < init_timestamp_ - tolerance ||
      response.timestamp > now + clock_offset_ + clock_uncertainty_ + tolerance) {
    return refuse(HandshakeErrc::StaleTimestamp, "the Response is not of now");
  }
  if (response.takes_early_data && !early_) {
    return refuse(HandshakeErrc::Malformed, "the listener takes a ticket that we did not offer");
  }
  result_.is_early_data_accepted = response.takes_early_data;
  result_.version = response.version;
  result_.suite = *suite;
  result_.key_exchange = config().key_exchange;
  return {};
}

HandshakeStep DialerMachine::check_peer(const PeerId& peer) const {
  if (config().expected_peer) {
    if (*config().expected_peer == peer) return {};
    return refuse(HandshakeErrc::PeerMismatch, "another peer answered than was dialed", peer);
  }
  if (config().is_known && config().is_known(peer)) return {};
  return refuse(HandshakeErrc::UnknownPeer, "the peer is not known", peer);
}

}  // namespace jetway::crypto
