#include "jetway/jsp/fec/erasure_code.h"

#include <isa-l/erasure_code.h>

#include "jetway/base/assert.h"

namespace jetway::jsp {

namespace {

// What ISA-L expands every coefficient to.
constexpr std::size_t kTableBytes = 32;

// Its functions take pointers to mutable memory for what they only read.
unsigned char* isal(const std::byte* bytes) {
  return const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes));
}

// The expanded coefficients of all symbols that there can be, by repair symbol and source.
struct CodeTables {
  alignas(64) std::array<unsigned char, kTableBytes * kFecSourcesMax * kFecRepairsMax> expanded{};

  CodeTables() {
    std::array<unsigned char, kFecSourcesMax * kFecRepairsMax> coefficients{};
    for (std::size_t repair = 0; repair < kFecRepairsMax; ++repair) {
      for (std::size_t source = 0; source < kFecSourcesMax; ++source) {
        coefficients[repair * kFecSourcesMax + source] = fec_coefficient(repair, source);
      }
    }
    ec_init_tables(kFecSourcesMax, kFecRepairsMax, coefficients.data(), expanded.data());
  }
};

const CodeTables& code_tables() {
  static const CodeTables tables;
  return tables;
}

}  // namespace

std::uint8_t fec_coefficient(std::size_t repair, std::size_t source) {
  constexpr std::size_t kFirstRepair = 128;
  const auto dividend = static_cast<unsigned char>(source ^ kFirstRepair);
  const auto divisor = static_cast<unsigned char>(source ^ (kFirstRepair + repair));
  return gf_mul(dividend, gf_inv(divisor));
}

void fec_accumulate(std::size_t source, ByteView symbol, std::span<std::byte* const> repairs) {
  JETWAY_ASSERT(source < kFecSourcesMax && repairs.size() <= kFecRepairsMax);
  std::array<unsigned char*, kFecRepairsMax> sums{};
  for (std::size_t i = 0; i < repairs.size(); ++i) sums[i] = isal(repairs[i]);
  ec_encode_data_update(static_cast<int>(symbol.size()), kFecSourcesMax, static_cast<int>(repairs.size()),
                        static_cast<int>(source), const_cast<unsigned char*>(code_tables().expanded.data()),
                        isal(symbol.data()), sums.data());
}

void fec_solve(std::span<const FecSymbol> sources, std::span<const std::size_t> missing,
               std::span<const FecSum> repairs, std::size_t symbol_bytes, MutableBytes out) {
  const std::size_t count = missing.size();
  JETWAY_ASSERT(count > 0 && count <= kFecRepairsMax && repairs.size() == count);
  JETWAY_ASSERT(sources.size() <= kFecSourcesMax && out.size() >= count * symbol_bytes);
  alignas(64) std::array<unsigned char, kTableBytes * kFecSourcesMax * kFecRepairsMax> tables{};
  std::array<unsigned char, kFecSourcesMax * kFecRepairsMax> coefficients{};

  // What the sources that are there contributed is taken off the repair symbols...
  std::array<unsigned char*, kFecRepairsMax> sums{};
  for (std::size_t row = 0; row < count; ++row) {
    sums[row] = isal(repairs[row].bytes);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      coefficients[row * sources.size() + i] = fec_coefficient(repairs[row].index, sources[i].index);
    }
  }
  const auto known = static_cast<int>(sources.size());
  const auto unknown = static_cast<int>(count);
  if (known > 0) ec_init_tables(known, unknown, coefficients.data(), tables.data());
  for (int i = 0; i < known; ++i) {
    const ByteView source = sources[static_cast<std::size_t>(i)].bytes;
    ec_encode_data_update(static_cast<int>(source.size()), known, unknown, i, tables.data(),
                          isal(source.data()), sums.data());
  }

  // ... which leaves as many equations as there are unknowns.
  std::array<unsigned char, kFecRepairsMax * kFecRepairsMax> matrix{};
  std::array<unsigned char, kFecRepairsMax * kFecRepairsMax> inverse{};
  std::array<unsigned char*, kFecRepairsMax> found{};
  for (std::size_t row = 0; row < count; ++row) {
    found[row] = isal(out.subspan(row * symbol_bytes).data());
    for (std::size_t column = 0; column < count; ++column) {
      matrix[row * count + column] = fec_coefficient(repairs[row].index, missing[column]);
    }
  }
  const bool has_solution = gf_invert_matrix(matrix.data(), inverse.data(), unknown) == 0;
  JETWAY_ASSERT(has_solution);
  ec_init_tables(unknown, unknown, inverse.data(), tables.data());
  ec_encode_data(static_cast<int>(symbol_bytes), unknown, unknown, tables.data(), sums.data(), found.data());
}

}  // namespace jetway::jsp
