// Bytes to a listener, whose keys come from a fixed seed, so that the recorded handshake in the corpus goes
// through to its end and the fuzzer starts from there. However the bytes are cut, the outcome is the same.

#include <cstddef>
#include <cstdint>
#include <span>

#include "fuzz/handshake_stream.h"

namespace {

jetway::fuzz::Outcome run(jetway::ByteView input, std::size_t piece_bytes) {
  jetway::crypto::test::HandshakePair pair;
  pair.start();
  return jetway::fuzz::feed(*pair.listener, input, piece_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const jetway::ByteView input = std::as_bytes(std::span{data, size});
  const jetway::fuzz::Outcome whole = run(input, size);
  JETWAY_ASSERT(run(input, 7) == whole);
  return 0;
}
