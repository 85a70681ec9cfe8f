#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "jetway/base/bytes.h"

// The Reed-Solomon code of FEC groups (docs/protocol/jsp.md section 11.3): systematic, over GF(2^8) with the
// polynomial 0x11d. Repair symbol i is the sum over all sources j of coefficient(i, j) times source j, byte
// by byte; symbols shorter than the longest count as padded with zeros. Any k of the k + r symbols of a group
// give back its sources. The coefficients do not depend on k or r, so that a group may be closed at any size.
namespace jetway::jsp {

inline constexpr std::size_t kFecSourcesMax = 64;  // k, at most
inline constexpr std::size_t kFecRepairsMax = 16;  // r, at most

// (source XOR 128) / (source XOR (128 + repair)): a Cauchy matrix whose columns are scaled such that the
// first repair symbol is the plain XOR of the sources.
std::uint8_t fec_coefficient(std::size_t repair, std::size_t source);

// Adds one source to the first `repairs.size()` repair symbols of its group, each at least as long as it.
void fec_accumulate(std::size_t source, ByteView symbol, std::span<std::byte* const> repairs);

// A symbol of a group by its place among the sources or among the repair symbols.
struct FecSymbol {
  std::size_t index = 0;
  ByteView bytes;
};
struct FecSum {
  std::size_t index = 0;
  std::byte* bytes = nullptr;  // changed on the way
};

// Finds the sources `missing` out of as many repair symbols and all the other sources. `out` holds one symbol
// of `symbol_bytes` after the other, in the order of `missing`; no source is longer than that.
void fec_solve(std::span<const FecSymbol> sources, std::span<const std::size_t> missing,
               std::span<const FecSum> repairs, std::size_t symbol_bytes, MutableBytes out);

}  // namespace jetway::jsp
