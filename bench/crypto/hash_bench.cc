// Does our BLAKE3 cost more than the library's?

#include <benchmark/benchmark.h>
#include <blake3.h>

#include "jetway/crypto/hash.h"

namespace jetway::crypto {
namespace {

void input_sizes(benchmark::internal::Benchmark* bench) {
  for (const int size : {64, 1024, 16 << 10, 64 << 10, 1 << 20}) bench->Arg(size);
}

void BM_Blake3(benchmark::State& state) {
  const Bytes input(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(blake3(input));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Blake3)->Apply(input_sizes);

void BM_Blake3Limit(benchmark::State& state) {
  const Bytes input(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    blake3_hasher hasher;
    std::uint8_t hash[BLAKE3_OUT_LEN];
    blake3_hasher_init(&hasher);
    blake3_hasher_update(&hasher, input.data(), input.size());
    blake3_hasher_finalize(&hasher, hash, sizeof hash);
    benchmark::DoNotOptimize(hash);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Blake3Limit)->Apply(input_sizes);

void BM_Sha256(benchmark::State& state) {
  const Bytes input(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(sha256(input));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Sha256)->Arg(1024);

}  // namespace
}  // namespace jetway::crypto
