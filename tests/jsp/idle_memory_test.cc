#include <deque>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/crypto/identity.h"
#include "jetway/jsp/endpoint.h"
#include "tests/heap/heap_use.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::hours kEpoch{24 * 365 * 55};
constexpr IpEndpoint kListener = IpEndpoint::v4({192, 0, 2, 1}, 4717);

JspConfig idle_config(RandomSource& random) {
  JspConfig config;
  config.handshake.identity =
      std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random));
  config.handshake.is_known = [](const crypto::PeerId&) { return true; };
  config.session.keepalive = config.session.keepalive_background = 0ms;
  config.session.idle_timeout = 0ms;
  return config;
}

// Many dialers' sockets and one listener's, with nothing between them but a millisecond each way.
class ManyPeers {
 public:
  ManyPeers() : dialer_config_(idle_config(random_)) { listener_.listen(idle_config(random_), {}); }

  // Dialers of one socket, each with a connection that is admitted when this returns.
  class Dialers {
   public:
    Dialers(ManyPeers& world, std::uint16_t port) : endpoint(EndpointConfig{}, world.random_, world.now()) {
      address = IpEndpoint::v4({10, 0, 0, 1}, port);
    }
    Endpoint endpoint;
    IpEndpoint address;
    std::vector<Connection*> connections;
  };
  std::unique_ptr<Dialers> dial(std::uint16_t port, std::size_t count) {
    auto dialers = std::make_unique<Dialers>(*this, port);
    for (std::size_t i = 0; i < count; ++i) {
      dialers->connections.push_back(
          &dialers->endpoint.connect(now(), dialer_config_, dialers->address, kListener));
      run_for(*dialers, 10ms);
    }
    return dialers;
  }

  void run_for(Dialers& dialers, Duration duration) {
    const TimePoint end = time_ + duration;
    for (; time_ < end; time_ += 1ms) {
      exchange(dialers.endpoint, dialers.address);
      exchange(listener_, kListener);
      deliver(dialers);
    }
  }

  Endpoint& listener() { return listener_; }
  Now now() const {
    return {.engine = time_,
            .wall = WallTime(std::chrono::floor<WallTime::duration>(kEpoch + time_.time_since_epoch()))};
  }
  std::vector<Connection*> accepted;

 private:
  struct UnderWay {
    IpEndpoint from;
    IpEndpoint to;
    Bytes bytes;
  };

  void exchange(Endpoint& endpoint, const IpEndpoint& address) {
    if (endpoint.next_timeout().value_or(kNever) <= time_) endpoint.handle_timeout(now());
    settle(endpoint);
    while (const auto transmit = endpoint.poll_transmit(now(), out_)) {
      for (ByteView rest = ByteView{out_}.first(transmit->bytes); !rest.empty();) {
        const ByteView datagram = rest.first(std::min(rest.size(), transmit->segment_bytes));
        under_way_.push_back({address, transmit->remote, to_bytes(datagram)});
        rest = rest.subspan(datagram.size());
      }
    }
    settle(endpoint);
  }
  void deliver(Dialers& dialers) {
    for (; !under_way_.empty(); under_way_.pop_front()) {
      UnderWay& datagram = under_way_.front();
      Endpoint& to = datagram.to == kListener ? listener_ : dialers.endpoint;
      to.handle_datagram(now(), {.local = datagram.to, .remote = datagram.from, .bytes = datagram.bytes});
    }
  }
  // As whoever drives it does: takes all events, lets everybody in.
  void settle(Endpoint& endpoint) {
    while (Connection* const connection = endpoint.poll_accepted()) accepted.push_back(connection);
    while (Connection* const connection = endpoint.poll_eventful()) {
      while (const auto event = connection->poll_event()) {
        if (!std::holds_alternative<session::PeerAuthenticated>(*event) || &endpoint != &listener_) continue;
        connection->admit(now());
        endpoint.touch(*connection);
      }
      while (connection->session().poll_event()) {
      }
    }
  }

  SeededRandom random_{7};
  TimePoint time_{};
  Endpoint listener_{EndpointConfig{}, random_, now()};
  JspConfig dialer_config_;
  std::deque<UnderWay> under_way_;
  Bytes out_ = Bytes(65'536);
};

// Goal: a listener can hold many connections that say nothing.
// Method: the heap of the program before and after some more were made and went quiet, without all that
// belongs to their dialers.
TEST(IdleMemoryTest, AConnectionThatSaysNothingTakesLittle) {
  constexpr std::size_t kCount = 256;
  ManyPeers world;
  const auto first = world.dial(1000, 16);  // what the first ones cause is not theirs alone
  world.run_for(*first, 5s);
  const std::int64_t before = heap_use().bytes;
  auto second = world.dial(1001, kCount);
  for (const Connection* connection : second->connections) ASSERT_TRUE(connection->session().is_admitted());
  world.run_for(*second, 5s);
  second.reset();
  const std::int64_t each = (heap_use().bytes - before) / static_cast<std::int64_t>(kCount);
  RecordProperty("bytes", static_cast<int>(each));
  EXPECT_LE(each, 6 * 1024);
  EXPECT_EQ(world.listener().statistics().connections, 16 + kCount);
}

}  // namespace
}  // namespace jetway::jsp
