#pragma once

#include <cstdint>

#include "jetway/base/bytes.h"
#include "jetway/crypto/hash.h"
#include "jetway/crypto/init_filter.h"
#include "jetway/crypto/secret.h"

namespace jetway::crypto {

// What the messages of a handshake turn into (docs/protocol/handshake.md section 5).

enum class Role : std::uint8_t { Dialer = 1, Listener = 2 };

// SHA-256 over all messages as they were received or sent, headers included.
class Transcript {
 public:
  // The Init that follows answers a Retry: the hash of the Init before it and the Retry come in front. Both
  // ends make them from the cookie, since a listener keeps neither.
  void begin_after_retry(const Cookie& cookie);
  void add(ByteView bytes) { hash_.update(bytes); }
  Hash256 hash() const { return hash_.finish(); }

 private:
  Sha256 hash_;
};

// For the sealed parts of Response and Confirm.
struct HandshakeKeys {
  SecretBytes dialer_seal;  // traffic secrets, for PacketKeys
  SecretBytes listener_seal;
  SecretBytes dialer_packets;  // likewise, for the packets that carry Confirm over datagrams
  SecretBytes listener_packets;
  SecretBytes dialer_mac;
  SecretBytes listener_mac;
  SecretBytes main;  // where the secrets of the session come from
};

// `shared_secret` may be empty; `transcript` ends with the clear part of Response.
HandshakeKeys derive_handshake_keys(ByteView shared_secret, const SecretBytes& hybrid_secret,
                                    const Hash256& transcript);

struct SessionSecrets {
  SecretBytes dialer;  // what the dialer seals with
  SecretBytes listener;
  SecretBytes exporter;
  SecretBytes resumption;  // where the secrets of tickets come from
};

// `transcript` ends with Confirm.
SessionSecrets derive_session_secrets(const HandshakeKeys& keys, const Hash256& transcript);

// Of the secret of a ticket (docs/protocol/handshake.md section 9). The binder shows that whoever made an
// Init has it; `init_prefix` is the hash of that Init up to the binder, `init` that of all of it.
Hash256 ticket_binder(const SecretBytes& ticket_secret, const Hash256& init_prefix);
SecretBytes derive_early_traffic(const SecretBytes& ticket_secret, const Hash256& init);

// What an identity signs: a context that no other protocol signs, the role, the transcript.
Bytes signature_input(Role role, const Hash256& transcript);

// That the owner of `public_key` takes part in this very exchange; without it a stranger could put his own
// signature into it (SIGMA).
Hash256 identity_mac(const SecretBytes& mac_key, Role role, ByteView public_key);

}  // namespace jetway::crypto
