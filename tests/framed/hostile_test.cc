#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "jetway/wire/frame.h"
#include "jetway/wire/packet.h"
#include "tests/sim/framed_link.h"

// What a broken or malicious pipe does: both ends end with a reason, none hangs, none crashes.
namespace jetway::framed {
namespace {

using namespace std::chrono_literals;
using session::CloseReason;
using session::ProtocolCode;
using sim::FramedLink;
using sim::FramedLinkConfig;
using By = CloseReason::By;

// Connects, then sends 2,000 bytes each way and closes: everything that a short connection has. True when
// both ends are over.
bool run_short_connection(FramedLink& link) {
  const Bytes content(2'000, std::byte{9});
  bool is_written = false;
  return link.run_until(
      [&] {
        if (!is_written && link.dialer().session().is_admitted()) {
          is_written = true;
          for (sim::FramedEnd* end : {&link.dialer(), &link.listener()}) {
            const auto id = end->session().open_stream(wire::Direction::OneWay);
            if (id) static_cast<void>(end->session().write(*id, content));
            if (id) static_cast<void>(end->session().finish(*id));
          }
          link.dialer().engine.close(link.now(), 0, "");
        }
        return link.is_over();
      },
      300s);
}

std::uint64_t bytes_to_listener_of_short_connection() {
  FramedLink link({});
  EXPECT_TRUE(run_short_connection(link));
  return link.pipe_to_listener().captured().size();
}

std::uint64_t bytes_to_dialer_of_short_connection() {
  FramedLink link({});
  EXPECT_TRUE(run_short_connection(link));
  return link.pipe_to_dialer().captured().size();
}

TEST(HostilePipeTest, ACutAtAnyByteEndsBothSidesWithAReason) {
  for (std::uint64_t at = 0; at < bytes_to_listener_of_short_connection(); at += at < 64 ? 1 : 13) {
    SCOPED_TRACE("cut towards the listener at " + std::to_string(at));
    FramedLinkConfig config;
    config.to_listener.cut_at = at;
    FramedLink link(config);
    ASSERT_TRUE(run_short_connection(link));
    EXPECT_NE(link.dialer().close_reason(), nullptr);
    ASSERT_NE(link.listener().close_reason(), nullptr);
    EXPECT_EQ(link.listener().close_reason()->by, By::PipeClosed);
  }
  for (std::uint64_t at = 0; at < bytes_to_dialer_of_short_connection(); at += at < 64 ? 1 : 13) {
    SCOPED_TRACE("cut towards the dialer at " + std::to_string(at));
    FramedLinkConfig config;
    config.to_dialer.cut_at = at;
    FramedLink link(config);
    ASSERT_TRUE(run_short_connection(link));
    EXPECT_NE(link.dialer().close_reason(), nullptr);
    EXPECT_NE(link.listener().close_reason(), nullptr);
  }
}

TEST(HostilePipeTest, AFlippedBitAnywhereEndsBothSides) {
  const std::uint64_t total = bytes_to_listener_of_short_connection();
  for (std::uint64_t at = 0; at < total; at += at < 64 ? 1 : 17) {
    SCOPED_TRACE("flipped towards the listener at " + std::to_string(at));
    FramedLinkConfig config;
    config.to_listener.on_piece = [at](std::uint64_t offset, MutableBytes piece) {
      if (at >= offset && at - offset < piece.size()) piece[at - offset] ^= std::byte{0x40};
    };
    FramedLink link(config);
    ASSERT_TRUE(run_short_connection(link));
    ASSERT_NE(link.listener().close_reason(), nullptr);
    EXPECT_NE(*link.listener().close_reason(),
              (CloseReason{.by = By::Peer, .by_application = true, .code = 0, .text = {}}));
  }
}

TEST(HostilePipeTest, AFlippedBitTowardsTheDialerEndsBothSides) {
  const std::uint64_t total = bytes_to_dialer_of_short_connection();
  for (std::uint64_t at = 0; at < total; at += at < 64 ? 1 : 17) {
    SCOPED_TRACE("flipped towards the dialer at " + std::to_string(at));
    FramedLinkConfig config;
    config.to_dialer.on_piece = [at](std::uint64_t offset, MutableBytes piece) {
      if (at >= offset && at - offset < piece.size()) piece[at - offset] ^= std::byte{0x01};
    };
    FramedLink link(config);
    ASSERT_TRUE(run_short_connection(link));
    EXPECT_NE(link.dialer().close_reason(), nullptr);
    EXPECT_NE(link.listener().close_reason(), nullptr);
  }
}

// A listener that a test feeds by hand.
class FedListener {
 public:
  explicit FedListener(std::uint64_t seed = 99) : link_(config(seed)) {}

  void feed(ByteView bytes) { engine().handle_bytes(link_.now(), bytes); }
  std::optional<CloseReason> close_reason() {
    while (auto event = engine().poll_event()) {
      if (const auto* closed = std::get_if<Closed>(&*event)) return closed->reason;
    }
    return std::nullopt;
  }
  Bytes answer() {
    Bytes out(engine().min_transmit_bytes());
    out.resize(engine().poll_transmit(link_.now(), out));
    return out;
  }
  Connection& engine() { return link_.listener().engine; }

 private:
  static FramedLinkConfig config(std::uint64_t seed) {
    FramedLinkConfig config;
    config.seed = seed;
    return config;
  }

  FramedLink link_;
};

Bytes make_packet(wire::PacketFlags flags, ByteView payload) {
  const auto header = wire::encode_packet_header({.flags = flags, .payload_bytes = payload.size()});
  Bytes packet = to_bytes(header);
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

Bytes encoded(const wire::Frame& frame) {
  Bytes bytes(wire::frame_size(frame));
  wire::Writer out{bytes};
  wire::encode_frame(out, frame);
  return bytes;
}

TEST(HostilePeerTest, AnotherProtocolGetsNoAnswer) {
  FedListener listener;
  listener.feed(as_bytes("GET / HTTP/1.1\r\n\r\n"));
  const auto reason = listener.close_reason();
  ASSERT_TRUE(reason.has_value());
  EXPECT_EQ(reason->by, By::Error);
  EXPECT_TRUE(listener.answer().empty());
  EXPECT_TRUE(listener.engine().is_closed());
}

TEST(HostilePeerTest, ASealedPacketBeforeTheHandshakeIsAnError) {
  FedListener listener;
  listener.feed(make_packet({.is_sealed = true}, Bytes(100)));
  EXPECT_EQ(listener.close_reason()->code, std::to_underlying(ProtocolCode::ProtocolViolation));
}

TEST(HostilePeerTest, ACompressedPacketIsDeclined) {
  FedListener listener;
  listener.feed(make_packet({.compression = wire::PacketCompression::Zstd}, Bytes(100)));
  EXPECT_EQ(listener.close_reason()->code, std::to_underlying(ProtocolCode::ProtocolViolation));
  EXPECT_FALSE(listener.answer().empty());
}

TEST(HostilePeerTest, ALargePacketBeforeTheHandshakeIsRefusedByItsHeader) {
  FedListener listener;
  listener.feed(wire::encode_packet_header({.flags = {}, .payload_bytes = 64 * 1024 + 1}));
  EXPECT_EQ(listener.close_reason()->by, By::Error);
}

TEST(HostilePeerTest, OtherFramesThanTheHandshakesAreRefusedWithoutASeal) {
  for (const wire::Frame& frame :
       {wire::Frame{wire::PingFrame{.token = 1}}, wire::Frame{wire::AdmittedFrame{}},
        wire::Frame{wire::MaxDataFrame{.maximum = 1}}}) {
    FedListener listener;
    listener.feed(make_packet({}, encoded(frame)));
    EXPECT_EQ(listener.close_reason()->by, By::Error);
  }
}

TEST(HostilePeerTest, HandshakeDataOutOfOrderOrWithoutEndIsRefused) {
  {
    FedListener listener;
    listener.feed(make_packet({}, encoded(wire::CryptoFrame{.offset = 1, .data = as_bytes("x")})));
    EXPECT_EQ(listener.close_reason()->by, By::Error);
  }
  {
    FedListener listener;
    const Bytes data(10'000, std::byte{0});
    std::optional<CloseReason> reason;
    for (std::uint64_t offset = 0; offset < 1'000'000 && !reason; offset += data.size()) {
      listener.feed(make_packet({}, encoded(wire::CryptoFrame{.offset = offset, .data = data})));
      reason = listener.close_reason();
    }
    ASSERT_TRUE(reason.has_value());
  }
}

TEST(HostilePeerTest, AnUnsealedPacketAfterTheHandshakeIsAnError) {
  FramedLink link({});
  ASSERT_TRUE(link.connect());
  for (sim::FramedEnd* end : {&link.dialer(), &link.listener()}) {
    end->engine.handle_bytes(
        link.now(), make_packet({}, encoded(wire::ConnectionCloseFrame{.error_code = 0x102, .reason = {}})));
  }
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }));
  EXPECT_EQ(link.dialer().close_reason()->code, std::to_underlying(ProtocolCode::ProtocolViolation));
  EXPECT_EQ(link.listener().close_reason()->code, std::to_underlying(ProtocolCode::ProtocolViolation));
}

TEST(HostilePeerTest, APacketThatComesTwiceIsNotAuthentic) {
  FramedLink link({});
  ASSERT_TRUE(link.connect());
  link.dialer().session().ping(link.now().engine);
  Bytes out(link.dialer().engine.min_transmit_bytes());
  out.resize(link.dialer().engine.poll_transmit(link.now(), out));
  ASSERT_FALSE(out.empty());
  link.listener().engine.handle_bytes(link.now(), out);
  EXPECT_TRUE(link.listener().engine.is_established());
  EXPECT_FALSE(link.listener().engine.poll_event().has_value());
  link.listener().engine.handle_bytes(link.now(), out);
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }));
  EXPECT_EQ(link.listener().close_reason()->text, "a packet is not authentic");
}

TEST(HostilePeerTest, ASealedPacketShorterThanItsTagIsNotAuthentic) {
  FramedLink link({});
  ASSERT_TRUE(link.connect());
  link.listener().engine.handle_bytes(link.now(), make_packet({.is_sealed = true}, Bytes(3)));
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }));
  EXPECT_EQ(link.listener().close_reason()->code, std::to_underlying(ProtocolCode::ProtocolViolation));
}

TEST(HostilePeerTest, AReplayedConversationIsRefused) {
  FramedLink link({});
  ASSERT_TRUE(link.connect());
  // The same bytes to another connection of the same listener would need the other's secrets; to a fresh
  // listener the Init is new, but the Confirm cannot fit its Response.
  FedListener fresh;
  fresh.feed(link.pipe_to_listener().captured());
  EXPECT_TRUE(fresh.close_reason().has_value());
  EXPECT_FALSE(fresh.engine().is_established());
}

}  // namespace
}  // namespace jetway::framed
