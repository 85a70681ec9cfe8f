#include "tests/lab/linkem/lateness.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace jetway::lab {

std::size_t Lateness::bin_of(std::uint64_t us) {
  if (us < kExact) return us;
  const auto exponent = static_cast<std::size_t>(std::bit_width(us)) - 1;  // at least 6
  const std::size_t step = (us >> (exponent - 5)) & (kSteps - 1);
  return std::min(kExact + (exponent - 6) * kSteps + step, kBins - 1);
}

std::uint64_t Lateness::value_of(std::size_t bin) {
  if (bin < kExact) return bin;
  const std::size_t exponent = (bin - kExact) / kSteps + 6;
  return std::uint64_t{kSteps + (bin - kExact) % kSteps} << (exponent - 5);
}

void Lateness::add(Nanoseconds late) {
  ++counts_[bin_of(static_cast<std::uint64_t>(std::max<Nanoseconds>(0, late)) / 1000)];
  ++total_;
  max_ = std::max(max_, late);
}

std::uint64_t Lateness::quantile_us(double quantile) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(total_)));
  std::uint64_t seen = 0;
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    seen += counts_[bin];
    if (seen >= wanted && seen > 0) return value_of(bin);
  }
  return 0;
}

}  // namespace jetway::lab
