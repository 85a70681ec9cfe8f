#pragma once

#include <cstdint>
#include <span>

#include "jetway/crypto/hash.h"

namespace jetway::transfer {

// A hash that stands for a number, where it does not matter what was hashed.
inline crypto::Hash256 hash_of(std::uint64_t number) {
  return crypto::blake3(std::as_bytes(std::span{&number, 1}));
}

}  // namespace jetway::transfer
