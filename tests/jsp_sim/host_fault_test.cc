#include <gtest/gtest.h>

#include "tests/jsp_sim/jsp_pair.h"
#include "tests/sim/seed.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;
using By = session::CloseReason::By;

// What befalls the machine that a connection is on.
class HostFaultTest : public testing::Test {
 protected:
  static JspPairConfig make_config() {
    JspPairConfig config;
    config.seed = seed_from_environment(7);
    config.there = config.back = {.delay = 10ms, .rate = 12'500'000, .queue = {.limit_bytes = 500'000}};
    return config;
  }
  // Something goes on in both directions while `happen` comes in the middle of it.
  void expect_survival(const std::function<void()>& happen) {
    ASSERT_TRUE(pair.connect()) << pair.report();
    pair.network.after(50ms, happen);
    ASSERT_TRUE(pair.transfer_to_listener(2'000'000, 2min)) << pair.report();
    pair.network.after(50ms, happen);
    ASSERT_TRUE(pair.transfer_to_dialer(2'000'000, 2min)) << pair.report();
    EXPECT_TRUE(pair.close()) << pair.report();
  }
  By reason_of(const JspConnection& connection) {
    const auto* const reason = connection.close_reason();
    return reason == nullptr ? By::Us : reason->by;
  }

  JspPair pair{make_config()};
};

class SendErrorTest : public HostFaultTest, public testing::WithParamInterface<SendError> {};

TEST_P(SendErrorTest, OfTheDialerForAWhile) {
  expect_survival([&] { pair.dialer_machine.fail_sends(GetParam(), 300ms); });
}

TEST_P(SendErrorTest, OfTheListenerForAWhile) {
  expect_survival([&] { pair.listener_machine.fail_sends(GetParam(), 300ms); });
}

TEST_P(SendErrorTest, NowAndThenOnBothSides) {
  pair.dialer_machine.fail_sends_at_random(GetParam(), 0.02);
  pair.listener_machine.fail_sends_at_random(GetParam(), 0.02);
  expect_survival([] {});
}

std::string name_of(const testing::TestParamInfo<SendError>& parameter) {
  constexpr std::array kNames = {"WouldBlock", "NoBufferSpace", "TooLarge", "NotPermitted", "Unreachable"};
  return kNames.at(static_cast<std::size_t>(parameter.param));
}

INSTANTIATE_TEST_SUITE_P(All, SendErrorTest,
                         testing::Values(SendError::WouldBlock, SendError::NoBufferSpace,
                                         SendError::NotPermitted, SendError::Unreachable),
                         name_of);

TEST_F(HostFaultTest, AnInterfaceThatIsDownForASecondCostsASecond) {
  expect_survival([&] {
    pair.dialer_machine.set_interface_up(0, false);
    pair.network.after(1s, [&] { pair.dialer_machine.set_interface_up(0, true); });
  });
}

TEST_F(HostFaultTest, AnInterfaceThatStaysDownEndsInTheIdleTimeout) {
  ASSERT_TRUE(pair.connect());
  pair.dialer_machine.set_interface_up(0, false);
  EXPECT_TRUE(pair.run_until([&] { return pair.is_over(); }, 10min)) << pair.report();
  EXPECT_EQ(reason_of(pair.dialer()), By::IdleTimeout);
  EXPECT_EQ(reason_of(pair.listener()), By::IdleTimeout);
}

TEST_F(HostFaultTest, ShortSleepIsSurvived) {
  expect_survival([&] { pair.dialer_machine.suspend(5s); });
}

TEST_F(HostFaultTest, ShortSleepWithAStoppedClockIsSurvived) {
  expect_survival([&] { pair.listener_machine.suspend(5s, SleepingClock::Stops); });
}

TEST_F(HostFaultTest, AnHourOfSleepEndsTheConnectionOnBothSides) {
  for (const SleepingClock clock : {SleepingClock::Runs, SleepingClock::Stops}) {
    ASSERT_TRUE(pair.connect());
    pair.dialer_machine.suspend(1h, clock);
    EXPECT_TRUE(pair.run_until([&] { return pair.listener().is_over(); }, 10min)) << pair.report();
    EXPECT_EQ(reason_of(pair.listener()), By::IdleTimeout);
    EXPECT_TRUE(pair.run_until([&] { return pair.is_over(); }, 2h)) << pair.report();
    EXPECT_NE(reason_of(pair.dialer()), By::Us);
  }
}

TEST_F(HostFaultTest, ADialerWhoseClockIsDaysOffConnects) {
  for (const auto error : {-72h, 72h}) {
    pair.dialer_machine.jump_wall_clock(error);
    ASSERT_TRUE(pair.connect()) << pair.report();
    EXPECT_TRUE(pair.close()) << pair.report();
  }
}

TEST_F(HostFaultTest, AWallClockThatJumpsIsNotNoticed) {
  expect_survival([&] {
    pair.dialer_machine.jump_wall_clock(-24h);
    pair.listener_machine.jump_wall_clock(365 * 24h);
  });
}

TEST_F(HostFaultTest, AnEngineClockThatJumpsASecondCostsLittle) {
  expect_survival([&] {
    pair.dialer_machine.jump_engine_clock(1s);
    pair.listener_machine.jump_engine_clock(2s);
  });
}

// Goal: EMSGSIZE is taken for what it is.
// Method: the interface's MTU shrinks in the middle of a transfer.
TEST_F(HostFaultTest, AnMtuThatShrinksUnderTheConnectionIsFollowed) {
  expect_survival([&] {
    LinkConfig link = pair.links.front().there.config();
    link.mtu = 1300;
    pair.links.front().there.reconfigure(link);
  });
}

TEST_F(HostFaultTest, AListenerThatStartedAnewSaysSo) {
  ASSERT_TRUE(pair.connect());
  pair.listener_host.restart();
  pair.dialer_host.command(pair.dialer(),
                           [](Now now, jsp::Connection& engine) { engine.session().ping(now.engine); });
  EXPECT_TRUE(pair.run_until([&] { return pair.dialer().is_over(); }, 1min)) << pair.report();
  EXPECT_LT(pair.network.elapsed(), 10s);
}

TEST_F(HostFaultTest, ADialerThatVanishesIsForgotten) {
  ASSERT_TRUE(pair.connect());
  pair.dialer_host.restart();
  EXPECT_TRUE(pair.run_until([&] { return pair.is_over(); }, 10min)) << pair.report();
  EXPECT_EQ(reason_of(pair.listener()), By::IdleTimeout);
}

}  // namespace
}  // namespace jetway::sim
