// What does the seal of a packet cost over the bare primitive?

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include <sodium.h>

#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include "jetway/crypto/packet_keys.h"

namespace jetway::crypto {
namespace {

constexpr std::array<unsigned char, kKeyBytes> kKey = {1};
constexpr std::array<std::byte, 10> kHeader{};

SecretBytes secret() { return SecretBytes::copy_of(as_bytes("a traffic secret for the benchmark")); }

void count_bytes(benchmark::State& state) { state.SetBytesProcessed(state.iterations() * state.range(0)); }

void record_sizes(benchmark::internal::Benchmark* bench) {
  for (const int size : {64, 1350, 16 << 10, 64 << 10, 1 << 20}) bench->Arg(size);
}

template <Suite kSuite>
void BM_Seal(benchmark::State& state) {
  PacketKeys keys(kSuite, secret());
  const Bytes text(static_cast<std::size_t>(state.range(0)));
  Bytes packet(text.size() + kTagBytes);
  const std::array parts = {ByteView{text}};
  std::uint64_t number = 0;
  for (auto _ : state) {
    keys.seal(number++, kHeader, parts, packet);
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}

// As the session seals bulk data: a frame header of its own and the application's buffer.
template <Suite kSuite>
void BM_SealGathered(benchmark::State& state) {
  PacketKeys keys(kSuite, secret());
  const Bytes header(9);
  const Bytes text(static_cast<std::size_t>(state.range(0)));
  Bytes packet(header.size() + text.size() + kTagBytes);
  const std::array parts = {ByteView{header}, ByteView{text}};
  std::uint64_t number = 0;
  for (auto _ : state) {
    keys.seal(number++, kHeader, parts, packet);
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}

// A packet that fails costs the same as one that does not, so the same bytes are opened again and again.
template <Suite kSuite>
void BM_Open(benchmark::State& state) {
  PacketKeys keys(kSuite, secret());
  const Bytes text(static_cast<std::size_t>(state.range(0)));
  Bytes sealed(text.size() + kTagBytes);
  const std::array parts = {ByteView{text}};
  keys.seal(0, kHeader, parts, sealed);
  Bytes packet = sealed;
  for (auto _ : state) {
    std::memcpy(packet.data(), sealed.data(), sealed.size());
    if (!keys.open(0, kHeader, packet)) state.SkipWithError("a good packet was refused");
  }
  count_bytes(state);
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

// The limit: OpenSSL with one context, a new nonce for each packet and the tag.
void BM_OpensslLimit(benchmark::State& state, const EVP_CIPHER* cipher) {
  const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context(EVP_CIPHER_CTX_new());
  EVP_EncryptInit_ex2(context.get(), cipher, kKey.data(), nullptr, nullptr);
  const auto size = static_cast<int>(state.range(0));
  std::vector<unsigned char> text(static_cast<std::size_t>(size) + kTagBytes);
  std::array<unsigned char, 12> nonce{};
  int count = 0;
  for (auto _ : state) {
    ++nonce[0];
    EVP_EncryptInit_ex2(context.get(), nullptr, nullptr, nonce.data(), nullptr);
    EVP_EncryptUpdate(context.get(), nullptr, &count, nonce.data(), 10);
    EVP_EncryptUpdate(context.get(), text.data(), &count, text.data(), size);
    EVP_EncryptFinal_ex(context.get(), text.data() + size, &count);
    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, text.data() + size);
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}

void BM_SodiumLimit(benchmark::State& state) {
  std::vector<unsigned char> text(static_cast<std::size_t>(state.range(0)) + kTagBytes);
  std::array<unsigned char, 24> nonce{};
  unsigned long long written = 0;
  if (sodium_init() < 0) state.SkipWithError("libsodium");
  for (auto _ : state) {
    ++nonce[0];
    crypto_aead_xchacha20poly1305_ietf_encrypt(text.data(), &written, text.data(), text.size() - kTagBytes,
                                               nonce.data(), 10, nullptr, nonce.data(), kKey.data());
    benchmark::ClobberMemory();
  }
  count_bytes(state);
}

BENCHMARK(BM_Seal<Suite::Aes256Gcm>)->Apply(record_sizes);
BENCHMARK(BM_SealGathered<Suite::Aes256Gcm>)->Apply(record_sizes);
BENCHMARK(BM_Open<Suite::Aes256Gcm>)->Apply(record_sizes);
BENCHMARK_CAPTURE(BM_OpensslLimit, Aes256Gcm, EVP_aes_256_gcm())->Apply(record_sizes);
BENCHMARK(BM_Seal<Suite::ChaCha20Poly1305>)->Apply(record_sizes);
BENCHMARK(BM_SealGathered<Suite::ChaCha20Poly1305>)->Apply(record_sizes);
BENCHMARK(BM_Open<Suite::ChaCha20Poly1305>)->Apply(record_sizes);
BENCHMARK_CAPTURE(BM_OpensslLimit, ChaCha20Poly1305, EVP_chacha20_poly1305())->Apply(record_sizes);
BENCHMARK(BM_Seal<Suite::XChaCha20Poly1305>)->Apply(record_sizes);
BENCHMARK(BM_Open<Suite::XChaCha20Poly1305>)->Apply(record_sizes);
BENCHMARK(BM_SodiumLimit)->Apply(record_sizes);

}  // namespace
}  // namespace jetway::crypto
