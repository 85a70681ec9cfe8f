#pragma once

#include <cstddef>

#include "bench/session_tcp/measure.h"

namespace jetway::bench {

inline constexpr std::size_t kBlockBytes = 256 * 1024;  // what the application writes and reads at once

// Memory to memory over one connection. The client's usage is from the first byte until the server has said
// that it has all of them, the server's from the first byte to the last.
BothUsages bulk_over_jetway(std::size_t total_bytes);
BothUsages bulk_over_tls(std::size_t total_bytes);

// Mutually authenticated connections (Ed25519, X25519 and ML-KEM-768), one after the other: made and closed.
BothUsages handshakes_of_jetway(int count);
BothUsages handshakes_of_tls(int count);

}  // namespace jetway::bench
