#include <map>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/assert.h"
#include "jetway/base/buffer.h"
#include "jetway/base/bytes.h"
#include "jetway/base/ip_endpoint.h"
#include "jetway/base/log.h"
#include "jetway/base/random.h"
#include "jetway/base/text.h"

namespace jetway {
namespace {

// ---- bytes and buffers ----

struct CountingRecycler final : BufferRecycler {
  void recycle(std::byte*, std::size_t capacity) noexcept override { recycled.push_back(capacity); }
  std::vector<std::size_t> recycled;
};

TEST(BytesTest, EqualIsAboutContent) {
  EXPECT_TRUE(equal_bytes({}, {}));
  EXPECT_TRUE(equal_bytes(as_bytes("ab"), to_bytes("ab")));
  EXPECT_FALSE(equal_bytes(as_bytes("ab"), as_bytes("ac")));
  EXPECT_FALSE(equal_bytes(as_bytes("ab"), as_bytes("abc")));
  copy_bytes({}, {});
}

TEST(BufferTest, MemoryGoesBackOnceToWhereItCameFrom) {
  CountingRecycler recycler;
  Bytes memory(100);
  {
    Buffer buffer{memory.data(), memory.size(), recycler};
    Buffer moved = std::move(buffer);
    EXPECT_EQ(moved.data(), memory.data());
    EXPECT_EQ(moved.capacity(), 100u);
    Buffer target{10};
    target = std::move(moved);
    EXPECT_TRUE(recycler.recycled.empty());
  }
  EXPECT_EQ(recycler.recycled, std::vector<std::size_t>{100});
}

TEST(BufferTest, BytesAreAppendedUpToTheCapacity) {
  Buffer buffer{8};
  EXPECT_TRUE(buffer.empty());
  buffer.append(as_bytes("abc"));
  buffer.append(as_bytes("defgh"));
  EXPECT_EQ(as_text(buffer.view()), "abcdefgh");
  EXPECT_TRUE(buffer.unused().empty());
  buffer.resize(2);
  EXPECT_EQ(as_text(buffer.bytes()), "ab");
  EXPECT_EQ(as_text(Buffer::copy_of(as_bytes("xyz")).view()), "xyz");
}

TEST(AssertDeathTest, OurMistakesEndTheProgramAndSayWhere) {
  EXPECT_DEATH(JETWAY_ASSERT(1 + 1 == 3), "1 \\+ 1 == 3.*base_test");
  EXPECT_DEATH(Buffer{1}.append(as_bytes("ab")), "");
}

// ---- text ----

TEST(TextTest, TheExamplesOfRfc4648) {
  const std::vector<std::tuple<std::string_view, std::string_view, std::string_view>> examples = {
      {"", "", ""},
      {"f", "my", "Zg=="},
      {"fo", "mzxq", "Zm8="},
      {"foo", "mzxw6", "Zm9v"},
      {"foob", "mzxw6yq", "Zm9vYg=="},
      {"fooba", "mzxw6ytb", "Zm9vYmE="},
      {"foobar", "mzxw6ytboi", "Zm9vYmFy"}};
  for (const auto& [text, base32, base64] : examples) {
    EXPECT_EQ(to_base32(as_bytes(text)), base32);
    EXPECT_EQ(to_base64(as_bytes(text)), base64);
    EXPECT_EQ(from_base32(base32), to_bytes(text));
  }
  EXPECT_EQ(to_hex(as_bytes("\x01\xab")), "01ab");
}

RC_GTEST_PROP(TextTest, BytesComeBackFromTheirTextForms, (const std::vector<std::uint8_t>& bytes)) {
  const ByteView view = std::as_bytes(std::span{bytes});
  RC_ASSERT(from_hex(to_hex(view)) == to_bytes(view));
  RC_ASSERT(from_base32(to_base32(view)) == to_bytes(view));
}

TEST(TextTest, WhatIsNotExactlyATextFormIsRefused) {
  for (const auto text : {"0", "0g", "0x00", " 00"}) EXPECT_EQ(from_hex(text), std::nullopt) << text;
  EXPECT_EQ(from_hex("aB"), from_hex("Ab"));
  for (const auto text : {"a", "abc", "my=", "m1", "mz8q", "mzxw6y", "mb"}) {
    EXPECT_EQ(from_base32(text), std::nullopt) << text;
  }
  EXPECT_EQ(from_base32("MZXW6"), from_base32("mzxw6"));
}

TEST(TextTest, Utf8IsWhatRfc3629Says) {
  for (const auto good :
       {"", "plain", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x9a\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << to_hex(as_bytes(good));
  }
  for (const auto bad :
       {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "a\xe2\x82"}) {
    EXPECT_FALSE(is_utf8(bad)) << to_hex(as_bytes(bad));
  }
}

TEST(TextTest, ForeignTextIsMadeSafeToShow) {
  EXPECT_EQ(escape_text("plain \xc3\xa4 text"), "plain \xc3\xa4 text");
  EXPECT_EQ(escape_text("a\nb\tc"), "a\\nb\\tc");
  EXPECT_EQ(escape_text("\x1b[31m"), "\\u{1b}[31m");
  EXPECT_EQ(escape_text("\x7f"), "\\u{7f}");
  EXPECT_EQ(escape_text("\xff"), "\\xff");
  EXPECT_EQ(escape_text("a\\n"), "a\\\\n");
  for (const auto text :
       {"\xe2\x80\xae", "\xe2\x81\xa6", "\xc2\x9b", "\xe2\x80\xa8"}) {  // bidi, C1, line separator
    EXPECT_TRUE(escape_text(text).starts_with('\\')) << escape_text(text);
  }
}

RC_GTEST_PROP(TextTest, EscapedTextIsPrintableUtf8, (const std::string& text)) {
  const std::string safe = escape_text(text);
  RC_ASSERT(is_utf8(safe));
  for (const char c : safe) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

// ---- random ----

TEST(SeededRandomTest, TheSeedDecides) {
  SeededRandom a{1};
  SeededRandom b{1};
  SeededRandom c{2};
  EXPECT_EQ(a(), b());
  EXPECT_NE(a(), c());
  using Token = std::array<std::uint8_t, 13>;
  EXPECT_NE(a.make<Token>(), Token{});
}

TEST(SeededRandomTest, NumbersStayInTheirRangeAndFillIt) {
  SeededRandom random{7};
  std::map<std::uint64_t, int> seen;
  for (int i = 0; i < 10'000; ++i) {
    ++seen[random.below(10)];
    const double unit = random.unit();
    ASSERT_TRUE(unit >= 0 && unit < 1);
  }
  ASSERT_EQ(seen.size(), 10u);
  for (const auto& [number, count] : seen) EXPECT_NEAR(count, 1'000, 200) << number;
}

// ---- addresses ----

TEST(IpEndpointTest, TextIsWhatPeopleAndRfc5952Write) {
  EXPECT_EQ(IpEndpoint::v4({192, 0, 2, 1}, 4717).to_text(), "192.0.2.1:4717");
  IpEndpoint v6{.address = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, .port = 80};
  EXPECT_EQ(v6.to_text(), "[2001:db8::1]:80");
  v6.address[7] = 1;  // two runs of zeros: the longer one is left out
  EXPECT_EQ(v6.to_text(), "[2001:db8:0:1::1]:80");
  EXPECT_EQ((IpEndpoint{.port = 9}).to_text(), "[::]:9");
  EXPECT_EQ((IpEndpoint{.address = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, .scope_id = 2})
                .to_text(),
            "[fe80::1%2]:0");
}

TEST(IpEndpointTest, PortsDoNotMatterToAddresses) {
  const IpEndpoint first = IpEndpoint::v4({10, 0, 0, 1}, 1);
  EXPECT_TRUE(first.is_v4());
  EXPECT_TRUE(first.has_same_address(IpEndpoint::v4({10, 0, 0, 1}, 2)));
  EXPECT_FALSE(first.has_same_address(IpEndpoint::v4({10, 0, 0, 2}, 1)));
  EXPECT_NE(first, IpEndpoint::v4({10, 0, 0, 1}, 2));
}

// ---- log ----

struct Lines final : LogSink {
  void write(LogLevel level, std::string_view component, std::string_view message) override {
    lines.push_back(std::format("{} {} {}", static_cast<int>(level), component, message));
  }
  std::vector<std::string> lines;
};

TEST(LogTest, LinesBelowTheLevelGoNowhere) {
  constexpr Logger kLog{"test"};
  Lines sink;
  kLog.error("before there is a sink");
  set_log_sink(&sink, LogLevel::Info);
  EXPECT_EQ(log_level(), LogLevel::Info);
  kLog.trace("{}", 1);
  kLog.debug("{}", 2);
  kLog.info("{}", 3);
  kLog.warn("{}", 4);
  kLog.error("{}", 5);
  set_log_sink(nullptr, LogLevel::Off);
  kLog.error("after");
  EXPECT_EQ(sink.lines, (std::vector<std::string>{"2 test 3", "3 test 4", "4 test 5"}));
}

}  // namespace
}  // namespace jetway
