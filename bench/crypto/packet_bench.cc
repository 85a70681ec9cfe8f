// Which nanoseconds of a packet are the seal's and the header mask's, by each back end?

#include <array>
#include <cstring>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

#include "jetway/crypto/header_mask.h"
#include "jetway/crypto/packet_keys.h"

namespace jetway::crypto {
namespace {

// As long as the header of a packet towards a listener.
constexpr std::array<std::byte, 11> kShortHeader{};

SecretBytes packet_secret() { return SecretBytes::copy_of(as_bytes("a traffic secret for the benchmark")); }

void packet_sizes(benchmark::internal::Benchmark* bench) {
  for (const int size : {64, 1350, 1432, 8192, 16384, 65000}) bench->Arg(size);
}

bool skips(benchmark::State& state, AeadBackend backend) {
  if (is_available(backend)) return false;
  state.SkipWithMessage("not on this machine");
  return true;
}

void seal_packets(benchmark::State& state, PacketKeys keys, std::span<const ByteView> parts) {
  Bytes packet(static_cast<std::size_t>(state.range(0)) + kTagBytes);
  std::uint64_t number = 0;
  for (auto _ : state) {
    keys.seal({1, number++}, kShortHeader, parts, packet);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

template <Suite kSuite, AeadBackend kBackend>
void BM_PacketSeal(benchmark::State& state) {
  if (skips(state, kBackend)) return;
  const Bytes text(static_cast<std::size_t>(state.range(0)));
  seal_packets(state, {kSuite, packet_secret(), kBackend}, std::array{ByteView{text}});
}

// A frame header of its own and data from elsewhere, as bulk data leaves.
template <Suite kSuite, AeadBackend kBackend>
void BM_PacketSealGathered(benchmark::State& state) {
  if (skips(state, kBackend)) return;
  const Bytes frame(9);
  const Bytes text(static_cast<std::size_t>(state.range(0)) - frame.size());
  seal_packets(state, {kSuite, packet_secret(), kBackend}, std::array{ByteView{frame}, ByteView{text}});
}

// A packet that fails costs the same as one that does not, so the same bytes are opened again and again.
template <Suite kSuite, AeadBackend kBackend>
void BM_PacketOpen(benchmark::State& state) {
  if (skips(state, kBackend)) return;
  PacketKeys keys(kSuite, packet_secret(), kBackend);
  Bytes packet(static_cast<std::size_t>(state.range(0)) + kTagBytes);
  for (auto _ : state) {
    benchmark::DoNotOptimize(keys.open({1, 0}, kShortHeader, packet));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

template <Suite kSuite>
void BM_HeaderMask(benchmark::State& state) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  constexpr std::size_t kPacketBytes = 1472;
  HeaderMasker masker(kSuite, packet_secret());
  const Bytes packets(batch * kPacketBytes);
  std::vector<const std::byte*> samples;
  for (std::size_t i = 0; i < batch; ++i) samples.push_back(packets.data() + i * kPacketBytes);
  std::vector<HeaderMask> masks(batch);
  for (auto _ : state) {
    masker.masks(samples, masks);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(BM_PacketSeal<Suite::Aes256Gcm, AeadBackend::OpenSsl>)->Apply(packet_sizes);
BENCHMARK(BM_PacketSeal<Suite::Aes256Gcm, AeadBackend::IpsecMb>)->Apply(packet_sizes);
BENCHMARK(BM_PacketSealGathered<Suite::Aes256Gcm, AeadBackend::OpenSsl>)->Apply(packet_sizes);
BENCHMARK(BM_PacketSealGathered<Suite::Aes256Gcm, AeadBackend::IpsecMb>)->Apply(packet_sizes);
BENCHMARK(BM_PacketOpen<Suite::Aes256Gcm, AeadBackend::OpenSsl>)->Apply(packet_sizes);
BENCHMARK(BM_PacketOpen<Suite::Aes256Gcm, AeadBackend::IpsecMb>)->Apply(packet_sizes);
BENCHMARK(BM_PacketSeal<Suite::ChaCha20Poly1305, AeadBackend::OpenSsl>)->Apply(packet_sizes);
BENCHMARK(BM_PacketSeal<Suite::ChaCha20Poly1305, AeadBackend::IpsecMb>)->Apply(packet_sizes);
BENCHMARK(BM_PacketOpen<Suite::ChaCha20Poly1305, AeadBackend::OpenSsl>)->Apply(packet_sizes);
BENCHMARK(BM_PacketOpen<Suite::ChaCha20Poly1305, AeadBackend::IpsecMb>)->Apply(packet_sizes);
BENCHMARK(BM_HeaderMask<Suite::Aes256Gcm>)->Arg(1)->Arg(8)->Arg(64);
BENCHMARK(BM_HeaderMask<Suite::ChaCha20Poly1305>)->Arg(1)->Arg(64);

}  // namespace
}  // namespace jetway::crypto
