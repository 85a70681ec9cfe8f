#include <gtest/gtest.h>

#include "tests/jsp_fec/sender.h"

namespace jetway::jsp {
namespace {

using namespace test;
using namespace std::chrono_literals;

const Bytes kHello = to_bytes("hello, this is a message");

TEST(FecTest, ACleanPathSeesNothingOfIt) {
  Sender sender;
  EXPECT_FALSE(sender.fec.mark());
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(sender.packet(TimePoint{1h}, kHello, kMessage), kHello);
    sender.fec.on_packet_acked(sender.record - 1);
  }
  EXPECT_EQ(sender.fec.send_interest(), session::SendInterest::None);
  EXPECT_FALSE(sender.fec.next_timeout());
  EXPECT_EQ(sender.fec.statistics().packets_protected, 0u);
}

TEST(FecTest, OffMeansOff) {
  Sender sender{{.protects = false}};
  for (int i = 0; i < 100; ++i) sender.lose_one();
  EXPECT_FALSE(sender.fec.mark());
}

TEST(FecTest, APeerThatTakesNoRepairGetsNone) {
  Sender sender;
  sender.lose_one();
  EXPECT_TRUE(sender.fec.mark());
  sender.fec.set_peer_takes_repair(false);
  EXPECT_FALSE(sender.fec.mark());
}

TEST(FecTest, BulkIsNotProtected) {
  Sender sender;
  sender.lose_one();
  ASSERT_TRUE(sender.fec.mark());
  EXPECT_EQ(sender.packet(TimePoint{1h}, kHello, kBulk), kHello);
  EXPECT_EQ(sender.fec.mark()->index, 0u);
  EXPECT_EQ(sender.fec.send_interest(), session::SendInterest::None);
}

TEST(FecTest, ALostMessageIsRepairedAndReported) {
  Sender sender;
  Sender receiver;
  sender.lose_one();
  TimePoint now{1h};
  const Bytes lost = sender.packet(now, kHello, kMessage);
  ASSERT_TRUE(parse(lost).mark.has_value());
  if (sender.fec.next_timeout()) {
    now = *sender.fec.next_timeout();
    sender.fec.handle_timeout(now);
  }
  ASSERT_EQ(sender.fec.send_interest(), session::SendInterest::NewData);
  const Payload repair = parse(sender.packet(now, {}, {}));
  ASSERT_EQ(repair.repairs.size(), 1u);
  ASSERT_TRUE(receiver.fec.on_repair(repair.repairs[0].frame()));
  const auto repaired = receiver.fec.poll_repaired();
  ASSERT_TRUE(repaired);
  EXPECT_TRUE(equal_bytes(repaired->frames, kHello));
  EXPECT_EQ(repaired->number, 1u);
  EXPECT_EQ(receiver.fec.statistics().packets_repaired, 1u);

  // Said until the peer has it.
  ASSERT_EQ(receiver.fec.send_interest(), session::SendInterest::NewData);
  const std::vector<std::pair<PathId, PacketNumber>> expected{{0, 1}};
  EXPECT_EQ(parse(receiver.packet(now, {}, {})).recovered, expected);
  EXPECT_EQ(receiver.fec.send_interest(), session::SendInterest::None);
  receiver.fec.on_packet_lost(0);
  EXPECT_EQ(receiver.fec.send_interest(), session::SendInterest::LostData);
  EXPECT_EQ(parse(receiver.packet(now, {}, {})).recovered, expected);
  receiver.fec.on_packet_acked(1);
  receiver.fec.on_packet_lost(0);
  EXPECT_EQ(receiver.fec.send_interest(), session::SendInterest::None);
}

TEST(FecTest, RecoveredPacketsOfSeveralPathsAreSaidByPath) {
  Fec receiver;
  for (const auto& [path, number] :
       std::vector<std::pair<PathId, PacketNumber>>{{1, 5}, {0, 9}, {1, 4}, {1, 8}, {0, 7}}) {
    FecEncoder encoder;
    for (std::uint64_t skip = 0; skip < number; ++skip) {  // a group of its own
      encoder.add_source(0, 0, {kHello, {}}, {1, 1});
      encoder.pop_front();
    }
    encoder.add_source(path, number, {kHello, {}}, {1, 1});
    ASSERT_TRUE(receiver.on_repair(*encoder.front()));
    ASSERT_TRUE(receiver.poll_repaired());
  }
  Bytes scratch(200);
  wire::PacketWriter writer{scratch, scratch.size()};
  receiver.write_frames(TimePoint{1h}, writer, 0);
  const std::vector<std::pair<PathId, PacketNumber>> expected{{0, 9}, {0, 7}, {1, 8}, {1, 4}, {1, 5}};
  EXPECT_EQ(parse(ByteView{scratch}.first(writer.size())).recovered, expected);
}

TEST(FecTest, ASymbolThatNoLongerFitsIsForgotten) {
  Sender sender;
  sender.lose_one();
  TimePoint now{1h};
  static_cast<void>(sender.packet(now, Bytes(1200), kMessage));
  now += 1s;
  sender.fec.handle_timeout(now);
  ASSERT_EQ(sender.fec.send_interest(), session::SendInterest::NewData);
  for (int i = 0; i < 10 && sender.fec.send_interest() != session::SendInterest::None; ++i) {
    Bytes scratch(500);
    wire::PacketWriter writer{scratch, scratch.size()};
    sender.fec.write_frames(now, writer, sender.record++);
    EXPECT_TRUE(writer.is_empty());
  }
  EXPECT_EQ(sender.fec.send_interest(), session::SendInterest::None);
  EXPECT_EQ(sender.fec.statistics().repairs_sent, 0u);
}

TEST(FecTest, GroupsOfLargePacketsAreSmall) {
  Fec fec;
  fec.on_packet_lost(0);
  fec.set_rtt(100ms);
  TimePoint now{1h};
  const Bytes large(60'000, std::byte{1});
  std::size_t longest = 0;
  for (PacketNumber number = 0; number < 100; ++number) {
    ASSERT_TRUE(fec.on_packet_built(now, 0, number, {ByteView{large}, {}}, kMessage));
    longest = std::max<std::size_t>(longest, fec.mark()->index);
    fec.check_invariants();
    now += 100us;
  }
  EXPECT_GE(longest, 1u);
  EXPECT_LE(longest * large.size(), std::size_t{256} * 1024);
}

TEST(FecTest, AFullPacketsSymbolFitsIntoAPacketOfTheSameSize) {
  Sender sender;
  sender.lose_one();
  TimePoint now{1h};
  const Bytes content(1400 - frame_size(*sender.fec.mark()) - Fec::kReserveBytes, std::byte{7});
  static_cast<void>(sender.packet(now, content, kMessage));
  sender.fec.handle_timeout(now + 1s);
  EXPECT_EQ(parse(sender.packet(now, {}, {})).repairs.size(), 1u);
}

}  // namespace
}  // namespace jetway::jsp
