#include "jetway/jsp/protection/stateless_reset.h"

#include <array>
#include <set>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/jsp/packet_header.h"
#include "tests/jsp_protection/packets.h"

namespace jetway::jsp {
namespace {

using test::id_of;

TEST(StatelessResetTest, ATokenIsOfOneKeyAndOneConnectionId) {
  const ResetToken token = make_reset_token(as_bytes("host key"), id_of("one"));
  EXPECT_EQ(token, make_reset_token(as_bytes("host key"), id_of("one")));
  EXPECT_NE(token, make_reset_token(as_bytes("host key"), id_of("two")));
  EXPECT_NE(token, make_reset_token(as_bytes("another key"), id_of("one")));
}

TEST(StatelessResetTest, LooksLikeAnyShortHeaderAndIsShorterThanItsTrigger) {
  SeededRandom random(3);
  const ResetToken token = make_reset_token(as_bytes("host key"), id_of("one"));
  std::array<std::byte, kStatelessResetMaxBytes> memory{};
  std::set<std::size_t> sizes;
  for (std::size_t trigger = 0; trigger < 200; ++trigger) {
    const std::size_t size = make_stateless_reset(trigger, token, random, memory);
    if (trigger <= kStatelessResetMinBytes) {
      EXPECT_EQ(size, 0u) << "two hosts would go on for ever";
      continue;
    }
    EXPECT_GE(size, kStatelessResetMinBytes);
    EXPECT_LT(size, trigger);
    sizes.insert(size);
    const ByteView packet = ByteView{memory}.first(size);
    EXPECT_EQ(packet.front() >> 5, std::byte{0b100});
    EXPECT_TRUE(is_stateless_reset(packet, {&token, 1}));
    const auto header = decode_packet_header(packet, 0);
    ASSERT_TRUE(header.has_value());
    EXPECT_EQ(header->type, PacketType::Short);
  }
  EXPECT_GT(sizes.size(), 20u) << "the length says nothing";
}

TEST(StatelessResetTest, IsRecognisedByAnyOfOurTokensAndNothingElse) {
  SeededRandom random(4);
  const std::array tokens = {make_reset_token(as_bytes("host key"), id_of("one")),
                             make_reset_token(as_bytes("host key"), id_of("two"))};
  std::array<std::byte, kStatelessResetMaxBytes> memory{};
  for (const ResetToken& token : tokens) {
    const std::size_t size = make_stateless_reset(100, token, random, memory);
    const ByteView packet = ByteView{memory}.first(size);
    EXPECT_TRUE(is_stateless_reset(packet, tokens));
    EXPECT_FALSE(is_stateless_reset(packet, {}));
    memory[size - 1] ^= std::byte{1};
    EXPECT_FALSE(is_stateless_reset(packet, tokens));
  }
  EXPECT_FALSE(is_stateless_reset(ByteView{tokens[0]}, tokens)) << "too short for a packet";
  EXPECT_FALSE(is_stateless_reset({}, tokens));
}

}  // namespace
}  // namespace jetway::jsp
