#include "jetway/crypto/init_filter.h"

#include <map>

#include <gtest/gtest.h>

#include "jetway/base/random.h"

namespace jetway::crypto {
namespace {

using namespace std::chrono_literals;
using enum InitVerdict;

constexpr WallTime kNow{std::chrono::milliseconds{1'795'262'400'000}};
const ByteView kAddress = as_bytes("192.0.2.7:4717");

class InitFilterTest : public testing::Test {
 protected:
  InitFreshness init(WallTime timestamp) {
    return {.random = random_.make<HandshakeRandom>(), .timestamp = timestamp, .cookie = std::nullopt};
  }
  InitFreshness answer(InitFilter& filter, WallTime retried, WallTime timestamp) {
    InitFreshness fresh = init(timestamp);
    fresh.cookie = filter.make_cookie(retried, first_, kAddress);
    return fresh;
  }

  const Hash256 first_ = sha256(as_bytes("the first Init"));
  SeededRandom random_{3};
};

TEST_F(InitFilterTest, TakesWhatIsWithinTheTolerance) {
  InitFilter filter({}, random_);
  for (const auto off : {-5'000ms, -1ms, 0ms, 5'000ms}) {
    EXPECT_EQ(filter.check(kNow, init(kNow + off), kAddress), Accepted);
  }
  EXPECT_EQ(filter.randoms(), 4u);
  for (const auto off : {-5'001ms, 5'001ms, 6'000ms}) {
    EXPECT_EQ(filter.check(kNow, init(kNow + off), kAddress), RetryNeeded);
  }
  EXPECT_EQ(filter.check(kNow, init(kNow - std::chrono::years{1}), kAddress), RetryNeeded);
  EXPECT_EQ(filter.check(kNow, init(kNow + std::chrono::years{1}), kAddress), RetryNeeded);
  EXPECT_EQ(filter.randoms(), 4u) << "nothing is kept of what is sent through a Retry";
}

TEST_F(InitFilterTest, RefusesARandomAsLongAsItsTimestampCouldPass) {
  InitFilter filter({}, random_);
  const InitFreshness early = init(kNow + 5s);
  ASSERT_EQ(filter.check(kNow, early, kAddress), Accepted);
  for (const auto later : {0s, 1s, 5s, 10s}) EXPECT_EQ(filter.check(kNow + later, early, kAddress), Replayed);
  EXPECT_EQ(filter.check(kNow + 10'001ms, early, kAddress), RetryNeeded);
  EXPECT_EQ(filter.randoms(), 0u) << "forgotten, since its timestamp is too old now";
}

TEST_F(InitFilterTest, SendsThroughARetryRatherThanForget) {
  InitFilter filter({.randoms_max = 3}, random_);
  const InitFreshness first = init(kNow);
  ASSERT_EQ(filter.check(kNow, first, kAddress), Accepted);
  ASSERT_EQ(filter.check(kNow, init(kNow), kAddress), Accepted);
  ASSERT_EQ(filter.check(kNow, init(kNow), kAddress), Accepted);
  EXPECT_EQ(filter.check(kNow, init(kNow), kAddress), RetryNeeded);
  EXPECT_EQ(filter.check(kNow, first, kAddress), Replayed);
  EXPECT_EQ(filter.check(kNow, answer(filter, kNow, kNow), kAddress), Accepted) << "room of its own";
  EXPECT_EQ(filter.check(kNow + 5'001ms, init(kNow + 5s), kAddress), Accepted) << "room again";
}

TEST_F(InitFilterTest, IsOverloadedWhenEvenAnswersAreTooMany) {
  InitFilter filter({.randoms_max = 2}, random_);
  EXPECT_EQ(filter.check(kNow, answer(filter, kNow, kNow), kAddress), Accepted);
  EXPECT_EQ(filter.check(kNow, answer(filter, kNow, kNow), kAddress), Accepted);
  EXPECT_EQ(filter.check(kNow, answer(filter, kNow, kNow), kAddress), Overloaded);
  EXPECT_EQ(filter.check(kNow + 10'001ms, answer(filter, kNow + 10s, kNow + 10s), kAddress), Accepted);
}

TEST_F(InitFilterTest, TakesACookieOnceForItsAddressAndInitInItsTime) {
  InitFilter filter({}, random_);
  const InitFreshness good = answer(filter, kNow, kNow + 1s);
  EXPECT_EQ(filter.check(kNow + 1s, good, as_bytes("192.0.2.8:4717")), BadCookie);
  InitFreshness other = good;
  other.cookie->first_init = sha256(as_bytes("another Init"));
  EXPECT_EQ(filter.check(kNow + 1s, other, kAddress), BadCookie);
  other = good;
  other.cookie->server_time += 1ms;
  EXPECT_EQ(filter.check(kNow + 1s, other, kAddress), BadCookie);
  other = good;
  other.cookie->mac.bytes[31] ^= std::byte{1};
  EXPECT_EQ(filter.check(kNow + 1s, other, kAddress), BadCookie);

  EXPECT_EQ(filter.check(kNow + 1s, good, kAddress), Accepted);
  EXPECT_EQ(filter.check(kNow + 1s, good, kAddress), Replayed);
  EXPECT_EQ(filter.check(kNow + 10'001ms, good, kAddress), BadCookie) << "forgotten, and expired";
}

TEST_F(InitFilterTest, RefusesACookieOfAnotherFilter) {
  InitFilter filter({}, random_);
  InitFilter other({}, random_);
  EXPECT_EQ(filter.check(kNow, answer(other, kNow, kNow), kAddress), BadCookie);
}

TEST_F(InitFilterTest, DoesNotAskForTheTimestampOfWhoeverHasACookie) {
  InitFilter filter({}, random_);
  const InitFreshness late = answer(filter, kNow, kNow - std::chrono::years{1});
  EXPECT_EQ(filter.check(kNow + 9s, late, kAddress), Accepted);
  EXPECT_EQ(filter.check(kNow + 10s, late, kAddress), Replayed);
  EXPECT_EQ(filter.check(kNow + 11s, late, kAddress), BadCookie);
}

TEST_F(InitFilterTest, MaySendEverybodyThroughARetry) {
  InitFilter filter({.always_retry = true}, random_);
  EXPECT_EQ(filter.check(kNow, init(kNow), kAddress), RetryNeeded);
  EXPECT_EQ(filter.check(kNow, answer(filter, kNow, kNow), kAddress), Accepted);
}

TEST_F(InitFilterTest, ForgetsNothingWhenTheClockIsSetBack) {
  InitFilter filter({}, random_);
  const InitFreshness old = init(kNow);
  const InitFreshness old_answer = answer(filter, kNow, kNow);
  ASSERT_EQ(filter.check(kNow, old, kAddress), Accepted);
  ASSERT_EQ(filter.check(kNow, old_answer, kAddress), Accepted);
  ASSERT_EQ(filter.check(kNow + 1h, init(kNow + 1h), kAddress), Accepted);  // both are forgotten

  EXPECT_EQ(filter.check(kNow, old, kAddress), RetryNeeded);
  EXPECT_EQ(filter.check(kNow, old_answer, kAddress), BadCookie);
  EXPECT_EQ(filter.check(kNow, answer(filter, kNow, kNow), kAddress), Accepted) << "by a Retry it works";
  EXPECT_EQ(filter.check(kNow + 2h, init(kNow + 2h), kAddress), Accepted);
}

TEST_F(InitFilterTest, RidesOutASmallStepBack) {
  InitFilter filter({}, random_);
  const InitFreshness pending = answer(filter, kNow, kNow);
  const InitFreshness old = init(kNow - 5s);
  ASSERT_EQ(filter.check(kNow, old, kAddress), Accepted);
  ASSERT_EQ(filter.check(kNow + 1s, init(kNow + 1s), kAddress), Accepted);  // old is forgotten
  EXPECT_EQ(filter.check(kNow, old, kAddress), RetryNeeded);
  EXPECT_EQ(filter.check(kNow, pending, kAddress), Accepted);
}

// Goal: no Init is accepted twice, whatever the clock does, and memory stays within its bound.
// Method: random Inits, old and new, with and without cookies, under a clock that jumps both ways.
TEST_F(InitFilterTest, NothingIsEverAcceptedTwice) {
  InitFilter filter({.randoms_max = 50}, random_);
  std::vector<InitFreshness> sent;
  std::map<HandshakeRandom, int> accepted;
  WallTime now = kNow;
  for (int step = 0; step < 20'000; ++step) {
    now += std::chrono::milliseconds(random_.below(400));
    if (random_.below(500) == 0) now -= std::chrono::milliseconds(random_.below(40'000));
    if (sent.empty() || random_.below(2) == 0) {
      const WallTime timestamp = now + 6s - std::chrono::milliseconds(random_.below(12'000));
      sent.push_back(random_.below(3) == 0 ? answer(filter, now, timestamp) : init(timestamp));
    }
    const std::size_t recent = std::min<std::size_t>(sent.size(), 200);
    const InitFreshness& chosen = sent[sent.size() - 1 - random_.below(recent)];
    if (filter.check(now, chosen, kAddress) == Accepted) {
      ASSERT_EQ(++accepted[chosen.random], 1) << "step " << step;
    }
    ASSERT_LE(filter.randoms(), 100u);
  }
  EXPECT_GT(accepted.size(), 1'000u);
}

}  // namespace
}  // namespace jetway::crypto
