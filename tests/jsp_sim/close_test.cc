#include <gtest/gtest.h>

#include "tests/jsp_sim/jsp_pair.h"
#include "tests/sim/seed.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;

// Whoever is left is told, even where the network is bad just then (docs/protocol/jsp.md section 4.7).
class CloseTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kCode = 42;

  void make(const LinkConfig& there, const LinkConfig& back) {
    JspPairConfig config;
    config.seed = seed_from_environment(7);
    config.there = there;
    config.back = back;
    pair.emplace(config);
  }
  void close_from_dialer() {
    pair->dialer_host.command(pair->dialer(),
                              [](Now now, jsp::Connection& engine) { engine.close(now, kCode, "enough"); });
  }
  bool is_listener_told() {
    const session::CloseReason* const reason = pair->listener().close_reason();
    return reason != nullptr && reason->by == session::CloseReason::By::Peer && reason->code == kCode;
  }
  bool is_forgotten_by_dialer() { return pair->dialer_host.endpoint().statistics().connections == 0; }

  std::optional<JspPair> pair;
};

TEST_F(CloseTest, IsHeardThroughABurstOfLossesThatIsLongerThanThreeProbeTimeouts) {
  make({.delay = 1ms}, {.delay = 1ms});
  ASSERT_TRUE(pair->connect()) << pair->report();
  pair->run_for(1s);
  pair->links.front().there.set_up(false);
  close_from_dialer();
  pair->run_for(1s);
  pair->links.front().there.set_up(true);
  EXPECT_TRUE(pair->run_until([&] { return pair->is_over(); }, 3s)) << pair->report();
  EXPECT_TRUE(is_listener_told()) << pair->report();
}

TEST_F(CloseTest, IsHeardWhereMarkedPacketsAreDropped) {
  make({.delay = 1ms, .ecn = EcnTreatment::DropCapable}, {.delay = 1ms});
  ASSERT_TRUE(pair->connect()) << pair->report();
  close_from_dialer();
  EXPECT_TRUE(pair->run_until([&] { return pair->is_over(); }, 3s)) << pair->report();
  EXPECT_TRUE(is_listener_told()) << pair->report();
}

// Goal: a peer that is there but takes nothing is told all the same.
TEST_F(CloseTest, IsHeardByAPeerThatDoesNotReadWhatWasWritten) {
  make({.delay = 1ms}, {.delay = 1ms});
  ASSERT_TRUE(pair->connect()) << pair->report();
  pair->dialer_host.command(pair->dialer(), [](Now, jsp::Connection& engine) {
    const auto id = engine.session().open_stream(session::Direction::OneWay).value();
    const Bytes piece(100'000);
    while (engine.session().write(id, ByteView{piece}).value() > 0) {
    }
  });
  pair->run_for(1s);
  close_from_dialer();
  EXPECT_TRUE(pair->run_until([&] { return pair->is_over(); }, 5s)) << pair->report();
  EXPECT_TRUE(is_listener_told()) << pair->report();
}

TEST_F(CloseTest, NobodyWaitsLongForAnAnswerThatWasLost) {
  make({.delay = 1ms}, {.delay = 1ms});
  ASSERT_TRUE(pair->connect()) << pair->report();
  pair->run_for(1s);
  pair->links.front().back.drop_next(1);
  close_from_dialer();
  EXPECT_TRUE(pair->run_until([&] { return is_forgotten_by_dialer(); }, 200ms)) << pair->report();
  EXPECT_TRUE(is_listener_told()) << pair->report();
}

TEST_F(CloseTest, WithNobodyThereIsOverAfterAFewSeconds) {
  make({.delay = 1ms}, {.delay = 1ms});
  ASSERT_TRUE(pair->connect()) << pair->report();
  pair->run_for(1s);
  pair->links.front().there.set_up(false);
  const std::uint64_t sent = pair->dialer_machine.statistics().datagrams_sent;
  close_from_dialer();
  EXPECT_TRUE(pair->run_until([&] { return is_forgotten_by_dialer(); }, 4s)) << pair->report();
  EXPECT_LE(pair->dialer_machine.statistics().datagrams_sent - sent, 10U);
}

}  // namespace
}  // namespace jetway::sim
