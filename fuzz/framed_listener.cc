// Bytes of a stranger to a listener's engine, cut in two ways: the same outcome, bounded output, and an end
// as soon as its deadline has passed.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "jetway/base/assert.h"
#include "jetway/base/random.h"
#include "jetway/crypto/identity.h"
#include "jetway/crypto/init_filter.h"
#include "jetway/framed/connection.h"

namespace {

using namespace jetway;

struct Outcome {
  bool is_established = false;
  bool is_closed = false;
  bool operator==(const Outcome&) const = default;
};

Outcome run(ByteView input, std::size_t piece_bytes) {
  SeededRandom random(1);
  static const auto kIdentity = [] {
    SeededRandom seeded(2);
    return std::make_shared<const crypto::Identity>(
        crypto::Identity::generate(crypto::KeyType::Ed25519, seeded));
  }();
  crypto::InitFilter filter({}, random);
  framed::FramedConfig config;
  config.handshake.identity = kIdentity;
  Now now{.engine = TimePoint{}, .wall = WallTime{std::chrono::hours(24 * 365 * 55)}};
  auto engine = framed::Connection::listener(config, random, filter, as_bytes("stranger"), now);
  Bytes out(engine.min_transmit_bytes());
  std::size_t sent_bytes = 0;
  while (!input.empty()) {
    const ByteView piece = input.first(std::min(piece_bytes, input.size()));
    input = input.subspan(piece.size());
    engine.handle_bytes(now, piece);
    while (const std::size_t size = engine.poll_transmit(now, out)) sent_bytes += size;
    while (engine.poll_event()) {
    }
  }
  const Outcome outcome{.is_established = engine.is_established(), .is_closed = engine.is_closed()};
  JETWAY_ASSERT(sent_bytes < 64 * 1024);
  if (!outcome.is_closed) {
    now.engine = *engine.next_timeout();
    engine.handle_timeout(now);
    while (engine.poll_transmit(now, out) > 0) {
    }
    JETWAY_ASSERT(engine.is_closed() || outcome.is_established);
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span{data, size});
  JETWAY_ASSERT(run(input, size) == run(input, 7));
  return 0;
}
