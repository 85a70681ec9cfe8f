#pragma once

#include <bit>
#include <cstdint>

#include "jetway/base/bytes.h"

namespace jetway {

// Where an engine gets its random bytes from: the system's generator (`crypto/system_random.h`) in a program,
// a seeded one in tests. Whatever becomes a key, an identifier or a token comes from here.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual void fill(MutableBytes out) = 0;

  template <class Array>
  Array make() {
    Array out{};
    fill(std::as_writable_bytes(std::span{out}));
    return out;
  }
};

// xoshiro256** (Blackman, Vigna), seeded through splitmix64: fast and repeatable, and never a source of
// secrets outside of tests. Satisfies std::uniform_random_bit_generator.
class SeededRandom final : public RandomSource {
 public:
  using result_type = std::uint64_t;

  explicit SeededRandom(std::uint64_t seed) {
    for (auto& word : state_) word = splitmix(seed);
  }

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~std::uint64_t{0}; }

  result_type operator()() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  __extension__ using Wide = unsigned __int128;

  // Below `bound` (not 0); the bias of the multiplication is under 2^-32 for the bounds of tests.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<Wide>((*this)()) * bound) >> 64);
  }

  // In [0, 1).
  double unit() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }

  void fill(MutableBytes out) override {
    while (!out.empty()) {
      const std::uint64_t word = (*this)();
      const std::size_t count = out.size() < sizeof word ? out.size() : sizeof word;
      std::memcpy(out.data(), &word, count);
      out = out.subspan(count);
    }
  }

 private:
  static std::uint64_t splitmix(std::uint64_t& seed) {
    std::uint64_t z = (seed += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::uint64_t state_[4];
};

}  // namespace jetway
