#include <gtest/gtest.h>

#include "tests/jsp_sim/recording.h"
#include "tests/sim/seed.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;

// What strangers and the network do to datagrams. A connection does not notice, and the listener keeps
// nothing of it.
class HostileTest : public testing::Test {
 protected:
  static JspPairConfig make_config() {
    JspPairConfig config;
    config.seed = seed_from_environment(7);
    config.there = config.back = {.delay = 5ms};
    return config;
  }
  void expect_one_sound_connection() {
    pair.run_for(1s);
    ASSERT_FALSE(pair.dialer().is_over()) << pair.report();
    EXPECT_TRUE(pair.transfer_to_listener(20'000)) << pair.report();
    EXPECT_TRUE(pair.transfer_to_dialer(20'000)) << pair.report();
    EXPECT_EQ(listener_statistics().half_open, 0U);
    EXPECT_EQ(listener_statistics().connections, 1U);
    EXPECT_EQ(pair.dialer_host.connections().size(), 1U);
  }
  jsp::EndpointStatistics listener_statistics() { return pair.listener_host.endpoint().statistics(); }
  Bytes garbage(std::size_t bytes) {
    Bytes made(bytes);
    random.fill(made);
    return made;
  }

  JspPair pair{make_config()};
  SeededRandom random{pair.config.seed};
};

constexpr IpEndpoint kStranger = IpEndpoint::v4({203, 0, 113, 1}, 1234);

TEST_F(HostileTest, GarbageIsIgnored) {
  ASSERT_TRUE(pair.connect());
  for (int i = 0; i < 5'000; ++i) {
    const Bytes bytes = garbage(random.below(1500));
    const bool is_stranger = random.below(2) == 0;
    pair.network.inject(is_stranger ? kStranger : JspPair::dialer_address(0), JspPair::kListener, bytes);
    pair.network.inject(is_stranger ? kStranger : JspPair::kListener, JspPair::dialer_address(0), bytes);
  }
  expect_one_sound_connection();
}

// The first byte makes a header of every kind, and what follows does not fit to it.
TEST_F(HostileTest, GarbageWithTheFirstByteOfAPacketIsIgnored) {
  ASSERT_TRUE(pair.connect());
  for (unsigned first = 0; first < 256; ++first) {
    for (const std::size_t size : {1U, 2U, 21U, 40U, 1200U, 1452U}) {
      Bytes bytes = garbage(size);
      bytes[0] = static_cast<std::byte>(first);
      pair.network.inject(JspPair::dialer_address(0), JspPair::kListener, bytes);
      pair.network.inject(JspPair::kListener, JspPair::dialer_address(0), bytes);
    }
  }
  expect_one_sound_connection();
}

TEST_F(HostileTest, TruncatedDatagramsAreIgnored) {
  Recording recording(pair);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.transfer_to_listener(5'000));
  const std::vector<RecordedDatagram> recorded = recording.datagrams;
  for (const RecordedDatagram& datagram : recorded) {
    for (std::size_t size = 0; size < datagram.bytes.size(); size += 1 + size / 64) {
      RecordedDatagram shorter = datagram;
      shorter.bytes.resize(size);
      inject(pair, shorter);
    }
    pair.run_for(1ms);
  }
  expect_one_sound_connection();
}

TEST_F(HostileTest, ReplayedDatagramsAreIgnored) {
  Recording recording(pair);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.transfer_to_listener(50'000));
  const std::vector<RecordedDatagram> recorded = recording.datagrams;
  for (int round = 0; round < 3; ++round) {
    for (const RecordedDatagram& datagram : recorded) inject(pair, datagram);
    pair.run_for(100ms);
  }
  pair.run_for(30s);  // what a replayed Init began is over by then
  expect_one_sound_connection();
}

TEST_F(HostileTest, ARecordedHandshakeMakesNoSecondConnection) {
  Recording recording(pair);
  ASSERT_TRUE(pair.connect());
  const std::vector<RecordedDatagram> recorded = recording.datagrams;
  ASSERT_TRUE(pair.close());
  const std::size_t connections = pair.listener_host.connections().size();
  for (const RecordedDatagram& datagram : recorded) inject(pair, datagram);
  pair.run_for(30s);
  for (std::size_t i = connections; i < pair.listener_host.connections().size(); ++i) {
    EXPECT_EQ(pair.listener_host.connections()[i]->find_event<session::PeerAuthenticated>(), nullptr);
  }
  EXPECT_EQ(listener_statistics().connections, 0U) << pair.report();
}

TEST_F(HostileTest, PacketsOfAClosedConnectionAreAnsweredAtMostOnceEach) {
  Recording recording(pair);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.transfer_to_listener(20'000));
  const std::vector<RecordedDatagram> recorded = recording.datagrams;
  ASSERT_TRUE(pair.close());
  pair.run_for(1min);
  const std::uint64_t sent = pair.listener_machine.statistics().datagrams_sent;
  const std::uint64_t bytes = pair.listener_machine.statistics().bytes_sent;
  std::uint64_t injected_bytes = 0;
  for (const RecordedDatagram& datagram : recorded) {
    inject(pair, datagram);
    injected_bytes += datagram.bytes.size();
  }
  pair.run_for(1min);
  EXPECT_LE(pair.listener_machine.statistics().datagrams_sent - sent, recorded.size());
  EXPECT_LE(pair.listener_machine.statistics().bytes_sent - bytes, 3 * injected_bytes);
  EXPECT_EQ(listener_statistics().connections, 0U);
}

// Goal: no bit of a handshake can be changed to any effect, before or while the unchanged datagram comes.
// Method: ahead of each datagram all its variants with one bit flipped arrive. Not of version negotiation,
// which nobody can authenticate (RFC 9000 section 6).
TEST_F(HostileTest, EveryBitFlippedOfAHandshakeIsIgnored) {
  std::uint64_t flipped = 0;
  for (Link* const link : {&pair.links.front().there, &pair.links.front().back}) {
    link->set_tap([&](TimePoint, Packet& packet) {
      if (packet.size < 100) return TapVerdict::Pass;
      RecordedDatagram datagram{.source = packet.source,
                                .destination = packet.destination,
                                .ecn = packet.ecn,
                                .bytes = to_bytes(packet.bytes())};
      for (std::size_t bit = 0; bit < packet.size * 8; ++bit) {
        const auto mask = static_cast<std::byte>(1U << (bit % 8));
        datagram.bytes[bit / 8] ^= mask;
        inject(pair, datagram);
        datagram.bytes[bit / 8] ^= mask;
        ++flipped;
      }
      return TapVerdict::Pass;
    });
  }
  ASSERT_TRUE(pair.connect()) << pair.report();
  EXPECT_GT(flipped, 20'000U);
  for (Link* const link : {&pair.links.front().there, &pair.links.front().back}) link->set_tap({});
  pair.run_for(30s);
  expect_one_sound_connection();
}

// Goal: where a bit was changed the datagram counts as lost, and is sent again.
// Method: one bit of one datagram of the handshake each time, spread over all of them.
TEST_F(HostileTest, AFlippedBitOfAHandshakeCostsOnlyTime) {
  for (std::uint64_t index = 0; index < 8; ++index) {
    for (std::size_t bit = index; bit < 1200 * 8; bit += 997) {
      JspPair other(make_config());
      std::uint64_t seen = 0;
      for (Link* const link : {&other.links.front().there, &other.links.front().back}) {
        link->set_tap([&](TimePoint, Packet& packet) {
          if (seen++ == index && bit / 8 < packet.size) {
            packet.bytes()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
          }
          return TapVerdict::Pass;
        });
      }
      ASSERT_TRUE(other.connect(9s)) << "datagram " << index << " bit " << bit << "\n" << other.report();
    }
  }
}

TEST_F(HostileTest, AnUnknownVersionIsAnsweredWithOurs) {
  Recording recording(pair);
  ASSERT_TRUE(pair.connect());
  RecordedDatagram first = recording.datagrams.front();
  ASSERT_GE(first.bytes.size(), 1200U);
  first.bytes[1] = first.bytes[2] = std::byte{0x77};
  first.source = kStranger;
  inject(pair, first);
  pair.run_for(1s);
  EXPECT_EQ(listener_statistics().version_negotiations_sent, 1U);
  // Too short to be worth an answer.
  first.bytes.resize(1199);
  inject(pair, first);
  pair.run_for(1s);
  EXPECT_EQ(listener_statistics().version_negotiations_sent, 1U);
  expect_one_sound_connection();
}

TEST_F(HostileTest, AGuessedResetTokenEndsNothing) {
  ASSERT_TRUE(pair.connect());
  // As a reset looks: the beginning of a packet, and a token that is wrong.
  for (int i = 0; i < 10'000; ++i) {
    Bytes bytes = garbage(21 + random.below(40));
    bytes[0] = (bytes[0] & std::byte{0x1f}) | std::byte{0x80};
    pair.network.inject(JspPair::kListener, JspPair::dialer_address(0), bytes);
  }
  expect_one_sound_connection();
}

// ---- floods ----

constexpr std::size_t kHalfOpenMax = 32;

class FloodTest : public testing::Test {
 protected:
  static JspPairConfig make_config() {
    JspPairConfig config;
    config.seed = seed_from_environment(7);
    config.there = config.back = {.delay = 5ms};
    config.listener_endpoint.half_open_max = kHalfOpenMax;
    return config;
  }
  // The first datagrams of a connection, as its dialer makes them.
  std::vector<Bytes> make_init() {
    jsp::Endpoint endpoint({.is_shared = false}, random, now());
    endpoint.connect(now(), test_config(2), kStranger, JspPair::kListener);
    std::vector<Bytes> datagrams;
    Bytes out(65'536);
    while (const auto transmit = endpoint.poll_transmit(now(), out)) {
      ByteView rest = ByteView{out}.first(transmit->bytes);
      while (!rest.empty()) {
        const ByteView segment = rest.first(std::min(rest.size(), transmit->segment_bytes));
        datagrams.push_back(to_bytes(segment));
        rest = rest.subspan(segment.size());
      }
    }
    return datagrams;
  }
  Now now() const { return pair.listener_machine.now(); }
  jsp::EndpointStatistics statistics() { return pair.listener_host.endpoint().statistics(); }

  JspPair pair{make_config()};
  SeededRandom random{pair.config.seed};
};

// Goal: what strangers who cannot receive send keeps the listener from nothing, and costs it no more memory
// than its limit. Method: complete Inits, each from an address of its own; half-way through a dialer who
// means it.
TEST_F(FloodTest, InitsFromSpoofedAddressesLeaveMemoryFlatAndDialersConnect) {
  std::size_t most = 0;
  std::uint64_t sent_bytes = 0;
  for (std::uint32_t i = 0; i < 400; ++i) {
    const IpEndpoint source =
        IpEndpoint::v4({203, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}, 1234);
    for (const Bytes& datagram : make_init()) {
      pair.network.inject(source, JspPair::kListener, datagram);
      sent_bytes += datagram.size();
    }
    if (i == 200) pair.dial();
    pair.run_for(1ms);
    most = std::max(most, statistics().half_open);
  }
  EXPECT_LE(most, kHalfOpenMax);
  EXPECT_GT(statistics().retries_sent, 100U);
  EXPECT_TRUE(pair.run_until([&] { return pair.dialer().is_admitted(); }, 10s)) << pair.report();
  EXPECT_LE(pair.listener_machine.statistics().bytes_sent, 3 * sent_bytes);
  // The half-open ones die of their age.
  pair.run_for(1min);
  EXPECT_EQ(statistics().half_open, 0U);
  EXPECT_EQ(statistics().connections, 1U);
}

TEST_F(FloodTest, AnswersWithoutStateAreLimited) {
  const std::uint64_t before = pair.listener_machine.statistics().datagrams_sent;
  // What looks like packets of connections that we have forgotten.
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes(60);
    random.fill(bytes);
    bytes[0] = (bytes[0] & std::byte{0x1f}) | std::byte{0x80};
    pair.network.inject(kStranger, JspPair::kListener, bytes);
    if (i % 20 == 0) pair.run_for(1ms);
  }
  pair.run_for(1s);
  const std::uint64_t answered = pair.listener_machine.statistics().datagrams_sent - before;
  const std::uint64_t allowed = pair.config.listener_endpoint.stateless_answers_per_second;
  EXPECT_LE(answered + pair.listener_machine.statistics().send_errors, 3 * allowed);
  EXPECT_EQ(statistics().connections, 0U);
}

TEST_F(FloodTest, TheFirstFlightOfAListenerIsAtMostThreeTimesWhatCame) {
  std::uint64_t received = 0;
  for (const Bytes& datagram : make_init()) {
    pair.network.inject(JspPair::dialer_address(0), JspPair::kListener, datagram);
    received += datagram.size();
  }
  pair.run_for(1min);
  EXPECT_GT(pair.listener_machine.statistics().bytes_sent, 0U);
  EXPECT_LE(pair.listener_machine.statistics().bytes_sent, 3 * received);
}

}  // namespace
}  // namespace jetway::sim
