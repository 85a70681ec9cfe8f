#include <bit>
#include <cstdlib>

#include <gtest/gtest.h>

#include "jetway/base/text.h"
#include "jetway/jsp/fec/erasure_code.h"
#include "tests/jsp_fec/group.h"

namespace jetway::jsp {
namespace {

using namespace test;

// GF(2^8) as in a textbook, to compare with.
unsigned slow_product(unsigned a, unsigned b) {
  unsigned product = 0;
  for (; b != 0; b >>= 1) {
    if ((b & 1) != 0) product ^= a;
    a <<= 1;
    if ((a & 0x100) != 0) a ^= 0x11d;
  }
  return product;
}
unsigned slow_inverse(unsigned a) {
  for (unsigned b = 1; b < 256; ++b) {
    if (slow_product(a, b) == 1) return b;
  }
  return 0;
}

TEST(FecCodeTest, CoefficientsAreThoseOfTheDocument) {
  for (unsigned repair = 0; repair < kFecRepairsMax; ++repair) {
    for (unsigned source = 0; source < kFecSourcesMax; ++source) {
      EXPECT_EQ(fec_coefficient(repair, source),
                slow_product(source ^ 128, slow_inverse(source ^ (128 + repair))));
    }
  }
  EXPECT_EQ(fec_coefficient(0, 17), 1u);  // the first repair symbol is the XOR
}

// docs/protocol/jsp.md section 11.3.
TEST(FecCodeTest, KnownAnswer) {
  FecEncoder encoder;
  encoder.add_source(0, 5, {as_bytes("AB"), {}}, {2, 2});
  encoder.add_source(1, 6, {as_bytes("xyz"), {}}, {2, 2});
  EXPECT_EQ(to_hex(encoder.front()->symbol), "0000000100000000000000030001393b7a");
  encoder.pop_front();
  EXPECT_EQ(to_hex(encoder.front()->symbol), "0000001a000000000000004000847590f0");
}

// Gives a decoder those symbols of a group whose bits are set (sources first in the bits), in the order of
// `order`; whether all sources came or were repaired, each once and as they were.
void expect_repaired(const Group& group, std::uint64_t arriving, bool repairs_first) {
  const std::size_t k = group.sources.size();
  FecDecoder decoder;
  std::vector<bool> has(k, false);
  const auto collect = [&] {
    while (const auto repaired = decoder.poll_repaired()) {
      const auto found =
          std::ranges::find_if(group.sources, [&](const auto& source) { return source.is(*repaired); });
      ASSERT_NE(found, group.sources.end()) << "repaired what was never sent";
      const auto index = static_cast<std::size_t>(found - group.sources.begin());
      EXPECT_FALSE(has[index]) << "repaired what had come";
      has[index] = true;
    }
  };
  const auto give_sources = [&] {
    for (std::size_t i = 0; i < k; ++i) {
      if ((arriving >> i & 1) == 0) continue;
      const SourcePacket& source = group.sources[i];
      const auto is_new = decoder.add_source(source.mark, source.path, source.number, source.frames);
      ASSERT_TRUE(is_new.has_value()) << is_new.error().reason;
      if (*is_new) has[i] = true;
      collect();
    }
  };
  if (!repairs_first) give_sources();
  for (std::size_t i = 0; i < group.repairs.size(); ++i) {
    if ((arriving >> (k + i) & 1) == 0) continue;
    const auto taken = decoder.add_repair(group.repairs[i].frame());
    ASSERT_TRUE(taken.has_value()) << taken.error().reason;
    collect();
  }
  if (repairs_first) give_sources();
  EXPECT_EQ(std::ranges::count(has, true), static_cast<std::ptrdiff_t>(k));
  decoder.check_invariants();
}

TEST(FecCodeTest, AnyLossesUpToTheNumberOfRepairSymbolsAreRepaired) {
  SeededRandom random{1};
  FecEncoder encoder;
  for (std::size_t k = 1; k <= 6; ++k) {
    for (std::size_t r = 1; r <= 4; ++r) {
      const Group group = make_group(encoder, k, r, random);
      ASSERT_EQ(group.repairs.size(), r);
      for (std::uint64_t arriving = 0; arriving < std::uint64_t{1} << (k + r); ++arriving) {
        if (std::popcount(arriving) < static_cast<int>(k)) continue;
        expect_repaired(group, arriving, false);
        expect_repaired(group, arriving, true);
        ASSERT_FALSE(HasFailure()) << "k " << k << " r " << r << " arriving " << arriving;
      }
    }
  }
}

TEST(FecCodeTest, SoAreThoseOfLargeGroups) {
  const char* const chosen = std::getenv("JETWAY_SEED");
  const std::uint64_t seed = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 2;
  SeededRandom random{seed};
  FecEncoder encoder;
  for (int round = 0; round < 300; ++round) {
    const std::size_t k = 1 + random.below(kFecSourcesMax - (round % 2 == 0 ? 0 : 20));
    const std::size_t r = 1 + random.below(std::min(kFecRepairsMax, kFecSourcesMax - k + 1));
    if (k + r > 64) continue;
    const Group group = make_group(encoder, k, r, random, 1400);
    std::uint64_t arriving = k + r == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (k + r)) - 1;
    const std::size_t losses = random.below(r + 1);
    for (std::size_t lost = 0; lost < losses; ++lost) arriving &= ~(std::uint64_t{1} << random.below(k + r));
    expect_repaired(group, arriving, random.below(2) == 0);
    ASSERT_FALSE(HasFailure()) << "JETWAY_SEED=" << seed << " round " << round;
  }
}

TEST(FecCodeTest, TheLargestGroupLosesAsMuchAsItMay) {
  SeededRandom random{3};
  FecEncoder encoder;
  const Group group = make_group(encoder, kFecSourcesMax, kFecRepairsMax, random, 1400);
  for (int round = 0; round < 50; ++round) {
    FecDecoder decoder;
    std::size_t lost = 0;
    std::size_t repaired = 0;
    for (const SourcePacket& source : group.sources) {
      if (lost < kFecRepairsMax && random.below(4) == 0) {
        ++lost;
      } else {
        ASSERT_TRUE(decoder.add_source(source.mark, source.path, source.number, source.frames).value());
      }
    }
    for (const RepairSymbol& repair : group.repairs) {
      ASSERT_TRUE(decoder.add_repair(repair.frame()));
      while (decoder.poll_repaired()) ++repaired;
    }
    EXPECT_EQ(repaired, lost);
  }
}

TEST(FecCodeTest, AGroupThatIsClosedEarlyIsRepairedAsWell) {
  SeededRandom random{4};
  FecEncoder encoder;
  const Bytes frames = random_bytes(random, 100);
  for (PacketNumber number = 0; number < 3; ++number) encoder.add_source(0, number, {frames, {}}, {10, 2});
  EXPECT_FALSE(encoder.front().has_value());
  encoder.close_group();
  FecDecoder decoder;
  ASSERT_TRUE(decoder.add_source({0, 1}, 0, 1, frames).value());
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(encoder.front()->source_count, 3u);
    ASSERT_TRUE(decoder.add_repair(*encoder.front()));
    encoder.pop_front();
  }
  EXPECT_EQ(decoder.poll_repaired()->number, 0u);
  EXPECT_EQ(decoder.poll_repaired()->number, 2u);
  EXPECT_FALSE(decoder.poll_repaired());
  encoder.close_group();  // an empty one: nothing
  EXPECT_FALSE(encoder.front().has_value());
}

TEST(FecEncoderTest, RepairSymbolsThatAreNotSentMakeRoomForNewerOnes) {
  SeededRandom random{5};
  FecEncoder encoder;
  const Bytes frames = random_bytes(random, 50);
  for (PacketNumber number = 0; number < 1000; ++number) {
    encoder.add_source(0, number, {frames, {}}, {1, 1 + number % kFecRepairsMax});
    encoder.check_invariants();
    EXPECT_LE(encoder.waiting(), FecEncoder::kBuffersMax);
  }
  EXPECT_GE(encoder.front()->group, 990u);
}

TEST(FecEncoderTest, ShapesOutOfRangeAreBroughtIntoRange) {
  FecEncoder encoder;
  const Bytes frames(10);
  encoder.add_source(0, 0, {frames, {}}, {0, 0});
  EXPECT_EQ(encoder.waiting(), 1u);
  for (std::size_t i = 0; i < kFecSourcesMax; ++i) encoder.add_source(0, i, {frames, {}}, {1000, 1000});
  EXPECT_EQ(encoder.waiting(), 1 + kFecRepairsMax);
  EXPECT_FALSE(encoder.has_open_group());
}

}  // namespace
}  // namespace jetway::jsp
