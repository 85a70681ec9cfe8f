#include "jetway/crypto/init_filter.h"

#include <algorithm>

#include "jetway/base/assert.h"
#include "jetway/crypto/hkdf.h"
#include "jetway/wire/writer.h"

namespace jetway::crypto {

namespace {

constexpr std::string_view kCookieLabel = "jetway cookie 1";
constexpr std::string_view kSetBackLabel = "jetway cookie key after the clock was set back";

}  // namespace

void ReplayMemory::add(const HandshakeRandom& random, WallTime expires) {
  JETWAY_ASSERT(!is_full());
  JETWAY_ASSERT(randoms_.insert(random).second);
  by_expiry_.emplace(expires, random);
}

void ReplayMemory::expire(WallTime now) {
  while (!by_expiry_.empty() && by_expiry_.top().first < now) {
    randoms_.erase(by_expiry_.top().second);
    by_expiry_.pop();
  }
}

void ReplayMemory::clear() {
  randoms_.clear();
  by_expiry_ = {};
}

InitFilter::InitFilter(const InitFilterConfig& config, RandomSource& random)
    : config_(config), cookie_key_(kHashBytes), fresh_(config.randoms_max), answers_(config.randoms_max) {
  random.fill(cookie_key_.bytes());
}

InitVerdict InitFilter::check(WallTime now, const InitFreshness& init, ByteView peer_address) {
  on_time(now);
  if (fresh_.contains(init.random) || answers_.contains(init.random)) return InitVerdict::Replayed;
  if (init.cookie) return check_answer(init, *init.cookie, peer_address);
  return check_fresh(now, init);
}

Cookie InitFilter::make_cookie(WallTime now, const Hash256& first_init, ByteView peer_address) const {
  return {.first_init = first_init, .server_time = now, .mac = cookie_mac(first_init, now, peer_address)};
}

// Small steps back are ridden out by judging with the latest time there was. After a large one that would
// keep cookies from ever expiring, so they all end with the key.
void InitFilter::on_time(WallTime now) {
  if (now + config_.clock_tolerance < latest_) {
    const Hash256 key = hmac_sha256(cookie_key_.view(), {as_bytes(kSetBackLabel)});
    cookie_key_ = SecretBytes::copy_of(key.view());
    answers_.clear();
    latest_ = now;
  }
  latest_ = std::max(latest_, now);
  latest_ever_ = std::max(latest_ever_, now);
  fresh_.expire(latest_ever_);
  answers_.expire(latest_);
}

InitVerdict InitFilter::check_fresh(WallTime now, const InitFreshness& init) {
  const WallTime expires = init.timestamp + config_.clock_tolerance;
  if (config_.always_retry || !is_in_tolerance(now, init.timestamp) || expires < latest_ever_ ||
      fresh_.is_full()) {
    return InitVerdict::RetryNeeded;
  }
  fresh_.add(init.random, expires);
  return InitVerdict::Accepted;
}

InitVerdict InitFilter::check_answer(const InitFreshness& init, const Cookie& cookie, ByteView peer_address) {
  // Its timestamp does not matter any more: that it is of now follows from the time in the cookie, which is
  // ours.
  const Hash256 mac = cookie_mac(cookie.first_init, cookie.server_time, peer_address);
  if (!equal_in_constant_time(mac.view(), cookie.mac.view())) return InitVerdict::BadCookie;
  const WallTime expires = cookie.server_time + config_.cookie_lifetime;
  if (expires < latest_) return InitVerdict::BadCookie;
  if (answers_.is_full()) return InitVerdict::Overloaded;
  answers_.add(init.random, expires);
  return InitVerdict::Accepted;
}

bool InitFilter::is_in_tolerance(WallTime now, WallTime timestamp) const {
  return std::chrono::abs(now - timestamp) <= config_.clock_tolerance;
}

Hash256 InitFilter::cookie_mac(const Hash256& first_init, WallTime server_time, ByteView peer_address) const {
  std::array<std::byte, sizeof(std::uint64_t)> time{};
  wire::Writer(time).u64(static_cast<std::uint64_t>(server_time.time_since_epoch().count()));
  return hmac_sha256(cookie_key_.view(), {as_bytes(kCookieLabel), first_init.view(), time, peer_address});
}

}  // namespace jetway::crypto
