#include "jetway/crypto/handshake_keys.h"

#include <array>
#include <string_view>

#include "jetway/crypto/handshake_messages.h"
#include "jetway/crypto/hkdf.h"

namespace jetway::crypto {

namespace {

constexpr std::string_view kProtocolLabel = "jetway handshake 1";
constexpr std::string_view kEarlyLabel = "jetway early 1";
constexpr std::string_view kSignatureContext = "jetway handshake 1 signature";
constexpr std::string_view kMacContext = "jetway handshake 1 identity";
// Of the pseudo message that stands for an Init which its listener has not kept; no real one has it.
constexpr std::array kHashOfInitHeader = {std::byte{0xfe}, std::byte{0}, std::byte{0}, std::byte{kHashBytes}};

std::array<std::byte, 1> byte_of(Role role) { return {static_cast<std::byte>(role)}; }

}  // namespace

void Transcript::begin_after_retry(const Cookie& cookie) {
  hash_ = Sha256();
  hash_.update(kHashOfInitHeader);
  hash_.update(cookie.first_init.view());
  hash_.update(encode_retry(cookie));
}

HandshakeKeys derive_handshake_keys(ByteView shared_secret, const SecretBytes& hybrid_secret,
                                    const Hash256& transcript) {
  const auto derive = [&](const SecretBytes& from, std::string_view label) {
    return hkdf_expand_label(from, label, transcript.view(), kHashBytes);
  };
  const SecretBytes early = hkdf_extract(as_bytes(kProtocolLabel), shared_secret);
  const SecretBytes salt = derive(early, "derived");
  const SecretBytes secret = hkdf_extract(salt.view(), hybrid_secret.view());
  return {.dialer_seal = derive(secret, "dialer handshake"),
          .listener_seal = derive(secret, "listener handshake"),
          .dialer_packets = derive(secret, "dialer handshake packets"),
          .listener_packets = derive(secret, "listener handshake packets"),
          .dialer_mac = derive(secret, "dialer mac"),
          .listener_mac = derive(secret, "listener mac"),
          .main = derive(secret, "main")};
}

SessionSecrets derive_session_secrets(const HandshakeKeys& keys, const Hash256& transcript) {
  const auto derive = [&](std::string_view label) {
    return hkdf_expand_label(keys.main, label, transcript.view(), kHashBytes);
  };
  return {.dialer = derive("dialer traffic"),
          .listener = derive("listener traffic"),
          .exporter = derive("exporter"),
          .resumption = derive("resumption")};
}

Hash256 ticket_binder(const SecretBytes& ticket_secret, const Hash256& init_prefix) {
  const SecretBytes early = hkdf_extract(as_bytes(kEarlyLabel), ticket_secret.view());
  return hmac_sha256(hkdf_expand_label(early, "binder", {}, kHashBytes).view(), {init_prefix.view()});
}

SecretBytes derive_early_traffic(const SecretBytes& ticket_secret, const Hash256& init) {
  const SecretBytes early = hkdf_extract(as_bytes(kEarlyLabel), ticket_secret.view());
  return hkdf_expand_label(early, "early traffic", init.view(), kHashBytes);
}

Bytes signature_input(Role role, const Hash256& transcript) {
  Bytes input = to_bytes(kSignatureContext);
  input.push_back(std::byte{0});
  input.push_back(byte_of(role).front());
  input.insert(input.end(), transcript.bytes.begin(), transcript.bytes.end());
  return input;
}

Hash256 identity_mac(const SecretBytes& mac_key, Role role, ByteView public_key) {
  return hmac_sha256(mac_key.view(), {as_bytes(kMacContext), byte_of(role), public_key});
}

}  // namespace jetway::crypto
