#include "jetway/node/admission.h"

#include <algorithm>

namespace jetway::node {

Admission decide_admission(const AdmissionPolicy& policy, const crypto::PeerId& peer) {
  if (policy.any || std::ranges::contains(policy.only, peer)) return Admission::Admit;
  if (!policy.only.empty()) return Admission::Refuse;
  if (policy.remembered.is_known(peer)) return Admission::Admit;
  return policy.can_ask ? Admission::Ask : Admission::Refuse;
}

}  // namespace jetway::node
