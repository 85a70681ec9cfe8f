// What do pools, coalescing and batched acknowledgements save? Each with and without: allocations per packet,
// packets per small write, ACKs per data packet. The times say nothing here.

#include <benchmark/benchmark.h>

#include "bench/ends/block_pool.h"
#include "bench/jsp_engine/ends.h"
#include "tests/heap/heap_use.h"

namespace jetway::jsp {
namespace {

constexpr std::size_t kDatagramBytes = 1472;
constexpr std::size_t kPieceBytes = 256 * 1024;
constexpr int kTurns = 500;  // to get everything to its size, and then measured

session::StreamId open_stream(Ends& ends) {
  return ends.dialer.connection->session()
      .open_stream(session::Direction::OneWay, {.priority = session::Priority::Bulk})
      .value();
}

// Without: a new buffer for each piece, and nothing that the sessions have taken is kept for the next turn.
void BM_Pools(benchmark::State& state) {
  const bool is_on = state.range(0) != 0;
  bench::BlockPool pool(kPieceBytes);
  Ends ends({.datagram_max_bytes = kDatagramBytes});
  const session::StreamId stream = open_stream(ends);
  const auto turn = [&] {
    Buffer piece = is_on ? pool.take() : Buffer(kPieceBytes);
    piece.resize(kPieceBytes);
    ends.write(stream, piece);
    ends.turn();
    if (is_on) return;
    ends.dialer.connection->session().release_memory();
    ends.listener.connection->session().release_memory();
  };
  for (int i = 0; i < kTurns; ++i) turn();  // everything has its size
  const std::uint64_t before = heap_use().allocations;
  const std::uint64_t datagrams = ends.datagrams_to_listener + ends.datagrams_to_dialer;
  for (auto _ : state) turn();
  state.counters["allocations_each"] =
      static_cast<double>(heap_use().allocations - before) /
      static_cast<double>(ends.datagrams_to_listener + ends.datagrams_to_dialer - datagrams);
}
BENCHMARK(BM_Pools)->ArgName("on")->Arg(1)->Arg(0)->Iterations(kTurns);

// Sixteen writes of 64 bytes that meet before the socket is looked at; without: each goes as it is written.
void BM_Coalescing(benchmark::State& state) {
  constexpr int kWrites = 16;
  const bool is_on = state.range(0) != 0;
  Ends ends({.datagram_max_bytes = kDatagramBytes});
  const session::StreamId stream = open_stream(ends);
  const Bytes message(64, std::byte{7});
  const std::uint64_t datagrams = ends.datagrams_to_listener;
  for (auto _ : state) {
    for (int i = 0; i < kWrites; ++i) {
      (void)ends.dialer.connection->session().write(stream, ByteView{message});
      ends.dialer.endpoint->touch(*ends.dialer.connection);
      if (!is_on) ends.turn();
    }
    if (is_on) ends.turn();
  }
  state.counters["packets_each"] = static_cast<double>(ends.datagrams_to_listener - datagrams) /
                                   static_cast<double>(state.iterations() * kWrites);
}
BENCHMARK(BM_Coalescing)->ArgName("on")->Arg(1)->Arg(0)->Iterations(kTurns);

// Without: a listener that says it acknowledges every packet, and a window too small for the dialer to ask
// for fewer.
void BM_BatchedAcks(benchmark::State& state) {
  const bool is_on = state.range(0) != 0;
  EndsOptions options{.datagram_max_bytes = kDatagramBytes, .is_spread = true};
  if (!is_on) {
    options.window_max_bytes = 8 * kDatagramBytes;
    options.ack_packets_max = 1;
  }
  bench::BlockPool pool(kPieceBytes);
  Ends ends(options);
  const session::StreamId stream = open_stream(ends);
  const auto turn = [&] {
    Buffer piece = pool.take();
    ends.write(stream, piece);
    ends.turn();
  };
  for (int i = 0; i < kTurns; ++i) turn();
  const std::uint64_t datagrams = ends.datagrams_to_listener;
  const std::uint64_t acks = ends.listener.connection->statistics().acks_sent;
  for (auto _ : state) turn();
  state.counters["acks_each"] = static_cast<double>(ends.listener.connection->statistics().acks_sent - acks) /
                                static_cast<double>(ends.datagrams_to_listener - datagrams);
}
BENCHMARK(BM_BatchedAcks)->ArgName("on")->Arg(1)->Arg(0)->Iterations(kTurns);

}  // namespace
}  // namespace jetway::jsp
