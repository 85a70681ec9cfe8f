#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "jetway/jsp/frame.h"
#include "jetway/jsp/types.h"

namespace jetway::jsp {

// Testing ─TestSent→ Unknown ─Validated→ Capable      Validated also leads from Testing to Capable,
// Unanswered
//    └──────────────────┴─────Failed──────┴─→ Off     from both to Unknown, Failed from all three to Off
enum class EcnState : std::uint8_t { Testing, Unknown, Capable, Off };
enum class EcnEvent : std::uint8_t { TestSent, Unanswered, Validated, Failed };

// Events that change nothing lead to where we are: acknowledgements keep validating what is known.
constexpr EcnState next(EcnState from, EcnEvent event) {
  if (from == EcnState::Off) return EcnState::Off;
  switch (event) {
    case EcnEvent::TestSent:
      return from == EcnState::Testing ? EcnState::Unknown : from;
    case EcnEvent::Unanswered:
      return EcnState::Unknown;
    case EcnEvent::Validated:
      return EcnState::Capable;
    case EcnEvent::Failed:
      return EcnState::Off;
  }
  return from;
}

// Whether one path carries ECN marks there and tells of them back (RFC 9000 section 13.4.2, appendix A.4).
class EcnValidation {
 public:
  explicit EcnValidation(bool is_enabled) : is_enabled_(is_enabled) { restart(); }

  EcnState state() const { return state_; }
  // Another path (RFC 9000 section 13.4.2): tested anew, while the peer's counts go on.
  void restart();
  // Ect0 or NotCapable.
  Ecn to_send() const {
    return state_ == EcnState::Testing || state_ == EcnState::Capable ? Ecn::Ect0 : Ecn::NotCapable;
  }

  void on_packet_sent(PacketSpace space, Ecn ecn);
  // It may be the marks that keep everything from arriving: no more of them until one has arrived. Where they
  // did before, it takes two timeouts in a row.
  void on_probe_timeout(std::uint32_t in_a_row) {
    if (state_ != EcnState::Capable || in_a_row > 1) state_ = next(state_, EcnEvent::Unanswered);
  }
  // What nobody has answered in the handshake says little of the packets after it: one more test.
  void on_handshake_confirmed() {
    if (state_ == EcnState::Unknown) restart();
  }
  void on_packet_lost(Ecn ecn);
  // An ACK that acknowledged so many packets anew that were sent with Ect0. Returns how many more packets it
  // reports as marked by the network.
  std::uint64_t on_ack(PacketSpace space, std::uint64_t newly_acked_ect0,
                       const std::optional<EcnCounts>& counts, bool raises_largest);

 private:
  struct Counts {
    std::uint64_t sent_ect0 = 0;
    EcnCounts reported;
  };

  bool is_consistent(const Counts& known, std::uint64_t newly_acked_ect0, const EcnCounts& counts) const;

  bool is_enabled_;
  EcnState state_ = EcnState::Off;
  std::uint32_t test_sent_ = 0;
  std::uint32_t test_lost_ = 0;
  std::array<Counts, kPacketSpaces> spaces_;
};

}  // namespace jetway::jsp
