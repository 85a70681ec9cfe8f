#include <gtest/gtest.h>

#include "tests/jsp_sim/jsp_pair.h"
#include "tests/sim/seed.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;

LinkConfig fast_link() { return {.delay = 10ms, .rate = 12'500'000, .queue = {.limit_bytes = 500'000}}; }

// A dialer with two addresses, from each of which a way leads to the listener.
class SeveralPathsTest : public testing::Test {
 protected:
  // Connected over the first, with the second opened and validated.
  bool make(const JspPairConfig& config, const LinkConfig& first, const LinkConfig& other) {
    if (!connect(config, first, other)) return false;
    open_second();
    return run_until_both_work();
  }
  bool make(const LinkConfig& first = fast_link(), const LinkConfig& other = fast_link()) {
    return make({}, first, other);
  }
  bool connect(JspPairConfig config, const LinkConfig& first, const LinkConfig& other) {
    config.seed = seed_from_environment(7);
    config.there = config.back = first;
    config.more_paths = {{other, other}};
    pair.emplace(config);
    if (!pair->connect()) return false;
    pair->run_for(1s);
    return true;
  }
  void open_second() {
    pair->dialer_host.command(pair->dialer(), [this](Now now, jsp::Connection& engine) {
      second = engine.open_path(now, JspPair::dialer_address(1), JspPair::kListener);
    });
    EXPECT_TRUE(second);
  }
  bool run_until_both_work() {
    const auto is_done = [](JspConnection& end) {
      const auto paths = end.engine().paths();
      return paths.size() == 2 && paths[0].is_validated && paths[1].is_validated;
    };
    return pair->run_until([&] { return is_done(pair->dialer()) && is_done(pair->listener()); });
  }
  void set_up(std::size_t link, bool is_up) {
    pair->links.at(link).there.set_up(is_up);
    pair->links.at(link).back.set_up(is_up);
  }

  std::optional<JspPair> pair;
  std::optional<jsp::PathId> second;
};

// ---- opening ----

// Goal: an unauthenticated packet leaves nothing behind, although it bears the ID of a path that may be
// opened. Method: the first packet of the second path is held back, and a forgery of it arrives instead.
TEST_F(SeveralPathsTest, AForgedPacketOpensNoPath) {
  ASSERT_TRUE(connect({}, fast_link(), fast_link())) << pair->report();
  std::size_t forgeries = 0;
  pair->links[1].there.set_tap([&](TimePoint, Packet& packet) {
    if (forgeries > 0) return TapVerdict::Pass;
    ++forgeries;
    Bytes forged = to_bytes(packet.bytes());
    forged.back() ^= std::byte{1};
    pair->network.inject(packet.source, packet.destination, forged);
    return TapVerdict::Drop;
  });
  open_second();
  pair->run_for(20ms);
  EXPECT_EQ(forgeries, 1U);
  EXPECT_EQ(pair->listener().engine().paths().size(), 1U);
  EXPECT_TRUE(run_until_both_work()) << pair->report();
}

// ---- silence ----

TEST_F(SeveralPathsTest, ASecondPathTakesOverWhenTheFirstIsCut) {
  ASSERT_TRUE(make()) << pair->report();
  pair->network.after(100ms, [&] { set_up(0, false); });
  EXPECT_TRUE(pair->transfer_to_listener(5'000'000, 10s)) << pair->report();
  EXPECT_TRUE(pair->transfer_to_dialer(2'000'000, 10s)) << pair->report();
  EXPECT_TRUE(pair->close()) << pair->report();
}

// Goal: suspicion against a path is for as long as another one works.
// Method: the first path goes silent; the second is given up; the first comes back when nobody challenges it.
TEST_F(SeveralPathsTest, ThePathThatIsLeftIsUsedAlthoughItWasSilent) {
  ASSERT_TRUE(make()) << pair->report();
  set_up(0, false);
  EXPECT_TRUE(pair->transfer_to_listener(100'000, 10s)) << pair->report();
  pair->dialer_host.command(pair->dialer(),
                            [&](Now now, jsp::Connection& engine) { engine.abandon_path(now, *second); });
  pair->network.after(40s, [&] { set_up(0, true); });
  EXPECT_TRUE(pair->transfer_to_listener(100'000, 50s)) << pair->report();
  EXPECT_TRUE(pair->transfer_to_dialer(100'000, 10s)) << pair->report();
}

// Goal: of two paths that are both silent none is given up, whichever of them comes back.
TEST_F(SeveralPathsTest, AfterALongOutageOfBothEitherMayComeBack) {
  for (const std::size_t back : {0U, 1U}) {
    ASSERT_TRUE(make()) << pair->report();
    set_up(0, false);
    EXPECT_TRUE(pair->transfer_to_listener(100'000, 10s)) << pair->report();
    set_up(1, false);
    pair->network.after(45s, [&] { set_up(back, true); });
    EXPECT_TRUE(pair->transfer_to_listener(100'000, 51s)) << back << pair->report();
  }
}

// ---- what they carry ----

TEST_F(SeveralPathsTest, TwoPathsCarryMoreThanOne) {
  const LinkConfig link = {.delay = 20ms, .rate = 1'250'000, .queue = {.limit_bytes = 50'000}};
  JspPairConfig config;
  config.dialer.schedule = config.listener.schedule = jsp::PathSchedule::Aggregate;
  ASSERT_TRUE(make(config, link, link)) << pair->report();
  const Duration start = pair->network.elapsed();
  EXPECT_TRUE(pair->transfer_to_listener(10'000'000)) << pair->report();
  const double seconds = std::chrono::duration<double>(pair->network.elapsed() - start).count();
  EXPECT_GT(10'000'000 / seconds, 1.6 * 1'250'000);
}

// Goal: packets of the dialer that are on their way over a path which the listener gives up are not taken for
// those of a connection that is lost.
TEST_F(SeveralPathsTest, AListenerMayGiveAPathUpInTheMiddle) {
  ASSERT_TRUE(make()) << pair->report();
  pair->run_for(1s);
  pair->network.after(50ms, [&] {
    pair->listener_host.command(pair->listener(),
                                [](Now now, jsp::Connection& engine) { engine.abandon_path(now, 0); });
  });
  EXPECT_TRUE(pair->transfer_to_listener(2'000'000)) << pair->report();
  EXPECT_EQ(pair->listener_host.endpoint().statistics().resets_sent, 0U);
  EXPECT_EQ(pair->dialer().engine().paths().size(), 1U);
  EXPECT_TRUE(pair->close()) << pair->report();
}

// Goal: what goes over both paths to be sure is used once.
TEST_F(SeveralPathsTest, ADatagramBesideWhatIsSentTwiceArrivesOnce) {
  JspPairConfig config;
  config.dialer.schedule = jsp::PathSchedule::Redundant;
  ASSERT_TRUE(make(config, fast_link(), fast_link())) << pair->report();
  std::optional<session::StreamId> stream;
  pair->dialer_host.command(pair->dialer(), [&](Now, jsp::Connection& engine) {
    stream = engine.session()
                 .open_stream(session::Direction::OneWay, {.priority = session::Priority::System})
                 .value();
  });
  pair->run_for(1s);
  for (int i = 0; i < 20; ++i) {
    pair->dialer_host.command(pair->dialer(), [&](Now, jsp::Connection& engine) {
      const Bytes piece(100);
      EXPECT_TRUE(engine.session().write(*stream, ByteView{piece}));
      EXPECT_TRUE(engine.session().send_datagram(Bytes(100)));
    });
    pair->run_for(20ms);
  }
  pair->run_for(1s);
  EXPECT_EQ(pair->listener().count<session::DatagramReceived>(), 20U);
}

}  // namespace
}  // namespace jetway::sim
