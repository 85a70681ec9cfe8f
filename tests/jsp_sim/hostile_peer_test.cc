#include "tests/jsp_sim/hostile_peer.h"

#include <array>

#include <gtest/gtest.h>

#include "tests/jsp_sim/bulk.h"
#include "tests/jsp_sim/jsp_pair.h"
#include "tests/sim/network.h"
#include "tests/sim/seed.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;
using session::ProtocolCode;

constexpr IpEndpoint kHostileAddress = IpEndpoint::v4({10, 9, 0, 1}, 6666);
constexpr IpEndpoint kTargetAddress = IpEndpoint::v4({192, 0, 2, 9}, 4717);

// What somebody may do who has been admitted: the connection ends with a code, or what he does costs no more
// than he pays.
class HostilePeerTest : public testing::Test {
 protected:
  HostilePeerTest() {
    network.connect(kHostileAddress, kTargetAddress, {.delay = 1ms});
    target.listen(test_config(1));
    peer.emplace(hostile_host, test_config(2), kTargetAddress, network.random()());
  }
  void establish() {
    ASSERT_TRUE(network.run_until([&] { return peer->packets_received > 0; }, 5s)) << network.report();
    network.run_for(100ms);
    ASSERT_NE(target.last_connection(), nullptr);
    ASSERT_FALSE(target.last_connection()->is_over());
  }
  void send(const wire::Frame& frame) {
    peer->send([&](wire::Writer& out) { wire::encode_frame(out, frame); });
  }
  void send(const jsp::Frame& frame) {
    peer->send([&](wire::Writer& out) { jsp::encode_frame(out, frame); });
  }
  void expect_end(ProtocolCode code) {
    ASSERT_TRUE(network.run_until([&] { return target.last_connection()->is_over(); }, 1min))
        << network.report();
    const session::CloseReason* const reason = target.last_connection()->close_reason();
    ASSERT_NE(reason, nullptr);
    EXPECT_EQ(reason->by, session::CloseReason::By::Error) << reason->text;
    EXPECT_EQ(reason->code, static_cast<std::uint64_t>(code)) << reason->text;
  }
  void expect_life() {
    network.run_for(100ms);
    EXPECT_FALSE(target.last_connection()->is_over()) << network.report();
  }

  Network network{{.seed = seed_from_environment(7)}};
  Host& hostile_host = network.add_host("hostile", kHostileAddress);
  Host& target_host = network.add_host("target", kTargetAddress);
  JspHost target{target_host, {}, network.random()()};
  std::optional<HostilePeer> peer;
};

TEST_F(HostilePeerTest, TheHostilePeerSpeaksTheProtocol) {
  establish();
  send(jsp::Frame{jsp::PingFrame{}});
  const std::uint64_t before = peer->packets_received;
  network.run_for(1s);
  EXPECT_GT(peer->packets_received, before);
  expect_life();
}

// ---- what ends the connection ----

TEST_F(HostilePeerTest, AnAcknowledgementOfWhatWasNeverSent) {
  establish();
  const std::array<jsp::PacketRange, 1> ranges{{{.first = 0, .last = *peer->largest_received + 1000}}};
  jsp::AckFrame ack;
  ack.ranges = ranges;
  send(jsp::Frame{ack});
  expect_end(ProtocolCode::ProtocolViolation);
}

// Goal: who acknowledges what he has not received is found out.
// Method: everything up to the newest packet is acknowledged, as if nothing ever got lost or were left out.
TEST_F(HostilePeerTest, OptimisticAcknowledgements) {
  establish();
  target.last_connection()->application = std::make_unique<BulkSender>();
  target.command(*target.last_connection(), [](Now, jsp::Connection& engine) {
    ASSERT_TRUE(engine.session().open_stream(session::Direction::OneWay));
  });
  const auto is_over = [&] { return target.last_connection()->is_over(); };
  for (int i = 0; i < 5'000 && !is_over(); ++i) {
    const std::array<jsp::PacketRange, 1> ranges{{{.first = 0, .last = *peer->largest_received}}};
    jsp::AckFrame ack;
    ack.ranges = ranges;
    send(jsp::Frame{ack});
    // The windows of an accomplice: nothing is held back.
    send(wire::Frame{wire::MaxDataFrame{.maximum = std::uint64_t{1} << 40}});
    send(wire::Frame{wire::MaxStreamDataFrame{.stream_id = 3, .maximum = std::uint64_t{1} << 40}});
    network.run_for(3ms);
  }
  expect_end(ProtocolCode::ProtocolViolation);
}

TEST_F(HostilePeerTest, CryptoAfterTheHandshake) {
  establish();
  send(jsp::Frame{jsp::CryptoFrame{.offset = 0, .data = as_bytes("more")}});
  expect_end(ProtocolCode::ProtocolViolation);
}

TEST_F(HostilePeerTest, HandshakeDoneFromADialer) {
  establish();
  send(jsp::Frame{jsp::HandshakeDoneFrame{}});
  expect_end(ProtocolCode::ProtocolViolation);
}

TEST_F(HostilePeerTest, AFrameThatNobodyKnows) {
  establish();
  peer->send([](wire::Writer& out) { out.varint(0x3fff); });
  expect_end(ProtocolCode::FrameEncoding);
}

TEST_F(HostilePeerTest, AFrameThatIsCutOff) {
  establish();
  peer->send([](wire::Writer& out) {
    out.varint(0x18);
    out.u8(0);
  });
  expect_end(ProtocolCode::FrameEncoding);
}

TEST_F(HostilePeerTest, AFrameOfOursBehindOneOfTheSession) {
  establish();
  peer->send([](wire::Writer& out) {
    wire::encode_frame(out, wire::MaxDataFrame{.maximum = 1 << 20});
    jsp::encode_frame(out, jsp::PathChallengeFrame{});
  });
  expect_end(ProtocolCode::FrameEncoding);
}

TEST_F(HostilePeerTest, MoreConnectionIdsThanAreAllowed) {
  establish();
  for (std::uint64_t sequence = 1; sequence < 200; ++sequence) {
    jsp::NewConnectionIdFrame frame;
    frame.sequence = sequence;
    frame.id = jsp::ConnectionId{std::as_bytes(std::span{&sequence, 1})};
    send(jsp::Frame{frame});
  }
  ASSERT_TRUE(network.run_until([&] { return target.last_connection()->is_over(); }, 1min));
  EXPECT_EQ(target.last_connection()->close_reason()->by, session::CloseReason::By::Error);
}

TEST_F(HostilePeerTest, AConnectionIdGivenBackThatWasNeverIssued) {
  establish();
  send(jsp::Frame{jsp::RetireConnectionIdFrame{.path = 0, .sequence = 1000}});
  expect_end(ProtocolCode::ConnectionIds);
}

TEST_F(HostilePeerTest, MoreStreamsThanAreAllowed) {
  establish();
  send(wire::Frame{wire::StreamFrame{.stream_id = 4 * 1'000'000, .offset = 0, .is_final = true, .data = {}}});
  expect_end(ProtocolCode::StreamLimit);
}

TEST_F(HostilePeerTest, MoreDataThanTheWindow) {
  establish();
  send(wire::Frame{wire::StreamFrame{
      .stream_id = 0, .offset = std::uint64_t{1} << 40, .is_final = false, .data = as_bytes("x")}});
  expect_end(ProtocolCode::FlowControl);
}

TEST_F(HostilePeerTest, OversizedCryptoInTheHandshake) {
  peer->send_initial([](wire::Writer& out) {
    jsp::encode_frame(out, jsp::CryptoFrame{.offset = 1 << 20, .data = as_bytes("far beyond")});
  });
  network.run_for(1min);
  const jsp::EndpointStatistics statistics = target.endpoint().statistics();
  EXPECT_EQ(statistics.half_open, 0U);
  if (target.last_connection() != nullptr) {
    EXPECT_TRUE(target.last_connection()->is_over());
  }
}

// ---- what costs no more than it should ----

TEST_F(HostilePeerTest, AFloodOfChallengesIsAnsweredWithLessThanItIs) {
  establish();
  const std::uint64_t bytes_before = target_host.statistics().bytes_sent;
  const std::uint64_t sent_before = hostile_host.statistics().bytes_sent;
  for (int i = 0; i < 200; ++i) {
    peer->send([](wire::Writer& out) {
      for (int challenge = 0; challenge < 100; ++challenge) jsp::encode_frame(out, jsp::PathChallengeFrame{});
    });
  }
  expect_life();
  network.run_for(1s);
  EXPECT_LE(target_host.statistics().bytes_sent - bytes_before,
            2 * (hostile_host.statistics().bytes_sent - sent_before));
}

TEST_F(HostilePeerTest, AFloodOfPingsIsAcknowledgedInBatches) {
  establish();
  const std::uint64_t before = target_host.statistics().datagrams_sent;
  for (int i = 0; i < 2'000; ++i) {
    peer->send([](wire::Writer& out) {
      for (int ping = 0; ping < 1'000; ++ping) jsp::encode_frame(out, jsp::PingFrame{});
    });
  }
  expect_life();
  EXPECT_LE(target_host.statistics().datagrams_sent - before, 1'100U);
}

// Goal: what is out of order is bounded in pieces (session::ReceiveBuffer::kGapsMax), not by the window
// alone. Method: every second byte of a stream, each in a frame of its own.
TEST_F(HostilePeerTest, AStreamOfHolesIsBounded) {
  establish();
  std::uint64_t offset = 1;
  for (int i = 0; i < 500; ++i) {
    peer->send([&](wire::Writer& out) {
      for (int hole = 0; hole < 100; ++hole) {
        wire::encode_frame(
            out,
            wire::StreamFrame{.stream_id = 0, .offset = offset, .is_final = false, .data = as_bytes("x")});
        offset += 2;
      }
    });
    network.run_for(100us);
  }
  expect_end(ProtocolCode::ProtocolViolation);
}

// Goal: streams that are opened and thrown away at once cost the target no more packets than the peer.
TEST_F(HostilePeerTest, AFloodOfStreamsThatAreResetCostsNoMoreThanItIs) {
  establish();
  const std::uint64_t before = target_host.statistics().datagrams_sent;
  constexpr std::uint64_t kOneWay = 2;
  for (std::uint64_t stream = 0; stream < 20'000; ++stream) {
    send(wire::Frame{
        wire::ResetStreamFrame{.stream_id = 4 * stream + kOneWay, .error_code = 1, .final_size = 0}});
    if (stream % 64 == 0) network.run_for(2ms);
  }
  expect_life();
  EXPECT_LE(target_host.statistics().datagrams_sent - before, peer->packets_sent);
}

// Goal: a frame costs the time to read it and one ACK for many, whatever it is about.
TEST_F(HostilePeerTest, AFloodOfFramesWithoutNewsIsOnlyAcknowledged) {
  establish();
  const std::uint64_t before = target_host.statistics().datagrams_sent;
  for (int i = 0; i < 2'000; ++i) {
    peer->send([](wire::Writer& out) {
      for (int frame = 0; frame < 200; ++frame) {
        wire::encode_frame(out, wire::MaxDataFrame{.maximum = 1});
        wire::encode_frame(out, wire::MaxStreamsFrame{.direction = {}, .maximum = 1});
      }
    });
  }
  expect_life();
  EXPECT_LE(target_host.statistics().datagrams_sent - before, 1'100U);
}

TEST_F(HostilePeerTest, PathsByTheHundredAreNotMade) {
  establish();
  for (std::uint32_t path = 1; path < 300; ++path) {
    send(jsp::Frame{jsp::PathStatusFrame{.path = path, .sequence = 1, .is_backup = true}});
    send(jsp::Frame{jsp::PathAbandonFrame{.path = path, .error_code = 0}});
  }
  network.run_for(1s);
  if (!target.last_connection()->is_over()) {
    EXPECT_LE(target.last_connection()->engine().paths().size(), 4U);
  }
}

}  // namespace
}  // namespace jetway::sim
