#include <gtest/gtest.h>

#include "jetway/session/session.h"
#include "jetway/wire/cbor.h"
#include "tests/session/pair.h"

namespace jetway::session {
namespace {

using namespace test;

// ---- admission and parameters ----

TEST(SessionTest, NothingOpensBeforeAdmission) {
  Pair pair;
  pair.settle();
  for (End* end : {&pair.dialer, &pair.listener}) {
    EXPECT_FALSE(end->session.is_admitted());
    EXPECT_EQ(end->session.open_stream(Direction::OneWay).error().code, StreamErrc::NotAdmitted);
    EXPECT_EQ(end->session.send_message(as_bytes("x")).error().code, StreamErrc::NotAdmitted);
    EXPECT_EQ(end->session.send_datagram(as_bytes("x")).error().code, StreamErrc::NotAdmitted);
  }
  pair.listener.session.admit(pair.now);
  pair.settle();
  EXPECT_EQ(pair.dialer.count<Admitted>(), 1u);
  EXPECT_EQ(pair.listener.count<Admitted>(), 0u);
  EXPECT_TRUE(pair.dialer.session.open_stream(Direction::OneWay));
  EXPECT_TRUE(pair.listener.session.open_stream(Direction::OneWay));
}

TEST(ParametersTest, ComeBackAndSkipWhatIsUnknown) {
  const Parameters parameters{.connection_window_bytes = 1,
                              .stream_window_bytes = 2,
                              .streams_two_way_max = 3,
                              .streams_one_way_max = 4,
                              .datagram_max_bytes = 5,
                              .message_max_bytes = 6,
                              .idle_timeout = 7ms,
                              .compression = {Compression::Lz4, Compression::Zstd}};
  EXPECT_EQ(decode_parameters(encode_parameters(parameters)), parameters);
  wire::CborWriter later;
  later.map([&] {
    later.key(3).uint(9);
    later.key(8).array([&] {
      later.uint(77);
      later.uint(2);
    });
    later.key(500).text("news");
  });
  const auto decoded = decode_parameters(later.take());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->streams_two_way_max, 9u);
  EXPECT_EQ(decoded->compression, std::vector{Compression::Zstd});
}

TEST(ParametersTest, NonsenseIsRefused) {
  const Bytes good = encode_parameters({.stream_window_bytes = 1000, .compression = {Compression::Lz4}});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_parameters(ByteView{good}.first(size))) << size;
  }
  wire::CborWriter beyond;
  beyond.map([&] { beyond.key(3).uint((std::uint64_t{1} << 60) + 1); });
  const auto refused = decode_parameters(beyond.take());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, static_cast<std::uint64_t>(ProtocolCode::Parameters));
}

// ---- liveness and close ----

TEST(SessionTest, PingsKeepAnIdleConnectionAlive) {
  SessionConfig config;
  config.keepalive = 30s;
  config.idle_timeout = 120s;
  Pair pair = Pair::admitted_same(config, {.delay = 10ms});
  ASSERT_TRUE(pair.dialer.session.rtt());
  EXPECT_EQ(*pair.dialer.session.rtt(), 20ms);
  pair.advance(24h);
  EXPECT_FALSE(pair.dialer.failure || pair.listener.failure);
}

TEST(SessionTest, SilenceEndsAConnectionAtTheSmallerTimeout) {
  SessionConfig patient;
  patient.idle_timeout = 1h;
  SessionConfig hasty;
  hasty.idle_timeout = 60s;
  Pair pair = Pair::admitted(patient, hasty);
  const TimePoint begin = pair.now;
  pair.is_cut = true;
  pair.advance(59s);
  EXPECT_FALSE(pair.dialer.failure);
  pair.advance(2s);
  ASSERT_TRUE(pair.dialer.failure && pair.listener.failure);
  EXPECT_EQ(pair.dialer.failure->by, CloseReason::By::IdleTimeout);
  EXPECT_LE(pair.now - begin, 61s);
  EXPECT_FALSE(pair.dialer.session.next_timeout());
}

TEST(SessionTest, ZeroMeansNever) {
  SessionConfig config;
  config.keepalive = 0s;
  config.idle_timeout = 0s;
  Pair pair = Pair::admitted_same(config);
  EXPECT_FALSE(pair.dialer.session.next_timeout());
}

TEST(SessionTest, KeepaliveFollowsTheNetworkStatus) {
  SessionConfig config;
  config.idle_timeout = 0s;
  Pair pair = Pair::admitted_same(config);
  auto& session = pair.dialer.session;
  const auto wait = [&] { return session.next_timeout().value_or(kNever) - pair.now; };
  EXPECT_EQ(wait(), 5s);
  session.set_network_status(NetworkStatus::Cellular, true);
  EXPECT_EQ(wait(), 30s);
  session.set_network_status(NetworkStatus::Wifi, false);
  EXPECT_EQ(wait(), 5s);
  config.keepalive_background = 0s;
  config.is_background = true;
  Pair quiet = Pair::admitted_same(config);
  EXPECT_FALSE(quiet.dialer.session.next_timeout());
}

TEST(SessionTest, TheRoundTripIsSmoothed) {
  Pair pair = Pair::admitted_same({}, {.delay = 10ms});
  EXPECT_EQ(pair.dialer.session.rtt(), Duration{20ms});
  pair.dialer.session.set_rtt(100ms);
  pair.dialer.session.ping(pair.now);
  pair.settle();
  EXPECT_EQ(pair.dialer.session.rtt(), Duration{90ms});
  EXPECT_EQ(pair.dialer.session.counters().snapshot().rtt, Duration{90ms});
}

TEST(SessionTest, AnOrderlyCloseSendsWhatWasWrittenFirst) {
  Pair pair = Pair::admitted();
  const Bytes data = pattern(500'000);
  const StreamId id = pair.dialer.session.open_stream(Direction::OneWay).value();
  ASSERT_EQ(pair.dialer.session.write(id, data).value(), data.size());
  ASSERT_TRUE(pair.dialer.session.finish(id));
  const CloseReason reason{.by = CloseReason::By::Us, .by_application = true, .code = 7, .text = "done"};
  pair.dialer.session.close(pair.now, reason);
  EXPECT_TRUE(pair.dialer.session.is_closed());
  EXPECT_FALSE(pair.dialer.session.is_close_sent());
  EXPECT_EQ(pair.dialer.session.write(id, data).error().code, StreamErrc::ConnectionClosed);
  EXPECT_EQ(pair.dialer.session.open_stream(Direction::OneWay).error().code, StreamErrc::ConnectionClosed);
  pair.settle();
  EXPECT_TRUE(pair.dialer.session.is_close_sent());
  EXPECT_TRUE(pair.dialer.session.close_reason() == reason);
  ASSERT_TRUE(pair.listener.failure);
  EXPECT_EQ(pair.listener.failure->by, CloseReason::By::Peer);
  EXPECT_EQ(pair.listener.failure->code, 7u);
  EXPECT_EQ(pair.listener.failure->text, "done");
  // What came before the close can still be read.
  bool is_end = false;
  EXPECT_EQ(read_all(pair, pair.listener, id, &is_end), data);
  EXPECT_TRUE(is_end);
}

TEST(SessionTest, ASecondCloseEndsTheWait) {
  SessionConfig config;
  config.stream_window_bytes = 1'000;
  Pair pair = Pair::admitted_same(config);
  const StreamId id = pair.dialer.session.open_stream(Direction::OneWay).value();
  ASSERT_TRUE(pair.dialer.session.write(id, Bytes(5'000)));
  const CloseReason reason{.by = CloseReason::By::Us, .by_application = true, .code = 0, .text = {}};
  pair.dialer.session.close(pair.now, reason);
  pair.settle();
  EXPECT_FALSE(pair.dialer.session.is_close_sent());
  pair.dialer.session.close(pair.now, reason);
  pair.settle();
  EXPECT_TRUE(pair.dialer.session.is_close_sent());
  EXPECT_TRUE(pair.listener.failure);
  Bytes out(10'000);
  EXPECT_EQ(pair.listener.session.read(id, out)->bytes, 999u);
  EXPECT_EQ(pair.listener.session.read(id, out).error().code, StreamErrc::ConnectionClosed);
}

TEST(SessionTest, ALostCloseIsSentAgain) {
  Pair pair = Pair::admitted();
  pair.dialer.session.close(pair.now, {.by = CloseReason::By::Error, .code = 1, .text = "x"});
  Bytes scratch(100);
  wire::PacketWriter packet{scratch, scratch.size()};
  pair.dialer.session.write_frames(pair.now, packet, 500);
  EXPECT_FALSE(pair.dialer.session.wants_to_send());
  pair.dialer.session.on_packet_lost(pair.now, 500);
  EXPECT_TRUE(pair.dialer.session.wants_to_send());
}

TEST(SessionTest, APipeThatIsGoneIsToldToNobody) {
  Pair pair = Pair::admitted();
  pair.dialer.session.close(pair.now, {.by = CloseReason::By::PipeClosed, .text = {}});
  EXPECT_FALSE(pair.dialer.session.wants_to_send());
  EXPECT_TRUE(pair.dialer.session.is_close_sent());
}

TEST(SessionTest, CountersStartAgainAfterAReset) {
  Pair pair = Pair::admitted();
  const Bytes data = pattern(10'000);
  transfer(pair, pair.dialer, pair.listener, data);
  Counters& counters = pair.dialer.session.counters();
  EXPECT_EQ(counters.snapshot().stream_bytes_sent, data.size() + 1);
  EXPECT_EQ(pair.listener.session.counters().snapshot().stream_bytes_received, data.size() + 1);
  counters.packets_sent.add(3);
  counters.reset();
  EXPECT_EQ(counters.snapshot().stream_bytes_sent, 0u);
  EXPECT_EQ(counters.snapshot().packets_sent, 0u);
  EXPECT_TRUE(counters.snapshot().rtt.has_value());
}

}  // namespace
}  // namespace jetway::session
