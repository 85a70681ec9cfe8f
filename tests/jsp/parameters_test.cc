#include "jetway/jsp/parameters.h"

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/wire/cbor.h"

namespace jetway::jsp {
namespace {

ConnectionId id_of(std::string_view text) { return ConnectionId{as_bytes(text)}; }

Parameters all_of_them() {
  Parameters parameters;
  parameters.session = to_bytes("session");
  parameters.initial_source = id_of("source-8");
  parameters.original_destination = id_of("original");
  parameters.retry_source = id_of("retried!");
  parameters.reset_token = SeededRandom{1}.make<ResetToken>();
  parameters.datagram_max_bytes = 9000;
  parameters.paths_max = 3;
  parameters.max_ack_delay = std::chrono::milliseconds(40);
  parameters.takes_repair = true;
  return parameters;
}

TEST(JspParametersTest, WhatIsWrittenIsRead) {
  const Parameters written = all_of_them();
  const auto read = decode_parameters(encode_parameters(written));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->session, written.session);
  EXPECT_EQ(read->initial_source, written.initial_source);
  EXPECT_EQ(read->original_destination, written.original_destination);
  EXPECT_EQ(read->retry_source, written.retry_source);
  EXPECT_EQ(read->reset_token, written.reset_token);
  EXPECT_EQ(read->datagram_max_bytes, 9000u);
  EXPECT_EQ(read->paths_max, 3u);
  EXPECT_EQ(read->max_ack_delay, std::chrono::milliseconds(40));
  EXPECT_TRUE(read->takes_repair);
}

TEST(JspParametersTest, ADialerWithoutConnectionIdsSaysSo) {
  const auto read = decode_parameters(encode_parameters({}));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->initial_source.is_empty());
  EXPECT_EQ(read->original_destination, std::nullopt);
  EXPECT_EQ(read->reset_token, std::nullopt);
}

TEST(JspParametersTest, UnknownKeysAreSkipped) {
  wire::CborWriter out;
  out.map([&] {
    out.key(1).bytes(as_bytes("s"));
    out.key(99).text("of a later version");
  });
  EXPECT_TRUE(decode_parameters(out.take()));
}

TEST(JspParametersTest, EveryTruncationIsRefused) {
  const Bytes whole = encode_parameters(all_of_them());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto read = decode_parameters(ByteView{whole}.first(size));
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().code, static_cast<std::uint64_t>(session::ProtocolCode::Parameters));
  }
}

TEST(JspParametersTest, ValuesThatNoSenderMayUseAreRefused) {
  const auto with = [](std::uint64_t key, auto&& write) {
    wire::CborWriter out;
    out.map([&] {
      out.key(key);
      write(out);
    });
    return decode_parameters(out.take()).has_value();
  };
  EXPECT_FALSE(with(2, [](auto& out) { out.bytes(as_bytes("nine byte")); }));
  EXPECT_FALSE(with(5, [](auto& out) { out.bytes(as_bytes("short token")); }));
  EXPECT_FALSE(with(6, [](auto& out) { out.uint(1199); }));
  EXPECT_TRUE(with(6, [](auto& out) { out.uint(1200); }));
  EXPECT_FALSE(with(7, [](auto& out) { out.uint(65); }));
  EXPECT_FALSE(with(8, [](auto& out) { out.uint(16'385); }));
  EXPECT_FALSE(with(9, [](auto& out) { out.uint(1); }));
}

}  // namespace
}  // namespace jetway::jsp
