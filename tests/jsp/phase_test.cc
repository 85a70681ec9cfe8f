#include "jetway/jsp/phase.h"

#include <array>

#include <gtest/gtest.h>

namespace jetway::jsp {
namespace {

// Goal: the table is exactly the diagram.
// Method: every state with every event.
TEST(JspPhaseTest, EveryPairIsAsTheDiagramSays) {
  using enum Phase;
  constexpr std::array kPhases = {Handshaking, AwaitingAdmission, Open, Closing, Lingering, Closed};
  constexpr std::array kEvents = {PhaseEvent::Authenticated, PhaseEvent::Admitted, PhaseEvent::Close,
                                  PhaseEvent::CloseSent,     PhaseEvent::Expired,  PhaseEvent::Lost};
  constexpr std::optional<Phase> kNone;
  const std::optional<Phase> expected[kPhases.size()][kEvents.size()] = {
      {AwaitingAdmission, kNone, Closing, kNone, kNone, Closed},
      {kNone, Open, Closing, kNone, kNone, Closed},
      {kNone, kNone, Closing, kNone, kNone, Closed},
      {kNone, kNone, kNone, Lingering, kNone, Closed},
      {kNone, kNone, kNone, kNone, Closed, Closed},
      {kNone, kNone, kNone, kNone, kNone, kNone},
  };
  for (std::size_t phase = 0; phase < kPhases.size(); ++phase) {
    for (std::size_t event = 0; event < kEvents.size(); ++event) {
      EXPECT_EQ(next(kPhases[phase], kEvents[event]), expected[phase][event]) << phase << " " << event;
    }
  }
}

}  // namespace
}  // namespace jetway::jsp
