#include "jetway/node/quantity.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace jetway::node {
namespace {

using namespace std::chrono_literals;

TEST(SizeTest, DecimalAndBinaryUnitsAreToldApart) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("1048576"), 1048576U);
  EXPECT_EQ(parse_size("5M"), 5'000'000U);
  EXPECT_EQ(parse_size("5MB"), 5'000'000U);
  EXPECT_EQ(parse_size("5MiB"), 5U << 20);
  EXPECT_EQ(parse_size("1.5 GiB"), 3ULL << 29);
  EXPECT_EQ(parse_size(" 300 kB "), 300'000U);
  EXPECT_EQ(parse_size("2tib"), 2ULL << 40);
}

TEST(SizeTest, WhatIsNoSizeIsRefused) {
  for (const char* text : {"", " ", "-1", "M", "5 X", "5Mi5", "1.5", "1.", ".5M", "1e6", "0x10", "5 M M",
                           "5BM", "9223372036854775808", "9300000T", "99999999999999999999999"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

RC_GTEST_PROP(SizeTest, WhatIsShownInSettingsIsReadBack, ()) {
  const auto bytes = *rc::gen::oneOf(
      rc::gen::inRange<std::uint64_t>(0, 1ULL << 62),
      rc::gen::map(rc::gen::inRange<std::uint64_t>(0, 1 << 20), [](std::uint64_t n) { return n << 20; }));
  RC_ASSERT(parse_size(size_setting(bytes)).value() == bytes);
}

TEST(SizeTest, SettingsUseTheShortestExactText) {
  EXPECT_EQ(size_setting(10'000'000'000), "10 GB");
  EXPECT_EQ(size_setting(4 << 20), "4 MiB");
  EXPECT_EQ(size_setting(4097), "4097");
}

TEST(DurationTest, PartsAddUpFromLargeToSmall) {
  EXPECT_EQ(parse_duration("0"), 0ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("250 ms"), 250ms);
  EXPECT_EQ(parse_duration("1.5m"), 90s);
  EXPECT_EQ(parse_duration("1h30min"), 90min);
  EXPECT_EQ(parse_duration("1d 2h 3m 4s 5ms"), 24h + 2h + 3min + 4s + 5ms);
}

TEST(DurationTest, WhatIsNoDurationIsRefused) {
  for (const char* text : {"", "10", "s", "10 x", "-1s", "1m1h", "1s1s", "1..5s", "99999999999999d"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

RC_GTEST_PROP(DurationTest, WhatIsShownInSettingsIsReadBack, ()) {
  const std::chrono::milliseconds duration{*rc::gen::inRange<std::int64_t>(0, 10'000'000'000)};
  RC_ASSERT(parse_duration(duration_setting(duration)).value() == duration);
}

RC_GTEST_PROP(QuantityTest, ParsersTakeAnyText, (const std::string& text)) {
  (void)parse_size(text);
  (void)parse_duration(text);
}

TEST(FormatTest, SizesHaveThreeDigits) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(999), "999 B");
  EXPECT_EQ(format_size(1000), "1.00 kB");
  EXPECT_EQ(format_size(1234), "1.23 kB");
  EXPECT_EQ(format_size(35'900'000), "35.9 MB");
  EXPECT_EQ(format_size(999'499'999), "999 MB");
  EXPECT_EQ(format_size(999'600'000), "1.00 GB");
  EXPECT_EQ(format_size(~std::uint64_t{0}), "18447 PB");
  EXPECT_EQ(format_rate(117.4e6), "117 MB/s");
  EXPECT_EQ(format_rate(-1), "0 B/s");
}

TEST(FormatTest, TimesReadAsPeopleSayThem) {
  EXPECT_EQ(format_elapsed(420ms), "0.42 s");
  EXPECT_EQ(format_elapsed(12'340ms), "12.3 s");
  EXPECT_EQ(format_elapsed(59'960ms), "1 min 00 s");
  EXPECT_EQ(format_elapsed(125s), "2 min 05 s");
  EXPECT_EQ(format_elapsed(3725s), "1 h 02 min");
  EXPECT_EQ(format_clock(0s), "0:00");
  EXPECT_EQ(format_clock(6'100ms), "0:07");
  EXPECT_EQ(format_clock(725s), "12:05");
  EXPECT_EQ(format_clock(3723s), "1:02:03");
  EXPECT_EQ(format_clock(28h), "1 d 4 h");
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1234567), "1,234,567");
}

}  // namespace
}  // namespace jetway::node
