#include <chrono>

#include <gtest/gtest.h>

#include "tests/sim/framed_link.h"

namespace jetway::framed {
namespace {

using namespace std::chrono_literals;
using session::CloseReason;
using session::ProtocolCode;
using sim::FramedLink;
using sim::FramedLinkConfig;
using By = CloseReason::By;

constexpr Duration kSilence = 24h;

TEST(FramedTimeoutTest, AHandshakeEndsAfterFiveSeconds) {
  FramedLinkConfig config;
  config.to_listener.delay_min = config.to_listener.delay_max = kSilence;
  FramedLink link(config);
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }));
  EXPECT_EQ(link.elapsed(), 5s);
  EXPECT_EQ(link.dialer().close_reason()->by, By::IdleTimeout);
  EXPECT_EQ(link.listener().close_reason()->by, By::IdleTimeout);
}

TEST(FramedTimeoutTest, ADripOfBytesDoesNotKeepAHandshakeAlive) {
  FramedLink link({});
  Bytes init(link.dialer().engine.min_transmit_bytes());
  init.resize(link.dialer().engine.poll_transmit(link.now(), init));
  Connection& listener = link.listener().engine;
  Now now = link.now();
  for (std::size_t at = 0; at < 50; ++at) {
    listener.handle_bytes(now, ByteView{init}.subspan(at, 1));
    now.engine += 100ms;
    now.wall += 100ms;
    if (*listener.next_timeout() <= now.engine) listener.handle_timeout(now);
    EXPECT_EQ(listener.is_closed(), now.engine - link.now().engine >= 5s);
    if (listener.is_closed()) break;
  }
  EXPECT_TRUE(listener.is_closed());
}

TEST(FramedTimeoutTest, APeerThatNobodyAdmitsIsRefusedAfterAMinute) {
  FramedLinkConfig config;
  config.admits = false;
  FramedLink link(config);
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }, 120s));
  EXPECT_GE(link.elapsed(), 60s);
  EXPECT_LE(link.elapsed(), 61s);
  EXPECT_EQ(link.dialer().close_reason()->by, By::Peer);
  EXPECT_EQ(link.dialer().close_reason()->code, std::to_underlying(ProtocolCode::Refused));
}

TEST(FramedTimeoutTest, ADialerGivesUpOnAListenerThatNeverAnswers) {
  FramedLinkConfig config;
  config.admits = false;
  config.listener.admission_timeout = 24h;
  FramedLink link(config);
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }, 120s));
  EXPECT_LE(link.elapsed(), 63s);
}

TEST(FramedTimeoutTest, KeepaliveHoldsAnIdleConnectionOpen) {
  FramedLink link({});
  ASSERT_TRUE(link.connect());
  link.run_for(1h);
  EXPECT_FALSE(link.dialer().engine.is_closed());
  EXPECT_FALSE(link.listener().engine.is_closed());
}

TEST(FramedTimeoutTest, WithoutKeepaliveSilenceEndsTheConnection) {
  FramedLinkConfig config;
  config.dialer.session.keepalive = config.listener.session.keepalive = 0ms;
  config.dialer.session.idle_timeout = 10s;
  FramedLink link(config);
  ASSERT_TRUE(link.connect());
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }, 60s));
  EXPECT_LE(link.elapsed(), 11s);
  EXPECT_EQ(link.dialer().close_reason()->by, By::IdleTimeout);
}

TEST(FramedTimeoutTest, ThereIsADeadlineFromTheStart) {
  FramedLink link({});
  EXPECT_TRUE(link.dialer().engine.next_timeout().has_value());
  EXPECT_TRUE(link.listener().engine.next_timeout().has_value());
}

}  // namespace
}  // namespace jetway::framed
