#include "tests/jsp_sim/early_data_fixture.h"
#include "tests/jsp_sim/recording.h"

namespace jetway::sim {
namespace {

using session::ProtocolCode;

// The types of the packets of a dialer's datagram.
std::vector<jsp::PacketType> packet_types(ByteView datagram) {
  std::vector<jsp::PacketType> types;
  while (!datagram.empty()) {
    const auto header = jsp::decode_packet_header(datagram, jsp::ConnectionId::kMaxBytes);
    if (!header) break;
    types.push_back(header->type);
    datagram = datagram.subspan(header->packet_bytes);
  }
  return types;
}
bool has(ByteView datagram, jsp::PacketType type) {
  return std::ranges::contains(packet_types(datagram), type);
}

// ---- accepted ----

// Goal: what the round trips are. A request with the Init is heard after half of one, without a ticket after
// two and a half; the answer waits for Confirm, and is there after two instead of three.
TEST_F(EarlyDataTest, ARequestWithTheInitIsHeardTwoRoundTripsSoonerAndAnsweredOneSooner) {
  make();
  const Ticket ticket = take_ticket();
  ASSERT_NE(ticket, nullptr);
  const Bytes request = request_of(300);

  ask(nullptr, request);
  const auto without = wait_for_answer(request);
  ASSERT_TRUE(without) << pair->report();
  EXPECT_GE(heard_after(), 5 * kOneWay);
  EXPECT_GE(*without, 6 * kOneWay);
  EXPECT_LT(*without, 6 * kOneWay + 2ms);
  ASSERT_TRUE(pair->close());

  requests = {};
  ask(ticket, request);
  const auto with = wait_for_answer(request);
  ASSERT_TRUE(with) << pair->report();
  EXPECT_EQ(is_accepted(), true);
  EXPECT_LT(heard_after(), kOneWay + 1ms);
  EXPECT_LT(*with, 4 * kOneWay + 2ms);
  EXPECT_EQ(requests.whole, only(request));
  EXPECT_TRUE(pair->close()) << pair->report();
}

TEST_F(EarlyDataTest, ASmallRequestFillsTheDatagramThatTheInitLeavesOpen) {
  make();
  const Ticket ticket = take_ticket();
  const Recording recording(*pair);
  ask(ticket, request_of(200));
  expect_exactly_once(request_of(200));
  ASSERT_GE(recording.datagrams.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(recording.datagrams[i].bytes.size(), 1200U) << i;
  EXPECT_FALSE(has(recording.datagrams[0].bytes, jsp::PacketType::Early));
  EXPECT_TRUE(has(recording.datagrams[1].bytes, jsp::PacketType::Initial));
  EXPECT_TRUE(has(recording.datagrams[1].bytes, jsp::PacketType::Early));
  EXPECT_EQ(pair->dialer().last_statistics.packets_undecryptable, 0U);
}

TEST_F(EarlyDataTest, ALargeRequestGoesAsFarAsTheWindowLetsItAndOnAfterTheHandshake) {
  make();
  const Ticket ticket = take_ticket();
  const Bytes request = request_of(300'000);
  ask(ticket, request);
  expect_exactly_once(request);
  EXPECT_EQ(is_accepted(), true);
  EXPECT_LT(heard_after(), kOneWay + 1ms);
}

TEST_F(EarlyDataTest, AMessageThatMayBeRepeatedGoesEarlyAndOthersWait) {
  make();
  pair->config.dialer.handshake.ticket = take_ticket();
  pair->dial();
  const Bytes message = request_of(700);
  pair->dialer_host.command(pair->dialer(), [&](Now, jsp::Connection& engine) {
    session::Session& session = engine.session();
    const auto not_admitted = session::StreamErrc::NotAdmitted;
    EXPECT_EQ(session.send_message(message).error().code, not_admitted);
    EXPECT_EQ(session.open_stream(session::Direction::OneWay).error().code, not_admitted);
    EXPECT_EQ(session.send_datagram(message).error().code, not_admitted);
    session::StreamOptions unreliable = kRepeatable;
    unreliable.delivery.mode = session::DeliveryMode::BestEffort;
    EXPECT_EQ(session.send_message(message, unreliable).error().code, not_admitted);
    EXPECT_TRUE(session.send_message(message, kRepeatable));
  });
  ASSERT_TRUE(pair->run_until([&] { return !requests.whole.empty(); }, 1s));
  EXPECT_FALSE(pair->dialer().is_admitted());
  ASSERT_TRUE(pair->run_until([&] { return pair->dialer().is_admitted(); }, 1s));
  EXPECT_EQ(requests.whole, only(message));
  EXPECT_EQ(is_accepted(), true);
}

// ---- not accepted ----

TEST_F(EarlyDataTest, ATicketThatWasUsedIsDeclinedAndTheRequestGoesAgain) {
  make();
  const Ticket ticket = take_ticket();
  const Bytes request = request_of(100);
  ask(ticket, request);
  expect_exactly_once(request);
  EXPECT_EQ(is_accepted(), true);
  requests = {};
  expect_declined(ticket);
}

TEST_F(EarlyDataTest, WithATicketThatHasExpiredThereIsNoEarlyData) {
  make();
  const Ticket ticket = take_ticket();
  pair->run_for(61min);
  pair->config.dialer.handshake.ticket = ticket;
  pair->dial();
  pair->dialer_host.command(pair->dialer(), [&](Now, jsp::Connection& engine) {
    EXPECT_FALSE(engine.session().open_stream(session::Direction::OneWay, kRepeatable));
  });
  EXPECT_TRUE(pair->run_until([&] { return pair->dialer().is_admitted(); }, 5s));
}

// The dialer's clock is behind, so that it believes the ticket good.
TEST_F(EarlyDataTest, AListenerDeclinesATicketThatHasExpiredByItsClock) {
  JspPairConfig config = usual();
  config.listener_endpoint.tickets->lifetime = 2s;
  make(config);
  auto ticket = std::make_shared<crypto::ResumptionTicket>();
  const Ticket first = take_ticket();
  ticket->ticket = first->ticket;
  ticket->secret = first->secret.clone();
  ticket->listener = first->listener;
  ticket->version = first->version;
  ticket->suite = first->suite;
  ticket->session_parameters = first->session_parameters;
  ticket->expires = first->expires + 1h;
  pair->run_for(3s);
  expect_declined(ticket);
}

TEST_F(EarlyDataTest, AListenerThatHasRestartedDeclines) {
  make();
  const Ticket ticket = take_ticket();
  pair->listener_host.restart();
  expect_declined(ticket);
}

TEST_F(EarlyDataTest, APeerThatIsNoLongerOnTheListIsDeclinedAndKeepsItsTicket) {
  make();
  const Ticket ticket = take_ticket();
  is_allowed = false;
  expect_declined(ticket);
  is_allowed = true;
  requests = {};
  const Bytes request = request_of(100);
  ask(ticket, request);
  expect_exactly_once(request);
  EXPECT_EQ(is_accepted(), true);
}

TEST_F(EarlyDataTest, APeerThatIsNotOnTheListGetsNoTicket) {
  make();
  is_allowed = false;
  ASSERT_TRUE(pair->connect());
  pair->run_for(1s);
  EXPECT_EQ(pair->dialer().find_event<session::TicketReceived>(), nullptr);
}

// Goal: rejected is not lost: the window is what it was, nothing counts as retransmitted by loss.
TEST_F(EarlyDataTest, WhatIsDeclinedCountsNeitherAsLostNorAsDelivered) {
  make();
  const Ticket ticket = take_ticket();
  pair->listener_host.restart();
  const Bytes request = request_of(9000);
  ask(ticket, request);
  ASSERT_TRUE(wait_for_answer(request)) << pair->report();
  EXPECT_EQ(is_accepted(), false);
  EXPECT_EQ(pair->dialer().session().counters().packets_lost.value(), 0U);
  const jsp::PathInfo path = pair->dialer().engine().paths().front();
  EXPECT_EQ(path.statistics.packets_lost, 0U);
  EXPECT_EQ(path.congestion_state, "startup") << "no answer to a loss";
  EXPECT_EQ(requests.whole, only(request));
}

// Goal: a listener that has become smaller since gets no more than it takes now.
TEST_F(EarlyDataTest, ADeclinedRequestKeepsToTheLimitsOfNow) {
  make();
  const Ticket ticket = take_ticket();
  jsp::JspConfig smaller = pair->config.listener;
  smaller.session.stream_window_bytes = smaller.session.connection_window_bytes = 2000;
  pair->listener_host.listen(smaller);
  pair->listener_host.restart();
  const Bytes request = request_of(9000);
  ask(ticket, request);
  expect_exactly_once(request);
  EXPECT_EQ(is_accepted(), false);
}

TEST_F(EarlyDataTest, AListenerThatTakesFewerStreamsThanWereOpenedEndsTheConnection) {
  make();
  const Ticket ticket = take_ticket();
  jsp::JspConfig smaller = pair->config.listener;
  smaller.session.streams_two_way_max = 0;
  pair->listener_host.listen(smaller);
  pair->listener_host.restart();
  ask(ticket, request_of(100));
  ASSERT_TRUE(pair->run_until([&] { return pair->is_over(); }, 30s)) << pair->report();
  EXPECT_EQ(pair->dialer().close_reason()->code, std::to_underlying(ProtocolCode::StreamLimit));
  EXPECT_TRUE(requests.whole.empty());
}

// ---- Retry ----

TEST_F(EarlyDataTest, AfterAStatelessRetryTheEarlyPacketsGoAgain) {
  JspPairConfig config = usual();
  config.listener_endpoint.always_retry = true;
  make(config);
  const Ticket ticket = take_ticket();
  const Bytes request = request_of(3000);
  ask(ticket, request);
  expect_exactly_once(request);
  EXPECT_EQ(is_accepted(), true);
  EXPECT_LT(heard_after(), 3 * kOneWay + 1ms);
}

TEST_F(EarlyDataTest, WithARetryOfTheHandshakeThereIsNoEarlyData) {
  make();
  const Ticket ticket = take_ticket();
  pair->dialer_machine.jump_wall_clock(-30s);
  expect_declined(ticket);
}

TEST_F(EarlyDataTest, BothKindsOfRetryAtOnce) {
  JspPairConfig config = usual();
  config.listener_endpoint.always_retry = true;
  make(config);
  const Ticket ticket = take_ticket();
  pair->dialer_machine.jump_wall_clock(-30s);
  expect_declined(ticket);
}

// ---- a network that loses and reorders ----

// Method: each of the first datagrams is lost once.
TEST_F(EarlyDataTest, WhicheverOfTheFirstDatagramsIsLostTheRequestArrivesOnce) {
  for (int lost = 0; lost < 8; ++lost) {
    SCOPED_TRACE(lost);
    make();
    requests = {};
    const Ticket ticket = take_ticket();
    pair->links.front().there.set_tap([count = 0, lost](TimePoint, Packet&) mutable {
      return count++ == lost ? TapVerdict::Drop : TapVerdict::Pass;
    });
    const Bytes request = request_of(6000);
    ask(ticket, request);
    expect_exactly_once(request);
    EXPECT_EQ(is_accepted(), true);
  }
}

// Goal: Early packets that come when the Init is not whole are kept.
// Method: the first datagram, which has the first half of the Init, comes last.
TEST_F(EarlyDataTest, EarlyPacketsThatComeBeforeTheInitIsWholeAreKept) {
  make();
  const Ticket ticket = take_ticket();
  pair->links.front().there.set_tap([&, count = 0](TimePoint, Packet& packet) mutable {
    if (count++ != 0) return TapVerdict::Pass;
    return arrive_late(packet);
  });
  const Bytes request = request_of(6000);
  ask(ticket, request);
  ASSERT_TRUE(pair->run_until([&] { return !requests.whole.empty(); }, 5s)) << pair->report();
  EXPECT_LT(pair->network.elapsed() - began, kOneWay + 6ms);
  expect_exactly_once(request);
  EXPECT_EQ(is_accepted(), true);
}

TEST_F(EarlyDataTest, EarlyPacketsThatComeBeforeAnyOfTheInitGoAgain) {
  make();
  const Ticket ticket = take_ticket();
  pair->links.front().there.set_tap([&](TimePoint, Packet& packet) {
    if (!has(packet.bytes(), jsp::PacketType::Initial) || pair->network.elapsed() > began)
      return TapVerdict::Pass;
    return arrive_late(packet);
  });
  const Bytes request = request_of(6000);
  ask(ticket, request);
  expect_exactly_once(request);
  EXPECT_EQ(is_accepted(), true);
}

// Goal: what is doubled acts once, and late Early packets are still understood.
TEST_F(EarlyDataTest, OnABadNetworkTheRequestActsOnce) {
  JspPairConfig config = usual();
  config.there = {.delay = kOneWay, .jitter = 30ms, .keeps_order = false, .loss = 0.1, .duplication = 0.3};
  config.back = config.there;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    config.seed = seed;
    requests = {};
    make(config);
    const Ticket ticket = take_ticket();
    ASSERT_NE(ticket, nullptr);
    const Bytes request = request_of(8000);
    ask(ticket, request);
    expect_exactly_once(request);
  }
}

// ---- who copies datagrams ----

// Goal: datagrams recorded from the wire act at most once, while the connection lives and afterwards.
TEST_F(EarlyDataTest, RecordedDatagramsActAtMostOnce) {
  make();
  const Ticket ticket = take_ticket();
  const Recording recording(*pair);
  const Bytes request = request_of(3000);
  ask(ticket, request);
  ASSERT_TRUE(wait_for_answer(request)) << pair->report();
  EXPECT_EQ(is_accepted(), true);
  const auto replay = [&](const IpEndpoint& from) {
    for (const RecordedDatagram& datagram : std::vector(recording.datagrams)) {
      if (datagram.destination == JspPair::kListener)
        pair->network.inject(from, JspPair::kListener, datagram.bytes);
    }
    pair->run_for(1s);
  };
  const IpEndpoint stranger = IpEndpoint::v4({203, 0, 113, 7}, 999);
  replay(JspPair::dialer_address(0));
  replay(stranger);
  ASSERT_TRUE(pair->close()) << pair->report();
  replay(JspPair::dialer_address(0));
  replay(stranger);
  pair->run_for(30s);  // the listener has forgotten the random of the Init by then
  replay(stranger);
  EXPECT_EQ(requests.whole, only(request));
}

// Goal: if only the Init with its early data is copied, and the copy comes first, it is the copy that acts.
TEST_F(EarlyDataTest, ACopyThatComesFirstTakesTheTicketAndTheRequestStillActsOnceAtMost) {
  make();
  const Ticket ticket = take_ticket();
  const IpEndpoint stranger = IpEndpoint::v4({203, 0, 113, 7}, 999);
  pair->links.front().there.set_tap([&](TimePoint, Packet& packet) {
    if (has(packet.bytes(), jsp::PacketType::Initial))
      pair->network.inject(stranger, JspPair::kListener, packet.bytes());
    return TapVerdict::Pass;
  });
  ask(ticket, request_of(300));
  pair->run_for(20s);
  EXPECT_LE(requests.whole.size(), 1U) << pair->report();
}

// Goal: a stolen ticket says nothing about who brings it: Confirm decides.
TEST_F(EarlyDataTest, AnotherIdentityThanTheTicketsEndsTheConnection) {
  make();
  const Ticket ticket = take_ticket();
  pair->config.dialer.handshake.identity = test_identity(2);
  ask(ticket, request_of(300));
  ASSERT_TRUE(pair->run_until([&] { return pair->is_over(); }, 30s)) << pair->report();
  const JspConnection& listener = *pair->listener_host.last_connection();
  const auto* const failed = listener.find_event<session::HandshakeFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error.code, crypto::HandshakeErrc::PeerMismatch);
  EXPECT_EQ(pair->dialer().count<session::StreamReadable>(), 0U) << "no answer";
}

}  // namespace
}  // namespace jetway::sim
