// What does JSP cost per packet, without sockets? Two endpoints in one thread hand their datagrams to each
// other; time is virtual. Beside it the seal alone: what of it no protocol can save.

#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "jetway/crypto/identity.h"
#include "jetway/crypto/packet_keys.h"
#include "jetway/crypto/system_random.h"
#include "jetway/jsp/endpoint.h"

namespace jetway::jsp {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Duration kDelay = std::chrono::microseconds(50);

// One end with the CPU time that was spent in it.
struct End {
  std::unique_ptr<Endpoint> endpoint;
  Connection* connection = nullptr;
  IpEndpoint address;
  Clock::duration spent{0};
};

class Ends {
 public:
  explicit Ends(std::size_t datagram_max_bytes) {
    JspConfig config;
    config.datagram_max_bytes = datagram_max_bytes;
    config.session.stream_window_bytes = config.session.stream_window_max_bytes;
    config.session.connection_window_bytes = config.session.connection_window_max_bytes;
    config.handshake.is_known = [](const auto&) { return true; };
    dialer.address = IpEndpoint::v4({10, 0, 0, 1}, 1);
    listener.address = IpEndpoint::v4({10, 0, 0, 2}, 2);
    dialer.endpoint = std::make_unique<Endpoint>(EndpointConfig{.is_shared = false}, random_, now());
    listener.endpoint = std::make_unique<Endpoint>(EndpointConfig{}, random_, now());
    config.handshake.identity = identity();
    listener.endpoint->listen(config, {});
    config.handshake.identity = identity();
    dialer.connection = &dialer.endpoint->connect(now(), config, {}, listener.address);
    while (!dialer.connection->session().is_admitted()) turn();
    for (int i = 0; i < 1000; ++i) turn();  // the path MTU is found
  }

  Now now() const {
    return {.engine = time_,
            .wall = std::chrono::floor<WallTime::duration>(std::chrono::system_clock::now())};
  }

  // One direction after the other, a delay apart.
  void turn() {
    move(dialer, listener);
    time_ += kDelay;
    move(listener, dialer);
    time_ += kDelay;
  }

  End dialer;
  End listener;
  std::uint64_t datagrams_to_listener = 0;
  std::uint64_t datagrams_to_dialer = 0;

 private:
  std::shared_ptr<const crypto::Identity> identity() {
    return std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random_));
  }

  void drain(End& end) {
    while (Connection* const accepted = end.endpoint->poll_accepted()) end.connection = accepted;
    while (Connection* const connection = end.endpoint->poll_eventful()) {
      while (const auto event = connection->poll_event()) {
        if (std::holds_alternative<session::PeerAuthenticated>(*event) && &end == &listener) {
          connection->admit(now());
          end.endpoint->touch(*connection);
        }
      }
      while (const auto event = connection->session().poll_event()) {
        if (const auto* readable = std::get_if<session::StreamReadable>(&*event)) read(end, readable->id);
        if (const auto* opened = std::get_if<session::StreamOpened>(&*event)) read(end, opened->id);
      }
    }
  }

  void read(End& end, session::StreamId id) {
    for (;;) {
      const auto taken = end.connection->session().read(id, target_);
      if (!taken || taken->bytes == 0) break;
      bytes_read += taken->bytes;
    }
    end.endpoint->touch(*end.connection);
  }

  void move(End& from, End& to) {
    for (;;) {
      const auto begin = Clock::now();
      const auto due = from.endpoint->next_timeout();
      if (due && *due <= time_) from.endpoint->handle_timeout(now());
      const auto transmit = from.endpoint->poll_transmit(now(), out_);
      drain(from);
      const auto sent = Clock::now();
      from.spent += sent - begin;
      if (!transmit) return;
      MutableBytes rest = MutableBytes{out_}.first(transmit->bytes);
      while (!rest.empty()) {
        const MutableBytes datagram = rest.first(std::min(rest.size(), transmit->segment_bytes));
        ++(&to == &listener ? datagrams_to_listener : datagrams_to_dialer);
        to.endpoint->handle_datagram(
            now(), {.local = to.address, .remote = from.address, .ecn = transmit->ecn, .bytes = datagram});
        rest = rest.subspan(datagram.size());
      }
      drain(to);
      to.spent += Clock::now() - sent;
    }
  }

 public:
  std::uint64_t bytes_read = 0;

 private:
  crypto::SystemRandom random_;
  TimePoint time_{std::chrono::hours(1)};
  Bytes out_ = Bytes(65'536);
  Bytes target_ = Bytes(1 << 20);
};

// One stream, one way, as much as goes.
void BM_BulkStream(benchmark::State& state) {
  Ends ends(static_cast<std::size_t>(state.range(0)));
  const auto stream = ends.dialer.connection->session().open_stream(session::Direction::OneWay,
                                                                    {.priority = session::Priority::Bulk});
  if (!stream) return state.SkipWithError("no stream");
  const Bytes piece(256 * 1024, std::byte{7});
  const std::uint64_t datagrams = ends.datagrams_to_listener;
  const std::uint64_t acks = ends.datagrams_to_dialer;
  const std::uint64_t bytes = ends.bytes_read;
  ends.dialer.spent = ends.listener.spent = {};
  for (auto _ : state) {
    const auto begin = Clock::now();
    Buffer buffer = Buffer::copy_of(piece);
    (void)ends.dialer.connection->session().write(*stream, buffer);
    ends.dialer.endpoint->touch(*ends.dialer.connection);
    ends.dialer.spent += Clock::now() - begin;
    ends.turn();
  }
  const auto count = static_cast<double>(ends.datagrams_to_listener - datagrams);
  const auto ns = [&](const End& end) {
    return static_cast<double>(std::chrono::nanoseconds(end.spent).count()) / count;
  };
  state.SetBytesProcessed(static_cast<std::int64_t>(ends.bytes_read - bytes));
  state.counters["datagrams"] = count;
  state.counters["sender_ns"] = ns(ends.dialer);
  state.counters["receiver_ns"] = ns(ends.listener);
  state.counters["acks_each"] = static_cast<double>(ends.datagrams_to_dialer - acks) / count;
}
BENCHMARK(BM_BulkStream)->ArgName("datagram")->Arg(1472)->Arg(8972)->Arg(65'507);

// Seal and open of as much as one packet carries.
void BM_SealAndOpen(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0)) - 30;
  const Bytes key(crypto::kKeyBytes, std::byte{1});
  const Bytes iv(12, std::byte{2});
  crypto::PacketKeys sealer(crypto::Suite::Aes256Gcm, key, iv);
  crypto::PacketKeys opener(crypto::Suite::Aes256Gcm, key, iv);
  const Bytes content(size, std::byte{3});
  Bytes packet(size + crypto::kTagBytes);
  const Bytes header(11, std::byte{4});
  std::uint64_t number = 0;
  for (auto _ : state) {
    const std::array<ByteView, 1> parts = {content};
    sealer.seal(number, header, parts, packet);
    if (!opener.open(number++, header, packet)) std::abort();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(size) * state.iterations());
}
BENCHMARK(BM_SealAndOpen)->ArgName("datagram")->Arg(1472)->Arg(8972)->Arg(65'507);

}  // namespace
}  // namespace jetway::jsp
