// What does the header of a packet cost: bytes before the sealed payload, and time to write, protect, read
// and uncover it? Towards a dialer, whose socket says which connection it is, and towards a listener.

#include <array>

#include <benchmark/benchmark.h>

#include "jetway/crypto/header_mask.h"
#include "jetway/jsp/packet_header.h"
#include "jetway/jsp/protection/header_protection.h"

namespace jetway::jsp {
namespace {

constexpr std::size_t kPacketBytes = 1472;
// On the way, unacknowledged: what decides how long packet numbers are.
constexpr PacketNumber kOnTheWay = 100;

enum class Towards : std::uint8_t { Dialer, Listener };

template <Towards kTowards>
ConnectionId destination() {
  constexpr std::array<std::byte, ConnectionId::kMaxBytes> kBytes{};
  return kTowards == Towards::Dialer ? ConnectionId{} : ConnectionId{kBytes};
}

template <Towards kTowards>
HeaderLayout write_header(PacketNumber number, MutableBytes packet) {
  return encode_header(packet, ShortHeader{.destination = destination<kTowards>(),
                                           .number = number,
                                           .number_bytes = packet_number_bytes(number, number - kOnTheWay),
                                           .key_phase = false});
}

crypto::HeaderMasker masker() {
  return {crypto::Suite::Aes256Gcm, crypto::SecretBytes::copy_of(as_bytes("a secret for the benchmark"))};
}

template <Towards kTowards>
void BM_Encode(benchmark::State& state) {
  Bytes packet(kPacketBytes);
  PacketNumber number = kOnTheWay;
  HeaderLayout layout;
  for (auto _ : state) {
    layout = write_header<kTowards>(number++, packet);
    benchmark::ClobberMemory();
  }
  state.counters["header_bytes"] = static_cast<double>(layout.header_bytes);
}

template <Towards kTowards>
void BM_Decode(benchmark::State& state) {
  Bytes packet(kPacketBytes);
  const HeaderLayout layout = write_header<kTowards>(kOnTheWay, packet);
  for (auto _ : state) {
    benchmark::DoNotOptimize(decode_packet_header(packet, destination<kTowards>().size()));
  }
  state.counters["header_bytes"] = static_cast<double>(layout.header_bytes);
}

// All packets of a batch at once, as they are sent; the time is that of one.
template <Towards kTowards>
void BM_Protect(benchmark::State& state) {
  constexpr std::size_t kBatch = crypto::kMaskBatchMax;
  crypto::HeaderMasker masks_of = masker();
  Bytes packets(kBatch * kPacketBytes);
  const HeaderLayout layout = write_header<kTowards>(kOnTheWay, packets);
  std::array<const std::byte*, kBatch> samples{};
  std::array<crypto::HeaderMask, kBatch> masks{};
  while (state.KeepRunningBatch(kBatch)) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      samples[i] = header_sample(MutableBytes{packets}.subspan(i * kPacketBytes), layout.number_offset);
    }
    masks_of.masks(samples, masks);
    for (std::size_t i = 0; i < kBatch; ++i) {
      protect_header(masks[i], MutableBytes{packets}.subspan(i * kPacketBytes), layout.number_offset,
                     layout.number_bytes);
    }
    benchmark::ClobberMemory();
  }
  state.counters["header_bytes"] = static_cast<double>(layout.header_bytes);
}

// One after the other, as they come.
template <Towards kTowards>
void BM_Unprotect(benchmark::State& state) {
  crypto::HeaderMasker masks_of = masker();
  Bytes packet(kPacketBytes);
  const HeaderLayout layout = write_header<kTowards>(kOnTheWay, packet);
  for (auto _ : state) {
    const crypto::HeaderMask mask = masks_of.mask(header_sample(packet, layout.number_offset));
    benchmark::DoNotOptimize(unprotect_header(mask, packet, layout.number_offset));
  }
  state.counters["header_bytes"] = static_cast<double>(layout.header_bytes);
}

BENCHMARK(BM_Encode<Towards::Dialer>);
BENCHMARK(BM_Encode<Towards::Listener>);
BENCHMARK(BM_Decode<Towards::Dialer>);
BENCHMARK(BM_Decode<Towards::Listener>);
BENCHMARK(BM_Protect<Towards::Dialer>);
BENCHMARK(BM_Protect<Towards::Listener>);
BENCHMARK(BM_Unprotect<Towards::Dialer>);
BENCHMARK(BM_Unprotect<Towards::Listener>);

}  // namespace
}  // namespace jetway::jsp
