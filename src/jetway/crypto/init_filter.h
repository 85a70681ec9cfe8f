#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <set>
#include <utility>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/base/random.h"
#include "jetway/base/time.h"
#include "jetway/crypto/hash.h"
#include "jetway/crypto/secret.h"

namespace jetway::crypto {

struct InitFilterConfig {
  // How far a dialer's clock may be off before it is sent through a Retry. Wider saves round trips and needs
  // a larger memory.
  std::chrono::milliseconds clock_tolerance{5'000};

  // Randoms remembered of Inits that came without a cookie, and as many of those with one; each for at most
  // twice the tolerance, or the cookie's lifetime. 10,000 take about 1 MiB and carry 1,000 handshakes a
  // second before a Retry is needed.
  std::size_t randoms_max = 10'000;

  // From the Retry to the Init that answers it.
  std::chrono::milliseconds cookie_lifetime{10'000};

  // Every Init has to go through a Retry: a round trip more for everybody, and no work for those who only
  // send and never receive.
  bool always_retry = false;
};

// What makes a message unlike all others.
using HandshakeRandom = std::array<std::byte, 32>;

// Randoms that must not come a second time, each until it has expired.
class ReplayMemory {
 public:
  explicit ReplayMemory(std::size_t capacity) : capacity_(capacity) {}

  bool contains(const HandshakeRandom& random) const { return randoms_.contains(random); }
  bool is_full() const { return randoms_.size() >= capacity_; }
  std::size_t size() const { return randoms_.size(); }
  // There is room and the random is new.
  void add(const HandshakeRandom& random, WallTime expires);
  // Forgets what expired before `now`.
  void expire(WallTime now);
  void clear();

 private:
  using Entry = std::pair<WallTime, HandshakeRandom>;

  std::size_t capacity_;
  std::set<HandshakeRandom> randoms_;  // ordered: strangers choose them, and would choose them to collide
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> by_expiry_;
};

// A Retry (docs/protocol/handshake.md section 6), which the Init that answers it brings back as it was. The
// MAC, by a key that the listener alone has, covers the rest and the peer's address, so that the listener has
// nothing to remember.
struct Cookie {
  Hash256 first_init;  // SHA-256 of the Init that was sent through the Retry, its random in it
  WallTime server_time{};
  Hash256 mac;

  bool operator==(const Cookie&) const = default;
};

// The part of an Init by which its freshness is judged.
struct InitFreshness {
  HandshakeRandom random{};
  WallTime timestamp{};
  std::optional<Cookie> cookie;
};

enum class InitVerdict : std::uint8_t {
  Accepted,     // fresh, and its random is remembered from now on
  RetryNeeded,  // answer with make_cookie() and forget it
  Replayed,     // its random was accepted before
  BadCookie,    // not of our making, for another address or Init, or too old
  Overloaded,   // came with a good cookie, and the memory is full of such
};

// Decides which Inits a listener answers (docs/protocol/handshake.md section 6): those that are fresh and
// new. Whoever's clock is off, and everybody while the memory is full, is sent through a Retry, of which
// nothing is kept here. One per listener and shard; not thread-safe.
class InitFilter {
 public:
  // The cookie key comes from `random` and dies with the filter.
  InitFilter(const InitFilterConfig& config, RandomSource& random);

  // Call it once for an Init: one that is Accepted is Replayed the next time.
  InitVerdict check(WallTime now, const InitFreshness& init, ByteView peer_address);

  Cookie make_cookie(WallTime now, const Hash256& first_init, ByteView peer_address) const;

  std::size_t randoms() const { return fresh_.size() + answers_.size(); }

 private:
  void on_time(WallTime now);
  InitVerdict check_fresh(WallTime now, const InitFreshness& init);
  InitVerdict check_answer(const InitFreshness& init, const Cookie& cookie, ByteView peer_address);
  bool is_in_tolerance(WallTime now, WallTime timestamp) const;
  Hash256 cookie_mac(const Hash256& first_init, WallTime server_time, ByteView peer_address) const;

  InitFilterConfig config_;
  SecretBytes cookie_key_;
  ReplayMemory fresh_;
  ReplayMemory answers_;
  // The latest time we have seen, ever, and since our clock was last set back: what expired before may be
  // forgotten, so nothing that old is taken again.
  WallTime latest_ever_{};
  WallTime latest_{};
};

}  // namespace jetway::crypto
