#include <gtest/gtest.h>

#include "tests/jsp_sim/jsp_pair.h"
#include "tests/jsp_sim/pattern.h"
#include "tests/sim/seed.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;
using jsp::PathSchedule;

LinkConfig fast_link() { return {.delay = 10ms, .rate = 12'500'000, .queue = {.limit_bytes = 500'000}}; }

// What a reader has got, in order.
struct Delivered {
  std::uint64_t bytes = 0;
  bool is_intact = true;
  std::optional<TimePoint> last;
  Duration longest_gap{0};
};

// Reads one stream with the test pattern, and notes when nothing came.
class WatchfulReader final : public JspApplication {
 public:
  explicit WatchfulReader(Delivered& delivered) : delivered_(delivered) {}

  void handle_event(const Now&, JspConnection&, const session::EngineEvent&) override {}
  void handle_event(const Now&, JspConnection&, const session::Event& event) override {
    if (const auto* const readable = std::get_if<session::StreamReadable>(&event)) readable_ = readable->id;
  }
  bool act(const Now& now, JspConnection& connection) override {
    if (!readable_ || connection.session().is_closed()) return false;
    while (true) {
      const auto result = connection.session().read(*readable_, buffer_);
      if (!result || result->is_nothing()) break;
      const ByteView got = ByteView{buffer_}.first(result->bytes);
      delivered_.is_intact &= match_pattern(*readable_, delivered_.bytes, got) == got.size();
      delivered_.bytes += got.size();
      if (delivered_.last)
        delivered_.longest_gap = std::max(delivered_.longest_gap, now.engine - *delivered_.last);
      delivered_.last = now.engine;
    }
    readable_.reset();
    return true;
  }
  std::optional<TimePoint> next_action() override { return std::nullopt; }

 private:
  Delivered& delivered_;
  std::optional<session::StreamId> readable_;
  Bytes buffer_ = Bytes(256 * 1024);
};

// Writes the test pattern for ever.
class PatternSender final : public JspApplication {
 public:
  void handle_event(const Now&, JspConnection&, const session::EngineEvent&) override {}
  void handle_event(const Now&, JspConnection&, const session::Event& event) override {
    if (std::holds_alternative<session::StreamWritable>(event)) is_full_ = false;
  }
  bool act(const Now&, JspConnection& connection) override {
    if (is_full_ || connection.session().is_closed()) return false;
    if (!stream_) stream_ = connection.session().open_stream(session::Direction::OneWay).value();
    while (!is_full_) {
      fill_pattern(*stream_, written_, buffer_);
      const std::size_t taken = connection.session().write(*stream_, buffer_).value_or(0);
      written_ += taken;
      is_full_ = taken < buffer_.size();
    }
    return true;
  }
  std::optional<TimePoint> next_action() override { return std::nullopt; }

 private:
  std::optional<session::StreamId> stream_;
  std::uint64_t written_ = 0;
  Bytes buffer_ = Bytes(16 * 1024);
  bool is_full_ = false;
};

JspPairConfig schedule(PathSchedule schedule) {
  JspPairConfig config;
  config.dialer.schedule = config.listener.schedule = schedule;
  return config;
}

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
  // One stream, for as long as the test lasts.
  void start_bulk() {
    delivered = {};
    pair->listener().application = std::make_unique<WatchfulReader>(delivered);
    pair->dialer().application = std::make_unique<PatternSender>();
    pair->dialer_host.command(pair->dialer(), [](Now, jsp::Connection&) {});
  }
  Duration time_of_transfer(std::size_t bytes) {
    const Duration start = pair->network.elapsed();
    EXPECT_TRUE(pair->transfer_to_listener(bytes)) << pair->report();
    return pair->network.elapsed() - start;
  }

  Delivered delivered;
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

// Goal: when the system says that an address is gone nobody waits for a timer, and the path is given up when
// it stays so.
TEST_F(SeveralPathsTest, APathWhoseAddressVanishesIsLeftAtOnce) {
  ASSERT_TRUE(make()) << pair->report();
  pair->network.after(100ms, [&] {
    set_up(0, false);
    pair->dialer_host.command(pair->dialer(), [](Now now, jsp::Connection& engine) {
      engine.handle_unreachable(now, JspPair::dialer_address(0), JspPair::kListener);
      EXPECT_EQ(engine.paths().front().state, jsp::PathState::Silent);
      engine.handle_unreachable(now, JspPair::dialer_address(1), JspPair::kListener);
      EXPECT_EQ(engine.paths().back().state, jsp::PathState::Ready) << "the last is not given up";
    });
  });
  EXPECT_TRUE(pair->transfer_to_listener(5'000'000, 5s)) << pair->report();
  pair->run_for(35s);
  EXPECT_EQ(pair->dialer().engine().paths().size(), 1U);
  ASSERT_EQ(pair->dialer().engine().former_paths().size(), 1U);
  EXPECT_EQ(pair->dialer().engine().former_paths().front().state, jsp::PathState::GivenUp);
}

// ---- what they carry ----

// Bytes a second; delays are one way.
LinkConfig link(Duration delay, std::uint64_t rate) {
  return {.delay = delay, .rate = rate, .queue = {.limit_bytes = 400'000}};
}
constexpr std::uint64_t kWide = 6'250'000;
constexpr std::uint64_t kMedium = 2'500'000;
constexpr std::uint64_t kNarrow = 1'250'000;

TEST_F(SeveralPathsTest, TwoPathsOfFiftyMegabitCarryNinety) {
  ASSERT_TRUE(make(schedule(PathSchedule::Aggregate), link(20ms, kWide), link(20ms, kWide)));
  start_bulk();
  pair->run_for(4s);  // both have looked for more once
  const std::uint64_t before = delivered.bytes;
  pair->run_for(2s);
  EXPECT_GT(8 * (delivered.bytes - before) / 2, 90'000'000U) << pair->report();
}

// Goal: with one path cut nothing is lost, and the stream goes on within three round trips.
TEST_F(SeveralPathsTest, WithOneOfTwoCutDeliveryGoesOnWithinThreeRoundTrips) {
  for (const Duration delay : {20ms, 50ms}) {
    for (const std::size_t cut : {0U, 1U}) {
      ASSERT_TRUE(make(schedule(PathSchedule::Aggregate), link(delay, kMedium), link(delay, kMedium)));
      start_bulk();
      pair->run_for(3s);
      set_up(cut, false);
      delivered.longest_gap = 0ms;
      pair->run_for(1s);
      EXPECT_LT(delivered.longest_gap, 6 * delay) << cut;
      EXPECT_TRUE(delivered.is_intact);
    }
  }
}

// Goal: a slow path beside a fast one never makes things slower, and is of use where there is much to send.
// Method: the same transfers over the fast one alone.
TEST_F(SeveralPathsTest, ASlowPathBesideAFastOneIsNoHindrance) {
  const LinkConfig fast = link(10ms, kWide);
  const LinkConfig slow = link(100ms, kNarrow);
  for (const std::size_t bytes : {20'000U, 300'000U, 2'000'000U, 10'000'000U}) {
    ASSERT_TRUE(make(fast, slow)) << pair->report();
    pair->dialer_host.command(pair->dialer(),
                              [&](Now now, jsp::Connection& engine) { engine.abandon_path(now, *second); });
    const Duration alone = time_of_transfer(bytes);
    for (const PathSchedule each : {PathSchedule::Aggregate, PathSchedule::LowestLatency}) {
      ASSERT_TRUE(make(schedule(each), fast, slow)) << pair->report();
      EXPECT_LE(time_of_transfer(bytes), alone * 105 / 100) << bytes << " " << static_cast<int>(each);
    }
  }
}

// Goal: windows and buffers grow with the slowest path, whose part a stream has to wait for.
TEST_F(SeveralPathsTest, PathsOfUnequalLengthAddUp) {
  ASSERT_TRUE(make(schedule(PathSchedule::Aggregate), link(10ms, kWide), link(100ms, kWide)));
  start_bulk();
  pair->run_for(3s);
  const std::uint64_t before = delivered.bytes;
  pair->run_for(2s);
  EXPECT_GT(8 * (delivered.bytes - before) / 2, 85'000'000U) << pair->report();
}

TEST_F(SeveralPathsTest, LowestLatencyLeavesTheSlowerPathAlone) {
  ASSERT_TRUE(make(schedule(PathSchedule::LowestLatency), link(10ms, kWide), link(100ms, kWide)));
  const std::uint64_t before = pair->links[1].there.statistics().bytes_in;
  EXPECT_TRUE(pair->transfer_to_listener(5'000'000)) << pair->report();
  EXPECT_LT(pair->links[1].there.statistics().bytes_in - before, 50'000U);
}

// Goal: what has gone over two paths is there although one of them is cut; only what follows waits until that
// is clear, less than a round trip and a half.
TEST_F(SeveralPathsTest, RedundantDeliveryHardlyStopsWhenAPathIsCut) {
  ASSERT_TRUE(make(schedule(PathSchedule::Redundant), link(20ms, kMedium), link(22ms, kMedium)));
  start_bulk();
  pair->run_for(3s);
  set_up(0, false);
  delivered.longest_gap = 0ms;
  pair->run_for(1s);
  EXPECT_LT(delivered.longest_gap, 60ms);
  EXPECT_TRUE(delivered.is_intact);
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
