#include "jetway/jsp/early_data.h"

#include <array>

#include <gtest/gtest.h>

#include "jetway/jsp/frame.h"
#include "jetway/wire/writer.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;
using session::ProtocolCode;

crypto::EarlySecret make_secret() {
  crypto::EarlySecret secret;
  secret.traffic = crypto::SecretBytes(32);
  return secret;
}

TEST(EarlyDataTest, KeepsSixteenKibibytesAndNoMore) {
  EarlyData early;
  const Bytes packet(1100);
  std::size_t kept = 0;
  while (early.keep(packet, Ecn::NotCapable)) kept += packet.size();
  EXPECT_GT(kept, 14'000u);
  EXPECT_LE(kept, EarlyData::kKeptMaxBytes);
  EXPECT_EQ(early.accept(make_secret()).size() * packet.size(), kept);
  EXPECT_TRUE(early.is_accepted());
  EXPECT_TRUE(early.accept(make_secret()).empty());
}

TEST(EarlyDataTest, TinyPacketsDoNotTakeMoreThanTheyAreWorth) {
  EarlyData early;
  const Bytes packet(30);
  std::size_t kept = 0;
  while (early.keep(packet, Ecn::NotCapable)) ++kept;
  EXPECT_LE(kept * sizeof(EarlyData::Kept), EarlyData::kKeptMaxBytes);
}

TEST(EarlyDataTest, EndsOnceAndWhenItWasFirstSaid) {
  EarlyData early;
  EXPECT_EQ(early.next_timeout(), std::nullopt);
  early.end_at(TimePoint{5s});
  early.end_at(TimePoint{9s});
  EXPECT_EQ(early.next_timeout(), TimePoint{5s});
}

std::optional<ProtocolCode> code_of(const std::function<void(wire::Writer&)>& write) {
  Bytes memory(512);
  wire::Writer out(memory);
  write(out);
  const auto fault = find_forbidden_early(out.written());
  return fault ? std::optional{fault->code} : std::nullopt;
}

// Goal: section 4.6, frame by frame.
TEST(EarlyFramesTest, OnlyStreamsTowardsTheListenerAndPings) {
  const auto of_jsp = [](const Frame& frame) {
    return code_of([&](wire::Writer& out) { encode_frame(out, frame); });
  };
  const auto of_session = [](const wire::Frame& frame) {
    return code_of([&](wire::Writer& out) { wire::encode_frame(out, frame); });
  };
  const std::array<PacketRange, 1> ranges{{{.first = 1, .last = 2}}};
  EXPECT_EQ(of_jsp(PingFrame{}), std::nullopt);
  for (const Frame& frame : std::initializer_list<Frame>{
           AckFrame{.ranges = ranges, .ecn = std::nullopt}, CryptoFrame{.offset = 0, .data = as_bytes("x")},
           NewConnectionIdFrame{.id = ConnectionId{as_bytes("12345678")}}, RetireConnectionIdFrame{},
           PathChallengeFrame{}, PathResponseFrame{}, HandshakeDoneFrame{}, PathAbandonFrame{},
           PathStatusFrame{}, AckFrequencyFrame{}, ImmediateAckFrame{}, FecSourceFrame{},
           FecRepairFrame{.source_count = 1, .symbol = as_bytes("x")},
           RecoveredFrame{.path = 0, .ranges = ranges},
           NewTicketFrame{.lifetime = 1s, .ticket = as_bytes("ticket")}}) {
    EXPECT_EQ(of_jsp(frame), ProtocolCode::ProtocolViolation) << frame.index();
  }
  for (const wire::Frame& frame : std::initializer_list<wire::Frame>{
           wire::StreamFrame{.data = as_bytes("x")}, wire::ResetStreamFrame{}, wire::StopSendingFrame{},
           wire::DataBlockedFrame{}, wire::StreamDataBlockedFrame{}, wire::StreamsBlockedFrame{}}) {
    EXPECT_EQ(of_session(frame), std::nullopt) << frame.index();
  }
  for (const wire::Frame& frame : std::initializer_list<wire::Frame>{
           wire::MaxDataFrame{}, wire::MaxStreamDataFrame{}, wire::MaxStreamsFrame{},
           wire::ConnectionCloseFrame{}, wire::DatagramFrame{}, wire::PingFrame{}, wire::PongFrame{},
           wire::AdmittedFrame{}, wire::StreamGapFrame{}}) {
    EXPECT_EQ(of_session(frame), ProtocolCode::ProtocolViolation) << frame.index();
  }
}

TEST(EarlyFramesTest, WhatCannotBeReadIsAFrameError) {
  EXPECT_EQ(code_of([](wire::Writer& out) { out.u8(0x08); }), ProtocolCode::FrameEncoding);
  EXPECT_EQ(code_of([](wire::Writer&) {}), std::nullopt);
}

TEST(TicketDeliveryTest, GoesAgainUntilItIsAcknowledged) {
  TicketDelivery ticket;
  Bytes memory(300);
  const auto write = [&](std::uint64_t record, std::size_t room) {
    wire::PacketWriter packet{memory, room};
    ticket.write_frames(TimePoint{}, packet, record);
    return packet.size();
  };
  EXPECT_EQ(write(1, 300), 0u);
  ticket.offer(Bytes(150), 1h);
  EXPECT_EQ(write(2, 100), 0u) << "no room";
  EXPECT_GT(write(3, 300), 150u);
  EXPECT_EQ(ticket.send_interest(), session::SendInterest::None);
  ticket.on_packet_lost(3);
  EXPECT_EQ(ticket.send_interest(), session::SendInterest::LostData);
  EXPECT_GT(write(4, 300), 150u);
  ticket.on_packet_acked(4);
  EXPECT_EQ(write(5, 300), 0u);
}

}  // namespace
}  // namespace jetway::jsp
