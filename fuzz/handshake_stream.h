#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "jetway/base/assert.h"
#include "jetway/base/bytes.h"
#include "jetway/crypto/handshake.h"
#include "tests/crypto/handshake_pair.h"

namespace jetway::fuzz {

// How a handshake ended that was fed with some bytes.
struct Outcome {
  bool is_complete = false;
  std::optional<crypto::HandshakeErrc> error;
  Bytes output;

  bool operator==(const Outcome&) const = default;
};

inline Outcome feed(crypto::Handshake& end, ByteView input, std::size_t piece_bytes) {
  Outcome outcome;
  while (!input.empty() && !outcome.error) {
    const std::size_t count = std::min(piece_bytes, input.size());
    const auto done = end.handle_bytes(crypto::test::kNow, input.first(count));
    if (!done) outcome.error = done.error().code;
    const Bytes output = end.poll_output();
    outcome.output.insert(outcome.output.end(), output.begin(), output.end());
    input = input.subspan(count);
  }
  outcome.is_complete = end.is_complete();
  JETWAY_ASSERT(!(outcome.error && outcome.is_complete));
  return outcome;
}

}  // namespace jetway::fuzz
