#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/crypto/identity.h"
#include "jetway/jsp/endpoint.h"
#include "tests/heap/heap_use.h"

// A program of its own, since it counts what every part of it takes from the heap.
namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::hours kEpoch{24 * 365 * 55};
constexpr IpEndpoint kListener = IpEndpoint::v4({192, 0, 2, 1}, 4717);
constexpr std::size_t kIdleMaxBytes = 6 * 1024;

JspConfig idle_config(RandomSource& random) {
  JspConfig config;
  config.handshake.identity =
      std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random));
  config.handshake.is_known = [](const crypto::PeerId&) { return true; };
  config.session.keepalive = config.session.keepalive_background = 0ms;
  config.session.idle_timeout = 0ms;
  return config;
}

// A listener, and dialers with a socket of their own each. What one side sends has come when the other's turn
// is, 10 ms later.
class ManyPeers {
 public:
  ManyPeers() { listener_.listen(idle_config(random_), {}); }

  // Until they are admitted.
  void dial(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto port = static_cast<std::uint16_t>(1000 + ports_used_++);
      const IpEndpoint address = IpEndpoint::v4({10, 0, 0, 1}, port);
      Dialer& dialer = dialers_[address];
      dialer.endpoint = std::make_unique<Endpoint>(EndpointConfig{.is_shared = false}, random_, now());
      dialer.connection = &dialer.endpoint->connect(now(), dialer_config_, address, kListener);
    }
    run_for(500ms);
    for (const auto& [address, dialer] : dialers_) ASSERT_TRUE(dialer.connection->session().is_admitted());
  }

  // Each sends this on a stream; the listener reads it.
  void carry_from_each(ByteView data) {
    for (auto& [address, dialer] : dialers_) {
      session::Session& session = dialer.connection->session();
      const auto stream = session.open_stream(session::Direction::OneWay,
                                              {.compression = session::Compression::Zstd, .delivery = {}});
      ASSERT_EQ(session.write(*stream, data), data.size());
      ASSERT_TRUE(session.finish(*stream));
      dialer.endpoint->touch(*dialer.connection);
    }
    const std::uint64_t before = bytes_read_;
    run_for(1s);
    ASSERT_EQ(bytes_read_ - before, data.size() * dialers_.size());
  }

  // Without a word to the listener.
  void forget_dialers() { dialers_.clear(); }

  void run_for(Duration duration) {
    for (const TimePoint end = time_ + duration; time_ < end; time_ += 10ms) {
      for (auto& [address, dialer] : dialers_) {
        move(*dialer.endpoint, [&, from = address](const IpEndpoint&, MutableBytes datagram) {
          listener_.handle_datagram(now(), {.local = kListener, .remote = from, .bytes = datagram});
        });
      }
      move(listener_, [&](const IpEndpoint& to, MutableBytes datagram) {
        const auto found = dialers_.find(to);
        if (found == dialers_.end()) return;
        found->second.endpoint->handle_datagram(now(), {.local = to, .remote = kListener, .bytes = datagram});
      });
    }
  }

  const Endpoint& listener() const { return listener_; }

 private:
  struct Dialer {
    std::unique_ptr<Endpoint> endpoint;
    Connection* connection = nullptr;
  };

  Now now() const {
    return {.engine = time_,
            .wall = WallTime(std::chrono::floor<WallTime::duration>(kEpoch + time_.time_since_epoch()))};
  }

  template <class Deliver>
  void move(Endpoint& from, Deliver&& deliver) {
    if (from.next_timeout().value_or(kNever) <= time_) from.handle_timeout(now());
    settle(from);
    while (const auto transmit = from.poll_transmit(now(), out_)) {
      for (MutableBytes rest = MutableBytes{out_}.first(transmit->bytes); !rest.empty();) {
        const MutableBytes datagram = rest.first(std::min(rest.size(), transmit->segment_bytes));
        deliver(transmit->remote, datagram);
        rest = rest.subspan(datagram.size());
      }
    }
  }

  // As whoever drives it does: takes all events, lets everybody in, reads what can be read.
  void settle(Endpoint& endpoint) {
    while (endpoint.poll_accepted() != nullptr) {
    }
    while (Connection* const connection = endpoint.poll_eventful()) {
      while (const auto event = connection->poll_event()) {
        if (!std::holds_alternative<session::PeerAuthenticated>(*event) || &endpoint != &listener_) continue;
        connection->admit(now());
        endpoint.touch(*connection);
      }
      while (const auto event = connection->session().poll_event()) {
        if (const auto* opened = std::get_if<session::StreamOpened>(&*event)) read(*connection, opened->id);
        if (const auto* more = std::get_if<session::StreamReadable>(&*event)) read(*connection, more->id);
      }
    }
  }
  void read(Connection& connection, session::StreamId id) {
    std::array<std::byte, 16'384> part{};
    for (;;) {
      const auto taken = connection.session().read(id, part);
      if (!taken || taken->is_nothing()) break;
      bytes_read_ += taken->bytes;
      if (taken->is_end) break;
    }
    listener_.touch(connection);
  }

  SeededRandom random_{7};
  TimePoint time_{};
  JspConfig dialer_config_ = idle_config(random_);
  Endpoint listener_{EndpointConfig{}, random_, now()};
  std::map<IpEndpoint, Dialer> dialers_;
  std::size_t ports_used_ = 0;
  std::uint64_t bytes_read_ = 0;
  Bytes out_ = Bytes(65'536);
};

// What each of `count` connections takes at the listener once it is quiet, when `use(world)` has been made of
// all that there are: the heap of the program before and after, without all that belongs to dialers.
template <class Use>
std::size_t bytes_of_each(std::size_t count, Use&& use) {
  ManyPeers world;
  world.dial(8);  // what the first ones cause is not theirs alone
  use(world);
  world.run_for(5s);
  world.forget_dialers();
  const std::int64_t before = heap_use().bytes;
  world.dial(count);
  use(world);
  world.run_for(5s);
  world.forget_dialers();
  EXPECT_EQ(world.listener().statistics().connections, 8 + count);
  return static_cast<std::size_t>(heap_use().bytes - before) / count;
}

TEST(IdleMemoryTest, AConnectionThatSaysNothingTakesLittle) {
  const std::size_t each = bytes_of_each(64, [](ManyPeers&) {});
  RecordProperty("bytes", static_cast<int>(each));
  EXPECT_LE(each, kIdleMaxBytes);
}

// Compression alone takes some 100 KiB while it is in use.
TEST(IdleMemoryTest, AConnectionThatHasCarriedSomethingGivesBackWhatThatTook) {
  const Bytes data(100'000, std::byte{'x'});
  const std::size_t each = bytes_of_each(16, [&](ManyPeers& world) { world.carry_from_each(data); });
  RecordProperty("bytes", static_cast<int>(each));
  EXPECT_LE(each, kIdleMaxBytes);
}

}  // namespace
}  // namespace jetway::jsp
