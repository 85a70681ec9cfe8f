#include "jetway/crypto/handshake.h"

#include <algorithm>
#include <array>
#include <utility>

#include "jetway/base/assert.h"
#include "jetway/crypto/dialer_machine.h"
#include "jetway/crypto/listener_machine.h"

namespace jetway::crypto {

Handshake Handshake::dialer(HandshakeConfig config, RandomSource& random, WallTime now) {
  return Handshake(std::make_unique<DialerMachine>(std::move(config), random, now));
}

Handshake Handshake::listener(HandshakeConfig config, RandomSource& random, InitFilter& filter,
                              ByteView peer_address) {
  return Handshake(std::make_unique<ListenerMachine>(std::move(config), random, filter, peer_address));
}

Handshake::Handshake(std::unique_ptr<HandshakeMachine> machine) : machine_(std::move(machine)) {}
Handshake::Handshake(Handshake&&) noexcept = default;
Handshake& Handshake::operator=(Handshake&&) noexcept = default;
Handshake::~Handshake() = default;

std::expected<void, HandshakeError> Handshake::handle_bytes(WallTime now, ByteView bytes) {
  if (error_) return std::unexpected(*error_);
  while (!bytes.empty()) {
    const std::expected<std::size_t, HandshakeError> wanted = wanted_bytes(bytes.front());
    if (!wanted) return fail(wanted.error());
    const std::size_t count = std::min(*wanted, bytes.size());
    pending_.insert(pending_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (auto handled = handle_pending(now); !handled) return fail(handled.error());
  }
  return {};
}

// How many bytes the pending message lacks, or its header while that is not there. What cannot be a message
// is refused by its first byte already.
std::expected<std::size_t, HandshakeError> Handshake::wanted_bytes(std::byte next) const {
  if (pending_.size() >= kMessageHeaderBytes) return pending_size() - pending_.size();
  if (!pending_.empty()) return kMessageHeaderBytes - pending_.size();
  const std::array header = {next, std::byte{0}, std::byte{0}, std::byte{0}};
  const std::optional<MessageHeader> message = decode_message_header(header);
  if (!message) return refuse(HandshakeErrc::Malformed, "not a message of the handshake");
  if (!machine_->expects(message->type)) {
    return refuse(HandshakeErrc::Malformed, "a message of the handshake is out of order");
  }
  return kMessageHeaderBytes;
}

// Of the pending message, whose header is there.
std::size_t Handshake::pending_size() const {
  return kMessageHeaderBytes +
         decode_message_header(ByteView{pending_}.first(kMessageHeaderBytes))->body_bytes;
}

std::expected<void, HandshakeError> Handshake::handle_pending(WallTime now) {
  if (pending_.size() < kMessageHeaderBytes) return {};
  const std::size_t size = pending_size();
  if (size > kHandshakeMessageMaxBytes) {
    return refuse(HandshakeErrc::Malformed, "a message of the handshake is too large");
  }
  if (pending_.size() < size) return {};
  const Bytes message = std::exchange(pending_, {});
  return machine_->handle_message(now, static_cast<MessageType>(message.front()), message);
}

std::expected<void, HandshakeError> Handshake::fail(HandshakeError error) {
  error_ = error;
  machine_->on_error();
  pending_ = {};
  return std::unexpected(error);
}

Bytes Handshake::poll_output() { return machine_->poll_output(); }

const HandshakeRandom& Handshake::init_random() const { return machine_->init_random(); }

const HandshakePacketSecrets* Handshake::handshake_packet_secrets() const {
  return machine_->packet_secrets();
}

const EarlySecret* Handshake::early_secret() const { return machine_->early_secret(); }

bool Handshake::is_complete() const { return machine_->is_complete(); }

HandshakeResult Handshake::take_result() {
  JETWAY_ASSERT(is_complete());
  return machine_->take_result();
}

}  // namespace jetway::crypto
