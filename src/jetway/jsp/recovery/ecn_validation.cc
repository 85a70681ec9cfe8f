#include "jetway/jsp/recovery/ecn_validation.h"

namespace jetway::jsp {
namespace {

constexpr std::uint32_t kEcnTestPackets = 10;  // RFC 9000 appendix A.4

}  // namespace

void EcnValidation::restart() {
  state_ = is_enabled_ ? EcnState::Testing : EcnState::Off;
  test_sent_ = test_lost_ = 0;
}

void EcnValidation::on_packet_sent(PacketSpace space, Ecn ecn) {
  if (ecn != Ecn::Ect0) return;
  ++spaces_[static_cast<std::size_t>(space)].sent_ect0;
  if (state_ == EcnState::Testing && ++test_sent_ == kEcnTestPackets)
    state_ = next(state_, EcnEvent::TestSent);
}

// A network that drops what is marked looks as if it dropped everything.
void EcnValidation::on_packet_lost(Ecn ecn) {
  if (ecn != Ecn::Ect0 || (state_ != EcnState::Testing && state_ != EcnState::Unknown)) return;
  if (++test_lost_ == kEcnTestPackets) state_ = next(state_, EcnEvent::Failed);
}

// RFC 9000 section 13.4.2.1.
bool EcnValidation::is_consistent(const Counts& known, std::uint64_t newly_acked_ect0,
                                  const EcnCounts& counts) const {
  const EcnCounts& before = known.reported;
  if (counts.ect1 > 0) return false;  // which we never send
  if (counts.ect0 < before.ect0 || counts.congestion_experienced < before.congestion_experienced)
    return false;
  if (counts.ect0 > known.sent_ect0 || counts.congestion_experienced > known.sent_ect0 - counts.ect0) {
    return false;
  }
  const std::uint64_t more =
      (counts.ect0 - before.ect0) + (counts.congestion_experienced - before.congestion_experienced);
  return more >= newly_acked_ect0;
}

std::uint64_t EcnValidation::on_ack(PacketSpace space, std::uint64_t newly_acked_ect0,
                                    const std::optional<EcnCounts>& counts, bool raises_largest) {
  if (state_ == EcnState::Off) return 0;
  Counts& known = spaces_[static_cast<std::size_t>(space)];
  if (!counts) {
    if (newly_acked_ect0 > 0) state_ = next(state_, EcnEvent::Failed);
    return 0;
  }
  // An ACK that was overtaken has old counts.
  if (!raises_largest) return 0;
  if (!is_consistent(known, newly_acked_ect0, *counts)) {
    state_ = next(state_, EcnEvent::Failed);
    return 0;
  }
  const std::uint64_t marked = counts->congestion_experienced - known.reported.congestion_experienced;
  known.reported = *counts;
  if (newly_acked_ect0 > 0) state_ = next(state_, EcnEvent::Validated);
  return marked;
}

}  // namespace jetway::jsp
