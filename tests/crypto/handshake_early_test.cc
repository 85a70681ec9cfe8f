// Tickets and early data (docs/protocol/handshake.md section 9).

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "jetway/crypto/handshake_messages.h"
#include "jetway/crypto/packet_keys.h"
#include "jetway/crypto/ticket.h"
#include "tests/crypto/handshake_pair.h"

namespace jetway::crypto {
namespace {

using namespace std::chrono_literals;
using test::HandshakePair;
using test::identity_of;

const PeerId& dialer_id() {
  static const PeerId kId = identity_of(Role::Dialer)->peer_id();
  return kId;
}

// A listener's shard that outlives its connections.
struct Shard {
  SeededRandom random{31};
  TicketIssuer tickets{{.shard = 1}, random};

  // What a dialer has after a first connection.
  std::shared_ptr<ResumptionTicket> ticket_from_first_connection() {
    HandshakePair pair(1);
    EXPECT_TRUE(pair.run());
    const HandshakeResult dialer = pair.dialer->take_result();
    const HandshakeResult listener = pair.listener->take_result();
    EXPECT_EQ(dialer.resumption_secret, listener.resumption_secret);
    EXPECT_FALSE(dialer.is_early_data_accepted);
    const Bytes issued = tickets.issue(pair.listener_now,
                                       {.peer = listener.peer,
                                        .version = listener.version,
                                        .suite = listener.suite,
                                        .session_parameters = as_bytes("limits")},
                                       listener.resumption_secret);
    auto ticket = std::make_shared<ResumptionTicket>();
    ticket->ticket = issued;
    ticket->secret = *derive_ticket_secret(dialer.resumption_secret, issued);
    ticket->listener = dialer.peer;
    ticket->version = dialer.version;
    ticket->suite = dialer.suite;
    ticket->session_parameters = to_bytes("limits");
    ticket->expires = pair.dialer_now + 1h;
    return ticket;
  }
};

struct EarlyPair : HandshakePair {
  EarlyPair(Shard& shard, std::shared_ptr<const ResumptionTicket> ticket, std::uint64_t seed = 2)
      : HandshakePair(seed) {
    dialer_config.ticket = std::move(ticket);
    listener_config.tickets = &shard.tickets;
    listener_config.is_admitted_early = [](const PeerId& peer) { return peer == dialer_id(); };
  }
};

TEST(HandshakeEarlyTest, ATicketThatIsTakenGivesBothEndsTheSameSecretWithTheInit) {
  Shard shard;
  EarlyPair pair(shard, shard.ticket_from_first_connection());
  pair.start();
  const EarlySecret* dialer = pair.dialer->early_secret();
  ASSERT_NE(dialer, nullptr) << "before anything has come back";
  EXPECT_EQ(dialer->peer, identity_of(Role::Listener)->peer_id());
  ASSERT_TRUE(pair.listener->handle_bytes(pair.listener_now, pair.dialer->poll_output()));
  const EarlySecret* listener = pair.listener->early_secret();
  ASSERT_NE(listener, nullptr);
  EXPECT_EQ(listener->traffic, dialer->traffic);
  EXPECT_EQ(listener->suite, dialer->suite);
  EXPECT_EQ(listener->peer, dialer_id());
  EXPECT_EQ(listener->session_parameters, to_bytes("limits"));
  EXPECT_EQ(dialer->session_parameters, to_bytes("limits"));

  ASSERT_TRUE(pair.run());
  ASSERT_TRUE(pair.are_complete());
  const HandshakeResult at_dialer = pair.dialer->take_result();
  EXPECT_TRUE(at_dialer.is_early_data_accepted);
  EXPECT_TRUE(pair.listener->take_result().is_early_data_accepted);
  EXPECT_NE(at_dialer.send_secret, dialer->traffic);
}

TEST(HandshakeEarlyTest, TheSecondUseIsDeclinedAndTheHandshakeGoesOn) {
  Shard shard;
  const auto ticket = shard.ticket_from_first_connection();
  EarlyPair first(shard, ticket, 2);
  ASSERT_TRUE(first.run());
  EarlyPair second(shard, ticket, 3);
  ASSERT_TRUE(second.run());
  ASSERT_TRUE(second.are_complete());
  EXPECT_FALSE(second.dialer->take_result().is_early_data_accepted);
  EXPECT_EQ(second.listener->early_secret(), nullptr);
}

TEST(HandshakeEarlyTest, EveryConnectionHasEarlySecretsOfItsOwn) {
  Shard shard;
  const auto ticket = shard.ticket_from_first_connection();
  EarlyPair first(shard, ticket, 2);
  EarlyPair second(shard, ticket, 3);
  first.start();
  second.start();
  EXPECT_NE(first.dialer->early_secret()->traffic, second.dialer->early_secret()->traffic);
}

TEST(HandshakeEarlyTest, AListenerWithoutTicketsOrListDeclines) {
  Shard shard;
  EarlyPair no_tickets(shard, shard.ticket_from_first_connection());
  no_tickets.listener_config.tickets = nullptr;
  ASSERT_TRUE(no_tickets.run());
  EXPECT_FALSE(no_tickets.dialer->take_result().is_early_data_accepted);

  EarlyPair no_list(shard, shard.ticket_from_first_connection());
  no_list.listener_config.is_admitted_early = nullptr;
  ASSERT_TRUE(no_list.run());
  EXPECT_FALSE(no_list.dialer->take_result().is_early_data_accepted);
}

TEST(HandshakeEarlyTest, ARetryEndsEarlyData) {
  Shard shard;
  EarlyPair pair(shard, shard.ticket_from_first_connection());
  pair.filter = InitFilter({.always_retry = true}, pair.random);
  pair.start();
  ASSERT_NE(pair.dialer->early_secret(), nullptr);
  std::vector<Bytes> messages;
  ASSERT_TRUE(pair.run([&](std::size_t, Bytes& message) { messages.push_back(message); }));
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_FALSE(decode_init(messages[0])->extensions.empty());
  EXPECT_TRUE(decode_init(messages[2])->extensions.empty());
  EXPECT_EQ(pair.dialer->early_secret(), nullptr);
  EXPECT_FALSE(pair.dialer->take_result().is_early_data_accepted);
  EXPECT_EQ(shard.tickets.used(), 0u);
}

TEST(HandshakeEarlyTest, ATicketIsOfferedToItsListenerAloneWithinItsLife) {
  Shard shard;
  const auto ticket = shard.ticket_from_first_connection();
  const auto is_offered = [&](auto change) {
    EarlyPair pair(shard, ticket);
    change(pair);
    pair.start();
    return pair.dialer->early_secret() != nullptr;
  };
  EXPECT_TRUE(is_offered([](EarlyPair&) {}));
  EXPECT_FALSE(is_offered([](EarlyPair& pair) { pair.dialer_config.expected_peer = dialer_id(); }));
  EXPECT_FALSE(is_offered([](EarlyPair& pair) { pair.dialer_config.expected_peer.reset(); }));
  EXPECT_FALSE(is_offered([](EarlyPair& pair) { pair.dialer_now += 1h; }));
  EXPECT_FALSE(is_offered([](EarlyPair& pair) { pair.dialer_config.versions = {2}; }));
  EXPECT_FALSE(
      is_offered([](EarlyPair& pair) { pair.dialer_config.suites = {pair.dialer_config.suites.back()}; }));
}

TEST(HandshakeEarlyTest, AReplayedInitIsNoSecondOne) {
  Shard shard;
  EarlyPair pair(shard, shard.ticket_from_first_connection());
  pair.start();
  const Bytes init = pair.dialer->poll_output();
  ASSERT_TRUE(pair.listener->handle_bytes(pair.listener_now, init));
  ASSERT_NE(pair.listener->early_secret(), nullptr);
  Handshake again =
      Handshake::listener(pair.listener_config, pair.random, pair.filter, as_bytes("elsewhere"));
  EXPECT_EQ(again.handle_bytes(pair.listener_now, init).error().code, HandshakeErrc::Replayed);
  EXPECT_EQ(again.early_secret(), nullptr);

  // A listener that has forgotten its randoms still knows its tickets.
  InitFilter forgetful({}, pair.random);
  Handshake third = Handshake::listener(pair.listener_config, pair.random, forgetful, as_bytes("elsewhere"));
  ASSERT_TRUE(third.handle_bytes(pair.listener_now, init));
  EXPECT_EQ(third.early_secret(), nullptr);
}

// Goal: a ticket in foreign hands is worth nothing, and not used up.
// Method: another identity offers it, once without and once with its secret.
TEST(HandshakeEarlyTest, ATicketIsOfNoUseToAnotherPeer) {
  Shard shard;
  const auto ticket = shard.ticket_from_first_connection();
  auto copied = std::make_shared<ResumptionTicket>();
  copied->ticket = ticket->ticket;
  copied->secret = SecretBytes::copy_of(as_bytes("a secret that the thief makes up"));
  copied->listener = ticket->listener;
  copied->version = ticket->version;
  copied->suite = ticket->suite;
  copied->expires = ticket->expires;
  EarlyPair thief(shard, copied, 4);
  thief.dialer_config.identity = identity_of(Role::Dialer, KeyType::MlDsa65);
  ASSERT_TRUE(thief.run());
  EXPECT_FALSE(thief.dialer->take_result().is_early_data_accepted);
  EXPECT_EQ(shard.tickets.used(), 0u);

  EarlyPair knows_all(shard, ticket, 5);
  knows_all.dialer_config.identity = identity_of(Role::Dialer, KeyType::MlDsa65);
  EXPECT_EQ(knows_all.error_of_run(), HandshakeErrc::PeerMismatch);
  EXPECT_FALSE(knows_all.listener->is_complete());
}

TEST(HandshakeEarlyTest, NobodyInTheMiddleChangesTheListenersAnswer) {
  Shard shard;
  const auto flip_answer = [](std::size_t index, Bytes& message) {
    constexpr std::size_t kPlace = kMessageHeaderBytes + 2 + 32 + 8 + 1;
    if (index == 1) message[kPlace] ^= std::byte{1};
  };
  EarlyPair accepted(shard, shard.ticket_from_first_connection());
  EXPECT_EQ(accepted.error_of_run(flip_answer), HandshakeErrc::BadMac);
  EarlyPair not_asked(shard, nullptr);
  EXPECT_EQ(not_asked.error_of_run(flip_answer), HandshakeErrc::Malformed);
}

TEST(HandshakeEarlyTest, ATicketOfASuiteOrVersionThatIsGoneIsDeclined) {
  Shard shard;
  EarlyPair pair(shard, shard.ticket_from_first_connection());
  const Suite of_ticket = pair.dialer_config.ticket->suite;
  std::erase(pair.listener_config.suites, of_ticket);
  ASSERT_TRUE(pair.run());
  EXPECT_FALSE(pair.dialer->take_result().is_early_data_accepted);

  EarlyPair newer(shard, shard.ticket_from_first_connection());
  newer.dialer_config.versions = {2, 1};
  newer.listener_config.versions = {2, 1};
  ASSERT_TRUE(newer.run());
  EXPECT_FALSE(newer.dialer->take_result().is_early_data_accepted);
}

}  // namespace
}  // namespace jetway::crypto
