// What does it cost to protect packets and to repair them, beside ISA-L's own code for a whole group at once?

#include <vector>

#include <benchmark/benchmark.h>
#include <isa-l/erasure_code.h>

#include "jetway/base/random.h"
#include "jetway/jsp/fec/decoder.h"
#include "jetway/jsp/fec/encoder.h"

namespace jetway::jsp {
namespace {

constexpr std::size_t kFramesBytes = 1300;

// Sources, repair symbols.
void shapes(benchmark::internal::Benchmark* bench) {
  bench->Args({4, 1})->Args({10, 2})->Args({20, 3})->Args({64, 16});
}

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * state.range(0) * static_cast<std::int64_t>(kFramesBytes));
}

Bytes random_frames() {
  SeededRandom random{1};
  Bytes frames(kFramesBytes);
  random.fill(frames);
  return frames;
}

// Packet by packet, as they are built, with what names them.
void BM_Protect(benchmark::State& state) {
  const FecShape shape{static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1))};
  std::vector<Bytes> packets(shape.sources, random_frames());
  FecEncoder encoder;
  PacketNumber number = 0;
  for (auto _ : state) {
    for (const Bytes& packet : packets) {
      encoder.add_source(0, number++, {ByteView{packet}.first(20), ByteView{packet}.subspan(20)}, shape);
    }
    while (encoder.front()) encoder.pop_front();
  }
  count_bytes(state);
}
BENCHMARK(BM_Protect)->Apply(shapes);

// What ISA-L takes and gives, for a code of this shape.
struct Isal {
  explicit Isal(const benchmark::State& state)
      : k(static_cast<int>(state.range(0))),
        r(static_cast<int>(state.range(1))),
        symbols(static_cast<std::size_t>(k + r), random_frames()),
        matrix(static_cast<std::size_t>(k * (k + r))),
        tables(static_cast<std::size_t>(32 * k * r)) {
    for (Bytes& symbol : symbols) pointers.push_back(reinterpret_cast<unsigned char*>(symbol.data()));
    gf_gen_cauchy1_matrix(matrix.data(), k + r, k);
    ec_init_tables(k, r, matrix.data() + static_cast<std::ptrdiff_t>(k) * k, tables.data());
  }

  void run() {
    ec_encode_data(kFramesBytes, k, r, tables.data(), pointers.data(), pointers.data() + k);
    benchmark::ClobberMemory();
  }

  int k;
  int r;
  std::vector<Bytes> symbols;
  std::vector<unsigned char*> pointers;
  std::vector<unsigned char> matrix;
  std::vector<unsigned char> tables;
};

void BM_IsalWholeGroup(benchmark::State& state) {
  Isal isal{state};
  for (auto _ : state) isal.run();
  count_bytes(state);
}
BENCHMARK(BM_IsalWholeGroup)->Apply(shapes);

// As many packets lost as can be repaired: all that the receiver does for a group.
void BM_Repair(benchmark::State& state) {
  const FecShape shape{static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1))};
  const Bytes frames = random_frames();
  FecEncoder encoder;
  for (PacketNumber number = 0; number < shape.sources; ++number) {
    encoder.add_source(0, number, {frames, {}}, shape);
  }
  std::vector<Bytes> repairs;
  for (; encoder.front(); encoder.pop_front()) repairs.push_back(to_bytes(encoder.front()->symbol));
  FecDecoder decoder;
  std::uint64_t group = 0;
  for (auto _ : state) {
    std::size_t repaired = 0;
    for (std::size_t i = shape.repairs; i < shape.sources; ++i) {
      (void)decoder.add_source({group, i}, 0, i, frames);
    }
    for (std::size_t i = 0; i < repairs.size(); ++i) {
      (void)decoder.add_repair({group, shape.sources, i, repairs[i]});
      while (decoder.poll_repaired()) ++repaired;
    }
    if (repaired != shape.repairs) state.SkipWithError("not all was repaired");
    ++group;
  }
  count_bytes(state);
}
BENCHMARK(BM_Repair)->Apply(shapes);

// The multiplications alone: those of the sources that came, and those of the solution.
void BM_IsalRepair(benchmark::State& state) {
  Isal isal{state};
  const int there = isal.k - isal.r;
  for (auto _ : state) {
    ec_encode_data(kFramesBytes, there > 0 ? there : 1, isal.r, isal.tables.data(), isal.pointers.data(),
                   isal.pointers.data() + isal.k);
    ec_encode_data(kFramesBytes, isal.r, isal.r, isal.tables.data(), isal.pointers.data() + isal.k,
                   isal.pointers.data());
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}
BENCHMARK(BM_IsalRepair)->Apply(shapes);

}  // namespace
}  // namespace jetway::jsp
