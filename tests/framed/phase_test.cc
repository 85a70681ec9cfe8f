#include "jetway/framed/phase.h"

#include <array>

#include <gtest/gtest.h>

namespace jetway::framed {
namespace {

using Row = std::array<std::optional<Phase>, 5>;  // by event: Authenticated, Admitted, Close, CloseSent, Lost

constexpr auto kNone = std::optional<Phase>{};

// docs/protocol/packet.md, the table of phases.
constexpr std::array<Row, 5> kTable = {
    Row{Phase::AwaitingAdmission, kNone, Phase::Closing, kNone, Phase::Closed},  // Handshaking
    Row{kNone, Phase::Open, Phase::Closing, kNone, Phase::Closed},               // AwaitingAdmission
    Row{kNone, kNone, Phase::Closing, kNone, Phase::Closed},                     // Open
    Row{kNone, kNone, kNone, Phase::Closed, Phase::Closed},                      // Closing
    Row{kNone, kNone, kNone, kNone, kNone},                                      // Closed
};

TEST(PhaseTest, EveryPairOfPhaseAndEventIsAsTheTableSays) {
  for (std::size_t phase = 0; phase < kTable.size(); ++phase) {
    for (std::size_t event = 0; event < kTable[phase].size(); ++event) {
      EXPECT_EQ(next(static_cast<Phase>(phase), static_cast<PhaseEvent>(event)), kTable[phase][event])
          << "phase " << phase << " event " << event;
    }
  }
}

}  // namespace
}  // namespace jetway::framed
