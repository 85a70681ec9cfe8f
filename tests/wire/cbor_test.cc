#include "jetway/wire/cbor.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/text.h"

namespace jetway::wire {
namespace {

using namespace std::literals;

Bytes hex(std::string_view text) { return from_hex(text).value(); }

template <class Read>
std::expected<void, CborError> read(std::string_view text, Read&& read_value) {
  const Bytes input = hex(text);
  CborReader in{input};
  read_value(in);
  return in.finish();
}

std::optional<CborErrc> skip_error(std::string_view text) {
  const auto done = read(text, [](CborReader& in) { in.skip(); });
  return done ? std::nullopt : std::optional{done.error().code};
}

// RFC 8949 appendix A.
TEST(CborWriterTest, WritesTheExamplesOfTheRfc) {
  const auto written = [](auto&& write) {
    CborWriter out;
    write(out);
    return to_hex(out.take());
  };
  EXPECT_EQ(written([](auto& out) { out.uint(0); }), "00");
  EXPECT_EQ(written([](auto& out) { out.uint(23); }), "17");
  EXPECT_EQ(written([](auto& out) { out.uint(24); }), "1818");
  EXPECT_EQ(written([](auto& out) { out.uint(1000); }), "1903e8");
  EXPECT_EQ(written([](auto& out) { out.uint(1000000000000); }), "1b000000e8d4a51000");
  EXPECT_EQ(written([](auto& out) { out.uint(18446744073709551615u); }), "1bffffffffffffffff");
  EXPECT_EQ(written([](auto& out) { out.integer(-1000); }), "3903e7");
  EXPECT_EQ(written([](auto& out) { out.boolean(true); }), "f5");
  EXPECT_EQ(written([](auto& out) { out.boolean(false); }), "f4");
  EXPECT_EQ(written([](auto& out) { out.bytes(hex("01020304")); }), "4401020304");
  EXPECT_EQ(written([](auto& out) { out.text("IETF"); }), "6449455446");
  EXPECT_EQ(written([](auto& out) { out.array([] {}); }), "80");
  EXPECT_EQ(written([](auto& out) {
              out.array([&] {
                for (std::uint64_t i = 1; i <= 25; ++i) out.uint(i);
              });
            }),
            "98190102030405060708090a0b0c0d0e0f101112131415161718181819");
  EXPECT_EQ(written([](auto& out) {
              out.map([&] {
                out.key(1).uint(2);
                out.key(3).uint(4);
              });
            }),
            "a201020304");
}

TEST(CborReaderTest, ReadsAMapAndSkipsWhatItDoesNotKnow) {
  CborWriter out;
  out.map([&] {
    out.key(1).uint(77);
    out.key(2).map([&] { out.key(9).array([&] { out.text("unknown"); }); });
    out.key(3).text("name");
    out.key(1000).array([&] {
      out.bytes(hex("aa"));
      out.integer(-5);
    });
  });
  const Bytes message = out.take();

  std::uint64_t number = 0;
  std::string_view name;
  Bytes seen;
  std::int64_t negative = 0;
  CborReader in{message};
  in.map([&](std::uint64_t key) {
    switch (key) {
      case 1:
        number = in.uint(100);
        break;
      case 3:
        name = in.text(10);
        break;
      case 1000:
        in.array(2, [&](std::size_t index) {
          if (index == 0) seen = to_bytes(in.bytes(8));
          if (index == 1) negative = in.integer();
        });
        break;
      default:
        break;  // left unread, which skips it
    }
  });
  ASSERT_TRUE(in.finish());
  EXPECT_EQ(number, 77u);
  EXPECT_EQ(name, "name");
  EXPECT_EQ(seen, hex("aa"));
  EXPECT_EQ(negative, -5);
}

TEST(CborReaderTest, RefusesWhatIsNotDeterministic) {
  for (const auto text : {"1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "5801aa", "9f01ff",
                          "bf0101ff", "5f41aaff", "7f6161ff", "a201010102", "a202010101", "980101"}) {
    EXPECT_EQ(skip_error(text), CborErrc::NotDeterministic) << text;
  }
  // Keys that are out of order in a map that is read, not skipped.
  const auto unordered = read("a202010101", [](CborReader& in) { in.map([](std::uint64_t) {}); });
  ASSERT_FALSE(unordered);
  EXPECT_EQ(unordered.error().code, CborErrc::NotDeterministic);
}

TEST(CborReaderTest, RefusesTypesThatAreNotUsed) {
  for (const auto text : {"f6", "f7", "f93c00", "fa47c35000", "fb3ff199999999999a", "c11a514b67b0", "f0",
                          "f8ff", "ff", "1c", "1e"}) {
    EXPECT_EQ(skip_error(text), CborErrc::WrongType) << text;
  }
}

TEST(CborReaderTest, EveryTruncationIsAnError) {
  const Bytes whole = hex("a4010203820a6161054301020318ff1903e8");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CborReader in{ByteView{whole}.first(size)};
    in.skip();
    const auto done = in.finish();
    ASSERT_FALSE(done) << size;
    EXPECT_EQ(done.error().code, CborErrc::Truncated) << size;
  }
  CborReader in{whole};
  in.skip();
  EXPECT_TRUE(in.finish());
}

TEST(CborReaderTest, RefusesTrailingBytes) { EXPECT_EQ(skip_error("0101"), CborErrc::TrailingBytes); }

TEST(CborReaderTest, DepthIsBounded) {
  std::string nested;
  for (std::size_t i = 0; i < kCborDepthMax; ++i) nested += "81";
  EXPECT_EQ(skip_error(nested + "00"), std::nullopt);
  EXPECT_EQ(skip_error("81" + nested + "00"), CborErrc::TooDeep);
}

TEST(CborReaderTest, LimitsOfTheCallerHold) {
  const auto error = [](std::string_view text, auto&& take) {
    return read(text, take).error_or(CborError{CborErrc::TrailingBytes, {}}).code;
  };
  EXPECT_EQ(error("190101", [](CborReader& in) { in.uint(256); }), CborErrc::OutOfRange);
  EXPECT_EQ(error("42aabb", [](CborReader& in) { in.bytes(1); }), CborErrc::OutOfRange);
  EXPECT_EQ(error("626161", [](CborReader& in) { in.text(1); }), CborErrc::OutOfRange);
  EXPECT_EQ(error("61ff", [](CborReader& in) { in.text(10); }), CborErrc::OutOfRange);
  EXPECT_EQ(error("820102", [](CborReader& in) { in.array(1, [](std::size_t) {}); }), CborErrc::OutOfRange);
  EXPECT_EQ(error("42aabb", [](CborReader& in) { in.fixed_bytes<3>(); }), CborErrc::OutOfRange);
  EXPECT_EQ(error("43aabbcc", [](CborReader& in) { in.fixed_bytes<2>(); }), CborErrc::OutOfRange);
  EXPECT_EQ(error("1b8000000000000000", [](CborReader& in) { in.integer(); }), CborErrc::OutOfRange);
  EXPECT_EQ(error("3bffffffffffffffff", [](CborReader& in) { in.integer(); }), CborErrc::OutOfRange);
  EXPECT_EQ(error("9bffffffffffffffff", [](CborReader& in) { in.skip(); }), CborErrc::Truncated);
}

TEST(CborReaderTest, TheFirstFailureIsRemembered) {
  const Bytes input = hex("820161ff");
  CborReader in{input};
  std::size_t visited = 0;
  in.array(10, [&](std::size_t) {
    ++visited;
    in.boolean();
  });
  EXPECT_EQ(visited, 1u);
  EXPECT_EQ(in.uint(), 0u);
  EXPECT_TRUE(in.text(5).empty());
  EXPECT_EQ(in.finish().error().code, CborErrc::WrongType);
}

RC_GTEST_PROP(CborTest, IntegersComeBack, (std::int64_t value)) {
  CborWriter out;
  out.integer(value);
  const Bytes bytes = out.take();
  CborReader in{bytes};
  RC_ASSERT(in.integer() == value);
  RC_ASSERT(in.finish().has_value());
}

RC_GTEST_PROP(CborTest, StringsComeBack, (const std::vector<std::uint8_t>& value)) {
  CborWriter out;
  out.bytes(std::as_bytes(std::span{value}));
  const Bytes bytes = out.take();
  CborReader in{bytes};
  RC_ASSERT(equal_bytes(in.bytes(value.size()), std::as_bytes(std::span{value})));
  RC_ASSERT(in.finish().has_value());
}

RC_GTEST_PROP(CborTest, ArbitraryBytesNeverReadBeyondTheInput, (const std::vector<std::uint8_t>& value)) {
  CborReader in{std::as_bytes(std::span{value})};
  in.skip();
  (void)in.finish();
}

}  // namespace
}  // namespace jetway::wire
