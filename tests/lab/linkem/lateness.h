#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tests/lab/linkem/values.h"

namespace jetway::lab {

// How much later than planned frames left: a histogram in steps of 1 us up to 64 us, of 1/32 above.
class Lateness {
 public:
  void add(Nanoseconds late);
  std::uint64_t quantile_us(double quantile) const;
  Nanoseconds max_us() const { return max_ / 1000; }

 private:
  static constexpr std::size_t kExact = 64;
  static constexpr std::size_t kSteps = 32;
  static constexpr std::size_t kOctaves = 40;
  static constexpr std::size_t kBins = kExact + kSteps * kOctaves;

  static std::size_t bin_of(std::uint64_t us);
  static std::uint64_t value_of(std::size_t bin);

  std::array<std::uint64_t, kBins> counts_{};
  std::uint64_t total_ = 0;
  Nanoseconds max_ = 0;
};

}  // namespace jetway::lab
