#include "jetway/jsp/crypto_stream.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "jetway/base/random.h"

namespace jetway::jsp {
namespace {

using session::SendInterest;

Bytes message(std::size_t size) {
  Bytes bytes(size);
  SeededRandom{size}.fill(bytes);
  return bytes;
}

// What one packet with so much room carries.
std::vector<CryptoFrame> write(CryptoStream& stream, std::uint64_t record, std::size_t room, Bytes& memory) {
  memory.assign(room, std::byte{});
  wire::PacketWriter packet{memory, room};
  stream.write_frames({}, packet, record);
  std::vector<CryptoFrame> frames;
  RangeBuffer ranges;
  wire::Reader in{packet.frames().written()};
  while (!in.is_empty()) {
    const auto frame = decode_frame(in, ranges);
    EXPECT_TRUE(frame && std::holds_alternative<CryptoFrame>(*frame));
    frames.push_back(std::get<CryptoFrame>(*frame));
  }
  return frames;
}

TEST(CryptoStreamTest, AMessageLongerThanAPacketArrivesWholeWhateverTheOrder) {
  const Bytes sent = message(3000);
  CryptoStream sender;
  CryptoStream receiver;
  sender.write(sent);
  std::array<Bytes, 3> memory;
  std::vector<CryptoFrame> frames;
  for (std::size_t i = 0; i < memory.size(); ++i) {
    for (const CryptoFrame& frame : write(sender, i, 1100, memory[i])) frames.push_back(frame);
  }
  EXPECT_EQ(sender.send_interest(), SendInterest::None);
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
    EXPECT_TRUE(receiver.readable().empty());
    ASSERT_TRUE(receiver.handle(*frame));
    ASSERT_TRUE(receiver.handle(*frame));  // and once more
  }
  EXPECT_TRUE(equal_bytes(receiver.readable(), sent));
  receiver.consume(sent.size());
  EXPECT_TRUE(receiver.readable().empty());
}

TEST(CryptoStreamTest, WhatIsLostIsSentAgainAndWhatIsAcknowledgedIsNot) {
  CryptoStream sender;
  sender.write(message(2000));
  Bytes memory;
  write(sender, 1, 1100, memory);
  write(sender, 2, 1100, memory);
  sender.on_packet_acked(1);
  sender.on_packet_lost(2);
  EXPECT_EQ(sender.send_interest(), SendInterest::LostData);
  const auto again = write(sender, 3, 1100, memory);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_GT(again[0].offset, 1000u);
  EXPECT_FALSE(sender.is_acked());
  sender.on_packet_lost(1);  // it was acknowledged: nobody cares
  EXPECT_EQ(sender.send_interest(), SendInterest::None);
  sender.on_packet_acked(3);
  EXPECT_TRUE(sender.is_acked());
}

TEST(CryptoStreamTest, NothingIsWrittenWhereNothingWorthwhileFits) {
  CryptoStream sender;
  sender.write(message(500));
  Bytes memory;
  EXPECT_TRUE(write(sender, 1, 20, memory).empty());
}

TEST(CryptoStreamTest, TheFirstCopyOfAByteCounts) {
  CryptoStream receiver;
  ASSERT_TRUE(receiver.handle({.offset = 2, .data = as_bytes("cd")}));
  ASSERT_TRUE(receiver.handle({.offset = 0, .data = as_bytes("abXYef")}));
  EXPECT_EQ(as_text(receiver.readable()), "abcdef");
}

TEST(CryptoStreamTest, MoreThanAHandshakeCanBeIsRefusedAndTakesNoMemory) {
  CryptoStream receiver;
  const Bytes data = message(100);
  for (const std::uint64_t offset :
       {std::uint64_t{CryptoStream::kReceivedMaxBytes} - 99, std::uint64_t{1} << 61, ~std::uint64_t{0}}) {
    const auto refused = receiver.handle({.offset = offset, .data = data});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, session::ProtocolCode::CryptoBuffer);
  }
  EXPECT_EQ(receiver.buffered_bytes(), 0u);
}

}  // namespace
}  // namespace jetway::jsp
