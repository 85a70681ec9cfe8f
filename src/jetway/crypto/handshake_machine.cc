#include "jetway/crypto/handshake_machine.h"

#include <array>

#include "jetway/base/assert.h"
#include "jetway/crypto/packet_keys.h"

namespace jetway::crypto {

namespace {

// Each handshake key seals one message.
constexpr std::uint64_t kOnlyPacket = 0;

Role other(Role role) { return role == Role::Dialer ? Role::Listener : Role::Dialer; }

const SecretBytes& seal_secret(const HandshakeKeys& keys, Role role) {
  return role == Role::Dialer ? keys.dialer_seal : keys.listener_seal;
}

const SecretBytes& mac_key(const HandshakeKeys& keys, Role role) {
  return role == Role::Dialer ? keys.dialer_mac : keys.listener_mac;
}

}  // namespace

HandshakeMachine::HandshakeMachine(HandshakeConfig config, RandomSource& random, Role role)
    : config_(std::move(config)), random_(&random), role_(role) {
  JETWAY_ASSERT(config_.identity != nullptr);
  JETWAY_ASSERT(!config_.suites.empty() && config_.suites.size() <= kOffersMax);
  JETWAY_ASSERT(!config_.versions.empty() && config_.versions.size() <= kOffersMax);
  JETWAY_ASSERT(config_.transport_parameters.size() <= kTransportParametersMaxBytes);
  JETWAY_ASSERT(config_.shared_secret == nullptr || config_.shared_secret->size() >= kSharedSecretMinBytes);
}

ByteView HandshakeMachine::shared_secret() const {
  return config_.shared_secret == nullptr ? ByteView{} : config_.shared_secret->view();
}

void HandshakeMachine::send(ByteView bytes) {
  transcript_.add(bytes);
  output_.insert(output_.end(), bytes.begin(), bytes.end());
}

std::size_t HandshakeMachine::sealed_proof_bytes(ByteView transport_parameters) const {
  const Identity& own = *config_.identity;
  return proof_bytes(transport_parameters, own.public_key().size(), own.signature_bytes()) + kTagBytes;
}

Bytes HandshakeMachine::seal_proof(Suite suite, const HandshakeKeys& keys,
                                   ByteView transport_parameters) const {
  const Identity& own = *config_.identity;
  const Hash256 transcript = transcript_.hash();
  const Bytes signature = own.sign(signature_input(role_, transcript));
  const Bytes plaintext = encode_proof(transport_parameters,
                                       {.public_key = own.public_key(),
                                        .signature = signature,
                                        .mac = identity_mac(mac_key(keys, role_), role_, own.public_key())});
  Bytes sealed(plaintext.size() + kTagBytes);
  const std::array parts = {ByteView{plaintext}};
  PacketKeys(suite, seal_secret(keys, role_)).seal(kOnlyPacket, transcript.view(), parts, sealed);
  return sealed;
}

std::expected<HandshakeMachine::Proven, HandshakeError> HandshakeMachine::open_proof(
    Suite suite, const HandshakeKeys& keys, ByteView sealed) const {
  const Role role = other(role_);
  const Hash256 transcript = transcript_.hash();
  Bytes memory = to_bytes(sealed);
  const auto plaintext =
      PacketKeys(suite, seal_secret(keys, role)).open(kOnlyPacket, transcript.view(), memory);
  if (!plaintext) {
    return refuse(HandshakeErrc::BadMac, "the handshake was tampered with, or the shared secrets differ");
  }
  const std::optional<DecodedProof> decoded = decode_proof(*plaintext);
  if (!decoded) return refuse(HandshakeErrc::Malformed, "the sealed part cannot be read");
  const IdentityProof& proof = decoded->proof;

  // A peer that shows our own key is a mirror of our own messages, or a copy of our key file.
  if (equal_bytes(proof.public_key, config_.identity->public_key())) {
    return refuse(HandshakeErrc::OwnIdentity, "the peer shows our own key");
  }
  std::expected<PublicKey, IdentityError> key = PublicKey::from_der(proof.public_key);
  if (!key) return refuse(HandshakeErrc::Malformed, "the peer's identity key cannot be read");
  const Hash256 mac = identity_mac(mac_key(keys, role), role, proof.public_key);
  if (!equal_in_constant_time(mac.view(), proof.mac.view())) {
    return refuse(HandshakeErrc::BadMac, "the peer's identity does not belong to this exchange");
  }
  if (!key->verify(signature_input(role, transcript), proof.signature)) {
    return refuse(HandshakeErrc::BadSignature, "the peer's signature is not good");
  }
  return Proven{*std::move(key), to_bytes(decoded->transport_parameters)};
}

void HandshakeMachine::open_packet_secrets(const HandshakeKeys& keys) {
  packet_secrets_ = {.suite = result_.suite,
                     .dialer = keys.dialer_packets.clone(),
                     .listener = keys.listener_packets.clone()};
}

void HandshakeMachine::complete(Proven peer, const HandshakeKeys& keys) {
  SessionSecrets secrets = derive_session_secrets(keys, transcript_.hash());
  const bool is_dialer = role_ == Role::Dialer;
  result_.peer = peer.key.peer_id();
  result_.peer_public_key = peer.key.der();
  result_.send_secret = std::move(is_dialer ? secrets.dialer : secrets.listener);
  result_.receive_secret = std::move(is_dialer ? secrets.listener : secrets.dialer);
  result_.exporter_secret = std::move(secrets.exporter);
  result_.resumption_secret = std::move(secrets.resumption);
}

}  // namespace jetway::crypto
