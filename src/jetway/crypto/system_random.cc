#include "jetway/crypto/system_random.h"

#include <algorithm>
#include <climits>

#include <openssl/rand.h>

#include "jetway/base/assert.h"
#include "jetway/crypto/algorithms.h"

namespace jetway::crypto {

void SystemRandom::fill(MutableBytes out) {
  while (!out.empty()) {
    const std::size_t count = std::min<std::size_t>(out.size(), INT_MAX);
    JETWAY_ASSERT(RAND_bytes(raw(out), static_cast<int>(count)) == 1);
    out = out.subspan(count);
  }
}

}  // namespace jetway::crypto
