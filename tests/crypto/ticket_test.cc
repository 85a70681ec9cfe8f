#include "jetway/crypto/ticket.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/crypto/handshake_keys.h"

namespace jetway::crypto {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kIssuedAt{std::chrono::milliseconds{1'795'262'400'000}};
const PeerId kDialerId{Hash256{{std::byte{7}}}};

SecretBytes resumption() { return SecretBytes::copy_of(as_bytes("the resumption secret of a connection")); }

bool admit_dialer(const PeerId& peer) { return peer == kDialerId; }

// An Init that offers a ticket, as far as a ticket is concerned.
struct Offer {
  explicit Offer(Bytes from) : ticket(std::move(from)), init_prefix(sha256(as_bytes("an Init"))) {
    if (const auto secret = derive_ticket_secret(resumption(), ticket)) {
      binder = ticket_binder(*secret, init_prefix);
    }
  }
  TicketOffer view() const { return {.ticket = ticket, .binder = binder.view(), .init_prefix = init_prefix}; }

  Bytes ticket;
  Hash256 init_prefix;
  Hash256 binder;
};

class TicketTest : public testing::Test {
 protected:
  explicit TicketTest(const TicketConfig& config = {.shard = 3, .lifetime = 3'600s, .used_max = 4})
      : issuer_(config, random_) {}

  Offer issue(WallTime now = kIssuedAt) {
    const TicketGrant grant{.peer = kDialerId,
                            .version = 1,
                            .suite = Suite::ChaCha20Poly1305,
                            .session_parameters = as_bytes("limits")};
    return Offer(issuer_.issue(now, grant, resumption()));
  }

  std::optional<TicketErrc> error_of(const Offer& offer, WallTime now = kIssuedAt) {
    const auto redeemed = issuer_.redeem(now, offer.view(), admit_dialer);
    return redeemed ? std::nullopt : std::optional(redeemed.error());
  }

  SeededRandom random_{17};
  TicketIssuer issuer_;
};

TEST_F(TicketTest, BringsBackWhatItWasIssuedFor) {
  const Offer offer = issue();
  EXPECT_LE(offer.ticket.size(), kTicketMaxBytes);
  EXPECT_EQ(offer.ticket.front(), std::byte{3}) << "names its shard";
  const auto redeemed = issuer_.redeem(kIssuedAt + 1h, offer.view(), admit_dialer);
  ASSERT_TRUE(redeemed.has_value());
  EXPECT_EQ(redeemed->peer, kDialerId);
  EXPECT_EQ(redeemed->version, 1);
  EXPECT_EQ(redeemed->suite, Suite::ChaCha20Poly1305);
  EXPECT_EQ(redeemed->session_parameters, to_bytes("limits"));
  EXPECT_EQ(redeemed->secret, *derive_ticket_secret(resumption(), offer.ticket));
}

TEST_F(TicketTest, IsTakenOnce) {
  const Offer first = issue();
  const Offer second = issue();
  EXPECT_NE(first.ticket, second.ticket);
  EXPECT_EQ(error_of(first), std::nullopt);
  EXPECT_EQ(error_of(first), TicketErrc::Used);
  EXPECT_EQ(error_of(second, kIssuedAt + 1h), std::nullopt);
  EXPECT_EQ(error_of(first, kIssuedAt + 1h), TicketErrc::Used);
}

TEST_F(TicketTest, Expires) {
  const Offer offer = issue();
  EXPECT_EQ(error_of(offer, kIssuedAt + 1h + 1ms), TicketErrc::Expired);
}

TEST_F(TicketTest, AUsedOneIsRememberedUntilItHasExpired) {
  const Offer offer = issue();
  EXPECT_EQ(error_of(offer), std::nullopt);
  for (auto now = kIssuedAt; now <= kIssuedAt + 1h; now += 5min)
    EXPECT_EQ(error_of(offer, now), TicketErrc::Used);
  EXPECT_EQ(issuer_.used(), 1u);
  EXPECT_EQ(error_of(offer, kIssuedAt + 1h + 1ms), TicketErrc::Expired);
  EXPECT_EQ(issuer_.used(), 0u);
}

TEST_F(TicketTest, AFullMemoryDeclinesAndForgetsNothing) {
  std::vector<Offer> used;
  for (int i = 0; i < 4; ++i) {
    used.push_back(issue());
    EXPECT_EQ(error_of(used.back()), std::nullopt);
  }
  const Offer late = issue(kIssuedAt + 30min);
  EXPECT_EQ(error_of(late, kIssuedAt + 30min), TicketErrc::Full);
  for (const Offer& offer : used) EXPECT_EQ(error_of(offer, kIssuedAt + 30min), TicketErrc::Used);
  EXPECT_EQ(error_of(late, kIssuedAt + 61min), std::nullopt) << "it was not used up, and there is room again";
}

TEST_F(TicketTest, AClockThatIsSetBackBringsNoTicketBack) {
  const Offer offer = issue();
  EXPECT_EQ(error_of(offer), std::nullopt);
  EXPECT_EQ(error_of(offer, kIssuedAt + 2h), TicketErrc::Expired);
  EXPECT_EQ(error_of(offer, kIssuedAt + 2h - 4s), TicketErrc::Expired) << "a small step";
  EXPECT_EQ(error_of(offer, kIssuedAt), TicketErrc::NotOurs) << "a large one";
  EXPECT_EQ(error_of(issue(), kIssuedAt), std::nullopt) << "new ones work";
}

TEST_F(TicketTest, OfAnotherShardOrProcessItIsNotOurs) {
  const Offer offer = issue();
  SeededRandom same_random(17);
  TicketIssuer other_shard({.shard = 4}, same_random);
  EXPECT_EQ(other_shard.redeem(kIssuedAt, offer.view(), admit_dialer).error(), TicketErrc::NotOurs);
  Offer renamed = offer;
  renamed.ticket[0] = std::byte{4};
  EXPECT_EQ(other_shard.redeem(kIssuedAt, renamed.view(), admit_dialer).error(), TicketErrc::NotOurs);
  SeededRandom other_random(18);
  TicketIssuer other_process({.shard = 3}, other_random);
  EXPECT_EQ(other_process.redeem(kIssuedAt, offer.view(), admit_dialer).error(), TicketErrc::NotOurs);
}

TEST_F(TicketTest, EveryChangeIsRefused) {
  const Offer offer = issue();
  for (std::size_t bit = 0; bit < offer.ticket.size() * 8; ++bit) {
    Bytes changed = offer.ticket;
    changed[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_EQ(error_of(Offer(changed)), TicketErrc::NotOurs) << bit;
  }
  for (std::size_t size = 0; size < offer.ticket.size(); ++size) {
    EXPECT_EQ(error_of(Offer(to_bytes(ByteView{offer.ticket}.first(size)))), TicketErrc::NotOurs) << size;
  }
  EXPECT_EQ(error_of(Offer(Bytes(kTicketMaxBytes + 1, std::byte{3}))), TicketErrc::NotOurs);
  EXPECT_EQ(error_of(offer), std::nullopt);
}

TEST_F(TicketTest, WhoeverCopiesItCannotUseItUp) {
  const Offer offer = issue();
  Offer copied = offer;
  copied.init_prefix = sha256(as_bytes("an Init of the thief"));
  EXPECT_EQ(error_of(copied), TicketErrc::NotProven);
  Offer guessed = offer;
  guessed.binder = {};
  EXPECT_EQ(error_of(guessed), TicketErrc::NotProven);
  EXPECT_EQ(error_of(offer), std::nullopt);
}

TEST_F(TicketTest, OfAPeerThatIsNoLongerOnTheListItIsNotTaken) {
  const Offer offer = issue();
  const auto nobody = [](const PeerId&) { return false; };
  EXPECT_EQ(issuer_.redeem(kIssuedAt, offer.view(), nobody).error(), TicketErrc::NotAdmitted);
  EXPECT_EQ(issuer_.redeem(kIssuedAt, offer.view(), nullptr).error(), TicketErrc::NotAdmitted);
  EXPECT_EQ(error_of(offer), std::nullopt) << "back on the list";
}

TEST(TicketSecretTest, IsOfTheTicketAndTheConnection) {
  SeededRandom random(5);
  TicketIssuer issuer({}, random);
  const Bytes first = issuer.issue(kIssuedAt, {}, resumption());
  const Bytes second = issuer.issue(kIssuedAt, {}, resumption());
  EXPECT_NE(*derive_ticket_secret(resumption(), first), *derive_ticket_secret(resumption(), second));
  const SecretBytes other = SecretBytes::copy_of(as_bytes("another connection"));
  EXPECT_NE(*derive_ticket_secret(resumption(), first), *derive_ticket_secret(other, first));
  EXPECT_FALSE(derive_ticket_secret(resumption(), as_bytes("too short")).has_value());
}

}  // namespace
}  // namespace jetway::crypto
