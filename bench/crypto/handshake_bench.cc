// What does a mutual handshake cost each side, and how much of it is not the primitives?

#include <chrono>
#include <ctime>
#include <expected>
#include <memory>

#include <benchmark/benchmark.h>

#include "jetway/crypto/handshake.h"
#include "jetway/crypto/init_filter.h"
#include "jetway/crypto/key_exchange.h"
#include "jetway/crypto/system_random.h"

namespace jetway::crypto {
namespace {

constexpr WallTime kNow{std::chrono::milliseconds{1'795'262'400'000}};

// Adds up the processor time of this thread between start() and stop().
class Stopwatch {
 public:
  void start() { started_ = thread_seconds(); }
  void stop() { total_ += thread_seconds() - started_; }
  double seconds() const { return total_; }

 private:
  static double thread_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }

  double started_ = 0;
  double total_ = 0;
};

struct Parties {
  explicit Parties(KeyType type) {
    dialer.identity = std::make_shared<const Identity>(Identity::generate(type, random));
    listener.identity = std::make_shared<const Identity>(Identity::generate(type, random));
    dialer.expected_peer = listener.identity->peer_id();
  }

  SystemRandom random;
  InitFilter filter{{.randoms_max = 10'000'000}, random};
  HandshakeConfig dialer;
  HandshakeConfig listener;
};

struct Sides {
  double dialer;
  double listener;
};

void check(const std::expected<void, HandshakeError>& done, benchmark::State& state) {
  if (!done) state.SkipWithError("the handshake failed");
}

// One handshake; the seconds each side took.
Sides run_handshake(Parties& parties, benchmark::State& state) {
  Stopwatch dialer_watch;
  Stopwatch listener_watch;
  dialer_watch.start();
  Handshake dialer = Handshake::dialer(parties.dialer, parties.random, kNow);
  const Bytes init = dialer.poll_output();
  dialer_watch.stop();
  listener_watch.start();
  Handshake listener =
      Handshake::listener(parties.listener, parties.random, parties.filter, as_bytes("peer"));
  check(listener.handle_bytes(kNow, init), state);
  const Bytes response = listener.poll_output();
  listener_watch.stop();
  dialer_watch.start();
  check(dialer.handle_bytes(kNow, response), state);
  const Bytes confirm = dialer.poll_output();
  dialer_watch.stop();
  listener_watch.start();
  check(listener.handle_bytes(kNow, confirm), state);
  listener_watch.stop();
  return {dialer_watch.seconds(), listener_watch.seconds()};
}

void BM_HandshakeDialer(benchmark::State& state, KeyType type) {
  Parties parties(type);
  for (auto _ : state) state.SetIterationTime(run_handshake(parties, state).dialer);
}

void BM_HandshakeListener(benchmark::State& state, KeyType type) {
  Parties parties(type);
  for (auto _ : state) state.SetIterationTime(run_handshake(parties, state).listener);
}

// What a listener cannot do without: an X25519 key, its agreement, an ML-KEM encapsulation to a key that has
// to be read, a signature and a verification.
void BM_ListenerPrimitives(benchmark::State& state) {
  SystemRandom random;
  const Identity own = Identity::generate(KeyType::Ed25519, random);
  const PublicKey peer = *PublicKey::from_der(own.public_key());
  const Bytes message(60);
  const Bytes signature = own.sign(message);
  const HybridDialer dialer = HybridDialer::generate(KeyExchange::X25519MlKem768, random);
  for (auto _ : state) {
    benchmark::DoNotOptimize(answer_key_exchange(KeyExchange::X25519MlKem768, dialer.x25519_share(),
                                                 dialer.encapsulation_key(), random));
    benchmark::DoNotOptimize(own.sign(message));
    benchmark::DoNotOptimize(peer.verify(message, signature));
  }
}

void BM_DialerPrimitives(benchmark::State& state) {
  SystemRandom random;
  const Identity own = Identity::generate(KeyType::Ed25519, random);
  const PublicKey peer = *PublicKey::from_der(own.public_key());
  const Bytes message(60);
  const Bytes signature = own.sign(message);
  const HybridDialer other = HybridDialer::generate(KeyExchange::X25519MlKem768, random);
  const auto answer = answer_key_exchange(KeyExchange::X25519MlKem768, other.x25519_share(),
                                          other.encapsulation_key(), random);
  for (auto _ : state) {
    const HybridDialer dialer = HybridDialer::generate(KeyExchange::X25519MlKem768, random);
    benchmark::DoNotOptimize(dialer.agree(answer->x25519_share, answer->ciphertext));
    benchmark::DoNotOptimize(own.sign(message));
    benchmark::DoNotOptimize(peer.verify(message, signature));
  }
}

BENCHMARK_CAPTURE(BM_HandshakeDialer, Ed25519, KeyType::Ed25519)->UseManualTime();
BENCHMARK(BM_DialerPrimitives);
BENCHMARK_CAPTURE(BM_HandshakeListener, Ed25519, KeyType::Ed25519)->UseManualTime();
BENCHMARK(BM_ListenerPrimitives);
BENCHMARK_CAPTURE(BM_HandshakeDialer, MlDsa65, KeyType::MlDsa65)->UseManualTime();
BENCHMARK_CAPTURE(BM_HandshakeListener, MlDsa65, KeyType::MlDsa65)->UseManualTime();

}  // namespace
}  // namespace jetway::crypto
