#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/jsp_fec/group.h"

namespace jetway::jsp {
namespace {

using namespace test;
using session::ProtocolCode;

class FecDecoderTest : public ::testing::Test {
 protected:
  Group next_group(std::size_t sources = 4, std::size_t repairs = 2) {
    return make_group(encoder, sources, repairs, random);
  }
  session::Checked<bool> give(const SourcePacket& source) {
    return decoder.add_source(source.mark, source.path, source.number, source.frames);
  }
  std::size_t repaired() {
    std::size_t count = 0;
    while (decoder.poll_repaired()) ++count;
    decoder.check_invariants();
    return count;
  }

  SeededRandom random{7};
  FecEncoder encoder;
  FecDecoder decoder;
};

TEST_F(FecDecoderTest, NothingIsHeldBeforeTheFirstFrame) { EXPECT_EQ(decoder.held_bytes(), 0u); }

TEST_F(FecDecoderTest, ALatePacketThatHasBeenRepairedIsNotUsedAgain) {
  const Group group = next_group();
  for (std::size_t i = 1; i < 4; ++i) EXPECT_TRUE(give(group.sources[i]).value());
  ASSERT_TRUE(decoder.add_repair(group.repairs[1].frame()));
  EXPECT_EQ(repaired(), 1u);
  EXPECT_FALSE(give(group.sources[0]).value());
  EXPECT_TRUE(give(group.sources[1]).value());  // that one came by itself
  EXPECT_EQ(repaired(), 0u);
}

TEST_F(FecDecoderTest, APacketThatHasBeenRepairedIsNotUsedAgainHoweverLateItIs) {
  const Group group = next_group();
  for (std::size_t i = 1; i < 4; ++i) EXPECT_TRUE(give(group.sources[i]).value());
  ASSERT_TRUE(decoder.add_repair(group.repairs[0].frame()));
  EXPECT_EQ(repaired(), 1u);
  for (std::size_t i = 0; i < 2 * FecDecoderConfig{}.groups_max; ++i) {
    EXPECT_TRUE(give(next_group().sources[0]).value());
  }
  EXPECT_FALSE(give(group.sources[0]).value());
  EXPECT_TRUE(give(group.sources[1]).value());
}

TEST_F(FecDecoderTest, RepeatedSymbolsCountOnce) {
  const Group group = next_group(3, 2);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(give(group.sources[0]).value());
    ASSERT_TRUE(decoder.add_repair(group.repairs[0].frame()));
  }
  EXPECT_EQ(repaired(), 0u);  // two are missing, and there is one
  ASSERT_TRUE(decoder.add_repair(group.repairs[1].frame()));
  EXPECT_EQ(repaired(), 2u);
}

TEST_F(FecDecoderTest, SymbolsOutOfRangeAreErrors) {
  const Bytes frames(20);
  const Bytes symbol(40);
  const auto code = [](const auto& checked) {
    return checked ? ProtocolCode::NoError : checked.error().code;
  };
  EXPECT_EQ(code(decoder.add_source({0, kFecSourcesMax}, 0, 0, frames)), ProtocolCode::FrameEncoding);
  EXPECT_EQ(code(decoder.add_source({0, 0}, 0, 0, {})), ProtocolCode::FrameEncoding);
  EXPECT_EQ(code(decoder.add_source({0, 0}, 0, 0, Bytes(kFecFramesMaxBytes + 1))),
            ProtocolCode::FrameEncoding);
  EXPECT_EQ(code(decoder.add_repair({0, 0, 0, symbol})), ProtocolCode::FrameEncoding);
  EXPECT_EQ(code(decoder.add_repair({0, kFecSourcesMax + 1, 0, symbol})), ProtocolCode::FrameEncoding);
  EXPECT_EQ(code(decoder.add_repair({0, 1, kFecRepairsMax, symbol})), ProtocolCode::FrameEncoding);
  EXPECT_EQ(code(decoder.add_repair({0, 1, 0, Bytes(kFecSymbolHeaderBytes)})), ProtocolCode::FrameEncoding);
  EXPECT_EQ(code(decoder.add_repair({0, 1, 0, Bytes(kFecSymbolHeaderBytes + kFecFramesMaxBytes + 1)})),
            ProtocolCode::FrameEncoding);
}

TEST_F(FecDecoderTest, ContradictionsInAGroupAreErrors) {
  const Bytes symbol(60);
  const Bytes longer(61);
  ASSERT_TRUE(decoder.add_repair({5, 4, 0, symbol}));
  EXPECT_EQ(decoder.add_repair({5, 3, 1, symbol}).error().code, ProtocolCode::ProtocolViolation);
  EXPECT_EQ(decoder.add_repair({5, 4, 1, longer}).error().code, ProtocolCode::ProtocolViolation);
  EXPECT_EQ(decoder.add_source({5, 4}, 0, 0, Bytes(5)).error().code, ProtocolCode::ProtocolViolation);
  EXPECT_EQ(decoder.add_source({5, 0}, 0, 0, Bytes(47)).error().code, ProtocolCode::ProtocolViolation);
  EXPECT_TRUE(decoder.add_source({5, 0}, 0, 0, Bytes(46)).value());

  ASSERT_TRUE(decoder.add_source({6, 3}, 0, 0, Bytes(30)).value());
  EXPECT_EQ(decoder.add_repair({6, 3, 0, symbol}).error().code, ProtocolCode::ProtocolViolation);
  EXPECT_EQ(decoder.add_repair({6, 4, 0, Bytes(43)}).error().code, ProtocolCode::ProtocolViolation);
}

// A forged symbol of a group of one is what it says: its header has to make sense.
TEST_F(FecDecoderTest, SymbolsThatGiveBackNoPacketAreErrors) {
  const auto forged = [&](std::uint64_t number, std::uint16_t length, std::byte last) {
    Bytes symbol(kFecSymbolHeaderBytes + 10);
    wire::Writer out{symbol};
    out.u32(1);
    out.u64(number);
    out.u16(length);
    symbol.back() = last;
    return symbol;
  };
  std::uint64_t group = 0;
  const auto code = [&](const Bytes& symbol) {
    const auto checked = decoder.add_repair({group++, 1, 0, symbol});
    return checked ? ProtocolCode::NoError : checked.error().code;
  };
  EXPECT_EQ(code(forged(7, 10, std::byte{9})), ProtocolCode::NoError);
  EXPECT_EQ(decoder.poll_repaired()->frames.size(), 10u);
  EXPECT_EQ(code(forged(7, 11, std::byte{0})), ProtocolCode::ProtocolViolation);  // longer than the symbol
  EXPECT_EQ(code(forged(7, 0, std::byte{0})), ProtocolCode::ProtocolViolation);
  EXPECT_EQ(code(forged(7, 9, std::byte{9})), ProtocolCode::ProtocolViolation);  // padded with something
  EXPECT_EQ(code(forged(std::uint64_t{1} << 62, 10, std::byte{9})), ProtocolCode::ProtocolViolation);
  EXPECT_FALSE(decoder.poll_repaired());
}

TEST_F(FecDecoderTest, OnlyTheNewestGroupsAreRemembered) {
  FecDecoder small{{.groups_max = 4, .bytes_max = 1 << 20}};
  std::vector<Group> groups;
  for (int i = 0; i < 6; ++i) groups.push_back(next_group(2, 1));
  for (const Group& group : groups) {
    ASSERT_TRUE(small.add_source(group.sources[0].mark, 0, 1, group.sources[0].frames).value());
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    ASSERT_TRUE(small.add_repair(groups[i].repairs[0].frame()));
    EXPECT_EQ(small.poll_repaired().has_value(), i >= 2) << i;
  }
  ASSERT_TRUE(small.add_source({1'000'000'000'000, 0}, 0, 1, Bytes(5)).value());
  small.check_invariants();
}

TEST_F(FecDecoderTest, MemoryIsBoundedWhateverComes) {
  FecDecoder small{{.groups_max = 16, .bytes_max = 20'000}};
  std::size_t most = 0;
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    const Bytes frames = random_bytes(random, 1 + random.below(6'000));
    static_cast<void>(small.add_source({random.below(40) + i / 100, random.below(64)}, 0, i, frames));
    static_cast<void>(small.add_repair({random.below(40) + i / 100, 64, random.below(16), frames}));
    small.check_invariants();
    most = std::max(most, small.held_bytes());
  }
  EXPECT_LE(most, 20'000u);
  EXPECT_GE(most, 10'000u);
}

TEST_F(FecDecoderTest, AGroupThatNeedsAllTheMemoryIsGivenUp) {
  FecDecoder small{{.groups_max = 4, .bytes_max = 10'000}};
  for (std::uint64_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(small.add_source({0, i}, 0, i, Bytes(1'000)).value());
  }
  EXPECT_EQ(small.held_bytes(), 0u);
  ASSERT_TRUE(small.add_repair({0, 21, 0, Bytes(1'014)}));
  EXPECT_FALSE(small.poll_repaired());
  ASSERT_TRUE(small.add_source({1, 0}, 0, 30, Bytes(1'000)).value());  // the next one works
  EXPECT_GT(small.held_bytes(), 0u);
}

// Groups of any shape whose symbols arrive in any order, some of them never: what comes and what is repaired
// are all packets of the groups of which enough has come, each once.
RC_GTEST_PROP(FecDecoderProperty, WhatComesAndWhatIsRepairedIsWhatWasSent, ()) {
  SeededRandom random{*rc::gen::arbitrary<std::uint64_t>()};
  const double loss = static_cast<double>(*rc::gen::inRange(0, 60)) / 100;
  const std::size_t groups_count = *rc::gen::inRange<std::size_t>(1, 8);
  FecEncoder encoder;
  FecDecoder decoder;
  struct Arrival {
    std::size_t group;
    std::size_t symbol;  // sources first
  };
  std::vector<Group> groups;
  std::vector<Arrival> arrivals;
  std::vector<std::size_t> arrived(groups_count, 0);
  for (std::size_t g = 0; g < groups_count; ++g) {
    const std::size_t k = 1 + random.below(12);
    const std::size_t r = 1 + random.below(5);
    groups.push_back(make_group(encoder, k, r, random, 200));
    for (std::size_t i = 0; i < k + r; ++i) {
      if (random.unit() >= loss) arrivals.push_back({g, i});
    }
  }
  for (std::size_t i = arrivals.size(); i > 1; --i) std::swap(arrivals[i - 1], arrivals[random.below(i)]);

  std::vector<std::vector<int>> times(groups_count);
  for (std::size_t g = 0; g < groups_count; ++g) times[g].resize(groups[g].sources.size());
  for (const Arrival& arrival : arrivals) {
    const Group& group = groups[arrival.group];
    ++arrived[arrival.group];
    if (arrival.symbol < group.sources.size()) {
      const SourcePacket& source = group.sources[arrival.symbol];
      const auto is_new = decoder.add_source(source.mark, source.path, source.number, source.frames);
      RC_ASSERT(is_new.has_value());
      times[arrival.group][arrival.symbol] += *is_new ? 1 : 0;
    } else {
      RC_ASSERT(decoder.add_repair(group.repairs[arrival.symbol - group.sources.size()].frame()).has_value());
    }
    while (const auto repaired = decoder.poll_repaired()) {
      const auto found =
          std::ranges::find_if(group.sources, [&](const auto& source) { return source.is(*repaired); });
      RC_ASSERT(found != group.sources.end());
      ++times[arrival.group][static_cast<std::size_t>(found - group.sources.begin())];
    }
    decoder.check_invariants();
  }
  for (std::size_t g = 0; g < groups_count; ++g) {
    const bool is_enough = arrived[g] >= groups[g].sources.size();
    for (const int count : times[g]) RC_ASSERT(count <= 1 && (count == 1 || !is_enough));
  }
}

}  // namespace
}  // namespace jetway::jsp
