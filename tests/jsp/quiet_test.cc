#include <gtest/gtest.h>

#include "tests/jsp/pair.h"

// A connection on which nothing comes or goes for a while gives back its keys, tables and buffers: these
// tests wake it in every way there is.
namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLongEnough = 10s;

Bytes content(std::size_t size) {
  Bytes bytes(size);
  SeededRandom{size + 1}.fill(bytes);
  return bytes;
}

PairConfig without_keepalive() {
  PairConfig config;
  for (JspConfig* side : {&config.dialer, &config.listener}) {
    side->session.keepalive = 0ms;
    side->session.idle_timeout = 0ms;
  }
  return config;
}

// Nothing has gone between the two for all of this time.
void be_quiet(Pair& pair) {
  pair.run_for(1s);
  const std::uint64_t datagrams = pair.datagrams_to_dialer + pair.datagrams_to_listener;
  pair.run_for(kLongEnough);
  ASSERT_EQ(pair.datagrams_to_dialer + pair.datagrams_to_listener, datagrams);
  ASSERT_EQ(pair.dialer.close_reason(), nullptr);
  ASSERT_EQ(pair.listener.close_reason(), nullptr);
}

std::uint64_t undecryptable(const Pair& pair) {
  return pair.dialer.connection->statistics().packets_undecryptable +
         pair.listener.connection->statistics().packets_undecryptable;
}

TEST(QuietConnectionTest, WakesByEitherEnd) {
  Pair pair{without_keepalive()};
  ASSERT_TRUE(pair.connect());
  const Bytes data = content(300'000);
  for (int round = 0; round < 2; ++round) {
    be_quiet(pair);
    EXPECT_EQ(carry(pair, pair.dialer, pair.listener, data), data);
    be_quiet(pair);
    EXPECT_EQ(carry(pair, pair.listener, pair.dialer, data), data);
  }
  EXPECT_EQ(undecryptable(pair), 0u);
}

TEST(QuietConnectionTest, WakingTakesNoLongerThanAnyMessage) {
  Pair pair{without_keepalive()};
  ASSERT_TRUE(pair.connect());
  be_quiet(pair);
  const Duration before = pair.elapsed();
  ASSERT_TRUE(pair.listener.session().send_message(as_bytes("awake?")));
  pair.touch(pair.listener);
  const auto has_message = [&] {
    return std::ranges::any_of(pair.dialer.session_events, [](const session::Event& event) {
      return std::holds_alternative<session::MessageReceived>(event);
    });
  };
  EXPECT_TRUE(pair.run_until(has_message));
  EXPECT_EQ(pair.elapsed() - before, 10ms) << "the way there, and no more";
}

TEST(QuietConnectionTest, KeysAreUpdatedBeforeInAndAfterTheSilence) {
  Pair pair{without_keepalive()};
  ASSERT_TRUE(pair.connect());
  const Bytes data = content(50'000);
  for (PairEnd* updater : {&pair.dialer, &pair.listener, &pair.dialer}) {
    updater->connection->update_keys(pair.now());
    EXPECT_EQ(carry(pair, pair.dialer, pair.listener, data), data);
    be_quiet(pair);  // the old keys go in it
    updater->connection->update_keys(pair.now());
    be_quiet(pair);
    EXPECT_EQ(carry(pair, pair.listener, pair.dialer, data), data);
    be_quiet(pair);
  }
  EXPECT_EQ(undecryptable(pair), 0u);
}

TEST(QuietConnectionTest, ADialerThatMovedMeanwhileIsFoundByItsFirstPacket) {
  Pair pair{without_keepalive()};
  ASSERT_TRUE(pair.connect());
  be_quiet(pair);
  const IpEndpoint elsewhere = IpEndpoint::v4({10, 0, 7, 7}, 7777);
  pair.rebind_dialer(elsewhere);
  const Bytes data = content(300'000);
  EXPECT_EQ(carry(pair, pair.dialer, pair.listener, data), data);
  EXPECT_EQ(pair.listener.connection->paths().front().remote, elsewhere);
  be_quiet(pair);
  EXPECT_EQ(carry(pair, pair.listener, pair.dialer, data), data);
}

// Goal: what FEC and recovery knew before the silence and had to keep is still right after it.
TEST(QuietConnectionTest, LossesBeforeAndAfterTheSilenceAreMadeGood) {
  PairConfig config = without_keepalive();
  auto random = std::make_shared<SeededRandom>(3);
  config.on_datagram = [random](bool, Bytes&) { return random->below(20) == 0 ? Fate::Drop : Fate::Deliver; };
  Pair pair{config};
  ASSERT_TRUE(pair.connect(30s));
  const Bytes data = content(500'000);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(carry(pair, pair.dialer, pair.listener, data), data);
    EXPECT_EQ(carry(pair, pair.listener, pair.dialer, data), data);
    pair.run_for(5s);
    be_quiet(pair);
  }
  EXPECT_GT(pair.listener.connection->statistics().packets_repaired, 0u);
}

}  // namespace
}  // namespace jetway::jsp
