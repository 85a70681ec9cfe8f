#pragma once

#include <cstdint>
#include <vector>

#include "jetway/crypto/known_peers.h"

namespace jetway::node {

// Whose files a receiver takes. A peer has proved its identity when this is asked.
struct AdmissionPolicy {
  bool any = false;                  // --any: everybody
  std::vector<crypto::PeerId> only;  // --allow: these, and nobody else is asked about
  crypto::KnownPeers remembered;     // accepted by a person before
  bool can_ask = false;              // there is a person at a terminal
};

enum class Admission : std::uint8_t { Admit, Ask, Refuse };

Admission decide_admission(const AdmissionPolicy& policy, const crypto::PeerId& peer);

}  // namespace jetway::node
