#pragma once

#include <cstdint>
#include <string>

namespace jetway::sim {

// JETWAY_SEED where it is set, so that a failure can be repeated; else `otherwise`.
std::uint64_t seed_from_environment(std::uint64_t otherwise);

// What to print with a failure: "repeat with JETWAY_SEED=7".
std::string replay_hint(std::uint64_t seed);

}  // namespace jetway::sim
