#pragma once

#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "tests/jsp_sim/jsp_pair.h"
#include "tests/jsp_sim/responder.h"
#include "tests/sim/seed.h"

namespace jetway::sim {

using namespace std::chrono_literals;
using Ticket = std::shared_ptr<const crypto::ResumptionTicket>;

inline constexpr Duration kOneWay = 20ms;
inline constexpr session::StreamOptions kRepeatable{.is_repeatable = true};

inline Bytes request_of(std::size_t size) {
  Bytes request(size);
  SeededRandom(size).fill(request);
  return request;
}

inline std::vector<Bytes> only(ByteView request) { return {to_bytes(request)}; }

// A first connection brings a ticket, a second one may use it (docs/protocol/jsp.md section 4.6).
class EarlyDataTest : public testing::Test {
 protected:
  JspPairConfig usual() {
    JspPairConfig config;
    config.seed = seed_from_environment(7);
    config.there = config.back = {.delay = kOneWay};
    config.listener_endpoint.tickets.emplace();
    config.listener.handshake.is_admitted_early = [this](const crypto::PeerId&) { return is_allowed; };
    config.dialer.handshake.expected_peer = test_identity(1)->peer_id();
    return config;
  }
  void make(const JspPairConfig& config) {
    pair.emplace(config);
    pair->listener_host.on_accepted = [this](JspConnection& connection) {
      connection.application = std::make_unique<Responder>(requests, pair->network);
    };
  }
  void make() { make(usual()); }

  Ticket take_ticket() {
    EXPECT_TRUE(pair->connect()) << pair->report();
    EXPECT_TRUE(pair->run_until([&] { return pair->dialer().find_event<session::TicketReceived>(); }, 1s));
    const auto* const received = pair->dialer().find_event<session::TicketReceived>();
    Ticket ticket = received == nullptr ? nullptr : received->ticket;
    EXPECT_TRUE(pair->close()) << pair->report();
    return ticket;
  }
  // Dials and says `request` at once, or as soon as it may.
  void ask(const Ticket& ticket, ByteView request) {
    pair->config.dialer.handshake.ticket = ticket;
    began = pair->network.elapsed();
    const auto say = [&](Now, jsp::Connection& engine) {
      stream = engine.session().open_stream(session::Direction::TwoWay, kRepeatable).value();
      ASSERT_EQ(engine.session().write(stream, request), request.size());
      ASSERT_TRUE(engine.session().finish(stream));
    };
    if (ticket) {
      pair->dialer_host.connect(pair->config.dialer, JspPair::kListener, JspPair::dialer_address(0), say);
      return;
    }
    pair->dial();
    ASSERT_TRUE(pair->run_until([&] { return pair->dialer().is_admitted(); }, 5s)) << pair->report();
    pair->dialer_host.command(pair->dialer(), say);
  }
  // How long after ask() the first byte of the answer is there; nothing: it never is, or is wrong.
  std::optional<Duration> wait_for_answer(ByteView request, Duration limit = 20s) {
    Bytes answer;
    std::optional<Duration> first_byte;
    bool is_at_end = false;
    const auto read = [&] {
      if (pair->dialer().is_over()) return true;
      if (pair->dialer().count<session::StreamReadable>() == 0) return false;
      if (!first_byte) first_byte = pair->network.elapsed() - began;
      pair->dialer_host.command(pair->dialer(), [&](Now, jsp::Connection& engine) {
        Bytes piece(4096);
        const auto result = engine.session().read(stream, piece);
        if (!result) return;
        answer.insert(answer.end(), piece.begin(),
                      piece.begin() + static_cast<std::ptrdiff_t>(result->bytes));
        is_at_end = result->is_end;
      });
      return is_at_end;
    };
    if (!pair->run_until(read, limit) || !equal_bytes(answer, request)) return std::nullopt;
    return first_byte;
  }
  std::optional<bool> is_accepted() {
    const auto* const answered = pair->dialer().find_event<session::EarlyDataAnswered>();
    return answered == nullptr ? std::nullopt : std::optional{answered->is_accepted};
  }
  // For a tap: the packet comes 5 ms after all that was sent at the same moment.
  TapVerdict arrive_late(const Packet& packet) {
    const auto arrive = [this, from = packet.source, to = packet.destination,
                         bytes = to_bytes(packet.bytes())] { pair->network.inject(from, to, bytes); };
    pair->network.after(kOneWay + 5ms, arrive);
    return TapVerdict::Drop;
  }
  Duration heard_after() { return requests.first_byte_at.value_or(began) - began; }
  // The request acts exactly once, its answer is whole, and the connection is in order.
  void expect_exactly_once(ByteView request) {
    EXPECT_TRUE(wait_for_answer(request)) << pair->report();
    EXPECT_EQ(requests.whole, only(request)) << pair->report();
    EXPECT_TRUE(pair->close()) << pair->report();
  }
  void expect_declined(const Ticket& ticket) {
    const Bytes request = request_of(3000);
    ask(ticket, request);
    expect_exactly_once(request);
    EXPECT_EQ(is_accepted(), false) << pair->report();
    EXPECT_GT(heard_after(), 2 * kOneWay);
  }

  std::optional<JspPair> pair;
  Requests requests;
  bool is_allowed = true;
  session::StreamId stream = 0;
  Duration began{};
};

}  // namespace jetway::sim
