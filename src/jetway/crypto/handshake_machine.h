#pragma once

#include <expected>
#include <optional>
#include <string_view>
#include <utility>

#include "jetway/base/bytes.h"
#include "jetway/base/random.h"
#include "jetway/base/time.h"
#include "jetway/crypto/handshake.h"
#include "jetway/crypto/handshake_keys.h"
#include "jetway/crypto/handshake_messages.h"

namespace jetway::crypto {

using HandshakeStep = std::expected<void, HandshakeError>;

inline std::unexpected<HandshakeError> refuse(HandshakeErrc code, std::string_view reason,
                                              std::optional<PeerId> peer = std::nullopt) {
  return std::unexpected(HandshakeError{code, reason, peer});
}

// One end of a handshake: whole messages in, bytes to be sent out. What both ends have in common is here,
// what they do in turn in DialerMachine and ListenerMachine.
class HandshakeMachine {
 public:
  HandshakeMachine(HandshakeConfig config, RandomSource& random, Role role);
  HandshakeMachine(const HandshakeMachine&) = delete;
  HandshakeMachine& operator=(const HandshakeMachine&) = delete;
  virtual ~HandshakeMachine() = default;

  // Whether a message of this type may come now.
  virtual bool expects(MessageType type) const = 0;
  // `message` is whole and of a type that is expected.
  virtual HandshakeStep handle_message(WallTime now, MessageType type, ByteView message) = 0;
  virtual void on_error() = 0;
  virtual bool is_complete() const = 0;

  Bytes poll_output() { return std::exchange(output_, {}); }
  HandshakeResult take_result() { return std::move(result_); }
  const HandshakeRandom& init_random() const { return init_random_; }
  const HandshakePacketSecrets* packet_secrets() const {
    return packet_secrets_ ? &*packet_secrets_ : nullptr;
  }
  const EarlySecret* early_secret() const { return early_ ? &*early_ : nullptr; }

 protected:
  struct Proven {
    PublicKey key;
    Bytes transport_parameters;
  };

  const HandshakeConfig& config() const { return config_; }
  RandomSource& random() { return *random_; }
  ByteView shared_secret() const;
  // Bytes that are sent are part of the transcript.
  void send(ByteView bytes);

  // Our identity, sealed, with the signature over the transcript as it is now.
  Bytes seal_proof(Suite suite, const HandshakeKeys& keys, ByteView transport_parameters) const;
  std::size_t sealed_proof_bytes(ByteView transport_parameters) const;
  // The peer's, opened and verified over the transcript as it is now.
  std::expected<Proven, HandshakeError> open_proof(Suite suite, const HandshakeKeys& keys,
                                                   ByteView sealed) const;
  // `transcript_` holds Response: packets can be sealed with what was agreed.
  void open_packet_secrets(const HandshakeKeys& keys);
  // The peer is authenticated and the transcript ends with Confirm.
  void complete(Proven peer, const HandshakeKeys& keys);

  Transcript transcript_;
  HandshakeResult result_;
  std::optional<EarlySecret> early_;
  HandshakeRandom init_random_{};  // of the dialer's first Init

 private:
  HandshakeConfig config_;
  RandomSource* random_;
  Role role_;
  Bytes output_;
  std::optional<HandshakePacketSecrets> packet_secrets_;
};

}  // namespace jetway::crypto
