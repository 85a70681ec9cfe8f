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

TEST(FramedCloseTest, CodeAndReasonReachThePeer) {
  FramedLink link({});
  ASSERT_TRUE(link.connect());
  link.dialer().engine.close(link.now(), 42, "enough");
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }));
  EXPECT_EQ(*link.dialer().close_reason(),
            (CloseReason{.by = By::Us, .by_application = true, .code = 42, .text = "enough"}));
  EXPECT_EQ(*link.listener().close_reason(),
            (CloseReason{.by = By::Peer, .by_application = true, .code = 42, .text = "enough"}));
}

TEST(FramedCloseTest, BothMayCloseAtOnce) {
  FramedLink link({});
  ASSERT_TRUE(link.connect());
  link.dialer().engine.close(link.now(), 1, "a");
  link.listener().engine.close(link.now(), 2, "b");
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }));
  EXPECT_EQ(link.dialer().close_reason()->code, 1u);
  EXPECT_EQ(link.listener().close_reason()->code, 2u);
}

TEST(FramedCloseTest, WhatWasWrittenBeforeGoesFirst) {
  FramedLink link({});
  ASSERT_TRUE(link.connect());
  const auto id = *link.dialer().session().open_stream(wire::Direction::OneWay);
  const Bytes content(500'000, std::byte{7});
  ASSERT_EQ(link.dialer().session().write(id, content), content.size());
  ASSERT_TRUE(link.dialer().session().finish(id).has_value());
  link.dialer().engine.close(link.now(), 0, "done");
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }));
  EXPECT_GE(link.listener().session().counters().snapshot().stream_bytes_received, content.size());
}

// Goal: an orderly close does not wait for ever for a peer whose window is full.
TEST(FramedCloseTest, APeerThatDoesNotReadHoldsTheCloseUpForTheTimeoutOnly) {
  FramedLink link({});
  ASSERT_TRUE(link.connect());
  const auto id = *link.dialer().session().open_stream(wire::Direction::OneWay);
  const Bytes content(3 << 20);
  ASSERT_EQ(link.dialer().session().write(id, content), content.size());
  link.run_for(1s);
  const Duration before = link.elapsed();
  link.dialer().engine.close(link.now(), 0, "done");
  ASSERT_TRUE(link.run_until([&] { return link.dialer().engine.is_closed(); }));
  EXPECT_LE(link.elapsed() - before, 2s);
}

TEST(FramedCloseTest, ARefusedDialerIsToldWhy) {
  FramedLinkConfig config;
  config.admits = false;
  FramedLink link(config);
  link.run_for(1s);
  link.listener().engine.refuse(link.now(), "not on the list");
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }));
  EXPECT_EQ(link.dialer().close_reason()->by, By::Peer);
  EXPECT_EQ(link.dialer().close_reason()->code, std::to_underlying(ProtocolCode::Refused));
  EXPECT_EQ(link.dialer().close_reason()->text, "not on the list");
}

TEST(FramedCloseTest, ACloseBeforeTheHandshakeIsDoneTellsNoMoreThanThat) {
  FramedLink link({});
  link.dialer().engine.close(link.now(), 42, "a private reason");
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }));
  EXPECT_EQ(link.listener().close_reason()->by, By::Peer);
  EXPECT_EQ(link.listener().close_reason()->code, std::to_underlying(ProtocolCode::NoError));
  EXPECT_EQ(link.listener().close_reason()->text, "");
}

TEST(FramedCloseTest, AnUnknownPeerEndsTheHandshakeWithItsIdAtTheDialer) {
  FramedLinkConfig config;
  config.dialer.handshake.is_known = [](const auto&) { return false; };
  FramedLink link(config);
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }));
  const auto* failed = link.dialer().find_event<HandshakeFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error.code, crypto::HandshakeErrc::UnknownPeer);
  EXPECT_EQ(failed->error.peer, link.listener().id);
  // The listener knows only that it was broken off, and by a hint at that.
  ASSERT_NE(link.listener().close_reason(), nullptr);
  EXPECT_EQ(link.listener().close_reason()->by, By::Peer);
  EXPECT_FALSE(link.listener().engine.is_established());
}

TEST(FramedCloseTest, AMismatchOfSharedSecretsIsAHandshakeFailureAtBothEnds) {
  FramedLinkConfig config;
  config.dialer.handshake.shared_secret =
      std::make_shared<crypto::SecretBytes>(crypto::SecretBytes::copy_of(as_bytes("0123456789abcdef")));
  FramedLink link(config);
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }));
  ASSERT_NE(link.dialer().find_event<HandshakeFailed>(), nullptr);
  ASSERT_NE(link.listener().find_event<HandshakeFailed>(), nullptr);
}

TEST(FramedCloseTest, NothingIsSentAndNothingHappensAfterTheEnd) {
  FramedLink link({});
  ASSERT_TRUE(link.connect());
  link.dialer().engine.close(link.now(), 1, "");
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }));
  Connection& engine = link.dialer().engine;
  Bytes out(engine.min_transmit_bytes());
  EXPECT_FALSE(engine.wants_to_send());
  EXPECT_EQ(engine.poll_transmit(link.now(), out), 0u);
  engine.handle_bytes(link.now(), out);
  engine.handle_pipe_closed(link.now());
  engine.handle_timeout(link.now());
  engine.close(link.now(), 2, "");
  EXPECT_FALSE(engine.poll_event().has_value());
  EXPECT_FALSE(engine.next_timeout().has_value());
}

}  // namespace
}  // namespace jetway::framed
