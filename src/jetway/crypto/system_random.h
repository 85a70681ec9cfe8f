#pragma once

#include "jetway/base/random.h"

namespace jetway::crypto {

// OpenSSL's generator, seeded by the system. May be used on any thread. That it fails means that nothing here
// can be safe any more, and ends the process.
class SystemRandom final : public RandomSource {
 public:
  void fill(MutableBytes out) override;
};

}  // namespace jetway::crypto
