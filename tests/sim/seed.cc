#include "tests/sim/seed.h"

#include <cstdlib>
#include <format>

namespace jetway::sim {

std::uint64_t seed_from_environment(std::uint64_t otherwise) {
  const char* const text = std::getenv("JETWAY_SEED");
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string replay_hint(std::uint64_t seed) { return std::format("repeat with JETWAY_SEED={}", seed); }

}  // namespace jetway::sim
