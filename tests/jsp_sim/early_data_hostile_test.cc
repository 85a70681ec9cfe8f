#include <array>

#include "jetway/wire/frame.h"
#include "tests/jsp_sim/early_data_fixture.h"
#include "tests/jsp_sim/hostile_peer.h"

namespace jetway::sim {
namespace {

using session::ProtocolCode;

// A peer that has a ticket and keeps no rule.

class HostileEarlyDataTest : public EarlyDataTest {
 protected:
  HostileEarlyDataTest() {
    make();
    ticket = take_ticket();
    jsp::JspConfig config = pair->config.dialer;
    config.handshake.ticket = ticket;
    Host& host = pair->network.add_host("hostile", kAddress);
    pair->network.connect(kAddress, JspPair::kListener, {.delay = 1ms});
    peer.emplace(host, config, JspPair::kListener, pair->network.random()());
  }
  void expect_violation(const std::function<void(wire::Writer&)>& write_frames) {
    peer->send_early(write_frames);
    const auto& connections = pair->listener_host.connections();
    ASSERT_TRUE(pair->run_until([&] { return connections.size() == 2 && connections[1]->is_over(); }, 1min));
    const session::CloseReason* const reason = pair->listener_host.last_connection()->close_reason();
    EXPECT_EQ(reason->by, session::CloseReason::By::Error);
    EXPECT_EQ(reason->code, std::to_underlying(ProtocolCode::ProtocolViolation)) << reason->text;
  }
  static constexpr IpEndpoint kAddress = IpEndpoint::v4({10, 9, 0, 1}, 6666);
  Ticket ticket;
  std::optional<HostilePeer> peer;
};

TEST_F(HostileEarlyDataTest, AnEarlyStreamIsTaken) {
  peer->send_early([](wire::Writer& out) {
    wire::encode_frame(out, wire::Frame{wire::StreamFrame{
                                .stream_id = 0, .offset = 0, .is_final = true, .data = as_bytes("\x10now")}});
  });
  ASSERT_TRUE(pair->run_until([&] { return !requests.whole.empty(); }, 5s)) << pair->report();
  EXPECT_EQ(requests.whole.front(), to_bytes("now"));
}

TEST_F(HostileEarlyDataTest, FramesOfThePacketsAreAViolation) {
  expect_violation([](wire::Writer& out) { jsp::encode_frame(out, jsp::HandshakeDoneFrame{}); });
}
TEST_F(HostileEarlyDataTest, AnAckIsAViolation) {
  static constexpr std::array<jsp::PacketRange, 1> kRanges{{{.first = 0, .last = 0}}};
  expect_violation([](wire::Writer& out) {
    jsp::encode_frame(out, jsp::AckFrame{.delay = 0ms, .ranges = kRanges, .ecn = std::nullopt});
  });
}
TEST_F(HostileEarlyDataTest, AHandshakeIsAViolation) {
  expect_violation([](wire::Writer& out) {
    jsp::encode_frame(out, jsp::CryptoFrame{.offset = 0, .data = as_bytes("x")});
  });
}
TEST_F(HostileEarlyDataTest, AChallengeIsAViolation) {
  expect_violation([](wire::Writer& out) { jsp::encode_frame(out, jsp::PathChallengeFrame{}); });
}
TEST_F(HostileEarlyDataTest, ADatagramIsAViolation) {
  expect_violation([](wire::Writer& out) {
    wire::encode_frame(out, wire::Frame{wire::DatagramFrame{.data = as_bytes("x")}});
  });
}
TEST_F(HostileEarlyDataTest, ACloseIsAViolation) {
  expect_violation([](wire::Writer& out) {
    wire::encode_frame(
        out, wire::Frame{wire::ConnectionCloseFrame{.by_application = true, .error_code = 7, .reason = {}}});
  });
}

}  // namespace
}  // namespace jetway::sim
