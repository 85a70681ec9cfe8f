#include "jetway/jsp/connection_ids.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace jetway::jsp {
namespace {

using session::SendInterest;

class Source final : public ConnectionIdSource {
 public:
  ConnectionId make_id() override {
    return ConnectionId{random_.make<std::array<std::byte, ConnectionId::kMaxBytes>>()};
  }
  ResetToken reset_token(const ConnectionId& id) override {
    ResetToken token{};
    std::ranges::copy(id.view(), token.begin());
    return token;
  }

 private:
  SeededRandom random_{7};
};

template <class Part>
std::vector<Frame> write(Part& part, std::uint64_t record) {
  std::array<std::byte, 1200> memory{};
  wire::PacketWriter packet{memory, memory.size()};
  part.write_frames({}, packet, record);
  std::vector<Frame> frames;
  RangeBuffer ranges;
  wire::Reader in{packet.frames().written()};
  while (!in.is_empty()) {
    const auto frame = decode_frame(in, ranges);
    EXPECT_TRUE(frame.has_value());
    frames.push_back(*frame);
  }
  return frames;
}

class ConnectionIdsTest : public ::testing::Test {
 protected:
  ConnectionIdsTest() : first_(source_.make_id()), local_(first_) { remote_.set_first(first_); }

  void deliver() {
    for (const Frame& frame : write(local_, ++record_)) {
      ASSERT_TRUE(remote_.handle(std::get<NewConnectionIdFrame>(frame)));
    }
    local_.on_packet_acked(record_);
  }
  std::size_t routed(bool is_issued) {
    std::size_t count = 0;
    while (const auto event = local_.poll_routing_event()) {
      count += std::holds_alternative<ConnectionIdIssued>(*event) == is_issued ? 1u : 0u;
    }
    return count;
  }

  Source source_;
  ConnectionId first_;
  LocalIds local_;
  RemoteIds remote_;
  std::uint64_t record_ = 0;
};

TEST_F(ConnectionIdsTest, EveryPathGetsAnIdOfItsOwnAndTheFirstOneToSpare) {
  local_.provide(3, source_);
  EXPECT_EQ(routed(true), 3u);
  deliver();
  EXPECT_EQ(remote_.current(0), first_);
  ASSERT_TRUE(remote_.current(1));
  ASSERT_TRUE(remote_.current(2));
  EXPECT_EQ(local_.path_of(*remote_.current(1)), PathId{1});
  EXPECT_EQ(local_.path_of(*remote_.current(2)), PathId{2});
  EXPECT_EQ(remote_.current(3), std::nullopt);
  EXPECT_EQ(local_.send_interest(), SendInterest::None);
}

TEST_F(ConnectionIdsTest, WhatWasLostIsIssuedAgain) {
  local_.provide(1, source_);
  const auto lost = write(local_, 5);
  ASSERT_EQ(lost.size(), 1u);
  local_.on_packet_lost(5);
  EXPECT_EQ(local_.send_interest(), SendInterest::LostData);
  EXPECT_EQ(write(local_, 6).size(), 1u);
}

TEST_F(ConnectionIdsTest, AChangedIdIsGivenUpAndReplaced) {
  local_.provide(1, source_);
  deliver();
  ASSERT_TRUE(remote_.rotate(0));
  EXPECT_NE(remote_.current(0), first_);
  EXPECT_FALSE(remote_.rotate(0)) << "there is no other yet";
  const auto frames = write(remote_, 9);
  ASSERT_EQ(frames.size(), 1u);
  routed(true);
  ASSERT_TRUE(local_.handle(std::get<RetireConnectionIdFrame>(frames[0]), source_));
  EXPECT_EQ(local_.path_of(first_), std::nullopt);
  deliver();
  EXPECT_TRUE(remote_.rotate(0));
}

TEST_F(ConnectionIdsTest, ARepeatedFrameChangesNothingNotEvenAfterItsIdWasGivenUp) {
  local_.provide(1, source_);
  const auto frames = write(local_, 1);
  ASSERT_EQ(frames.size(), 1u);
  const auto issued = std::get<NewConnectionIdFrame>(frames[0]);
  ASSERT_TRUE(remote_.handle(issued));
  ASSERT_TRUE(remote_.handle(issued));
  ASSERT_TRUE(remote_.rotate(0));
  NewConnectionIdFrame another = issued;
  another.sequence = 2;
  another.id = source_.make_id();
  ASSERT_TRUE(remote_.handle(another));
  ASSERT_TRUE(remote_.rotate(0));  // `issued` is given up now
  ASSERT_TRUE(remote_.handle(issued));
  EXPECT_EQ(remote_.current(0), another.id);
  EXPECT_FALSE(remote_.rotate(0));
}

TEST_F(ConnectionIdsTest, ThePeerMayAskForItsIdsBack) {
  for (std::uint64_t sequence = 1; sequence <= 2; ++sequence) {
    ASSERT_TRUE(remote_.handle({.path = 0, .sequence = sequence, .id = source_.make_id()}));
  }
  const ConnectionId newest = source_.make_id();
  ASSERT_TRUE(remote_.handle({.path = 0, .sequence = 3, .retire_prior_to = 3, .id = newest}));
  EXPECT_EQ(remote_.current(0), newest);
  EXPECT_EQ(write(remote_, 1).size(), 3u);
}

TEST_F(ConnectionIdsTest, ContradictionsAndFloodsEndTheConnection) {
  const ConnectionId id = source_.make_id();
  ASSERT_TRUE(remote_.handle({.path = 1, .sequence = 0, .id = id}));
  EXPECT_FALSE(remote_.handle({.path = 1, .sequence = 0, .id = source_.make_id()}));
  EXPECT_FALSE(remote_.handle({.path = 2, .sequence = 0, .id = id}));
  EXPECT_FALSE(remote_.handle({.path = 1, .sequence = 1, .retire_prior_to = 2, .id = source_.make_id()}));
  EXPECT_FALSE(remote_.handle({.path = kPathIdMax, .sequence = 0, .id = source_.make_id()}));
  std::uint64_t sequence = 1;
  while (remote_.handle({.path = 1, .sequence = sequence, .id = source_.make_id()})) ++sequence;
  EXPECT_LE(sequence, RemoteIds::kPerPathMax);
}

// Goal: what a peer makes us remember is bounded whatever it sends.
TEST_F(ConnectionIdsTest, RetiringAllTheTimeIsBoundedByItsAcknowledgement) {
  std::uint64_t sequence = 1;
  while (remote_.handle(
      {.path = 0, .sequence = sequence, .retire_prior_to = sequence, .id = source_.make_id()})) {
    ASSERT_LT(++sequence, 1000u);
  }
  EXPECT_LE(sequence, RemoteIds::kTotalMax + 2);
}

TEST_F(ConnectionIdsTest, WhatWasNeverIssuedCannotBeGivenUp) {
  EXPECT_TRUE(local_.handle({.path = 0, .sequence = 0}, source_));
  EXPECT_TRUE(local_.handle({.path = 0, .sequence = 0}, source_)) << "a repetition";
  EXPECT_FALSE(local_.handle({.path = 0, .sequence = 9}, source_));
  EXPECT_FALSE(local_.handle({.path = 5, .sequence = 0}, source_));
}

TEST_F(ConnectionIdsTest, APathThatIsGivenUpKeepsNoIdsAndGetsNoNewOnes) {
  local_.provide(2, source_);
  deliver();
  const ConnectionId second = *remote_.current(1);
  local_.retire_path(1);
  EXPECT_EQ(local_.path_of(second), std::nullopt);
  EXPECT_EQ(routed(false), 1u);
  local_.provide(2, source_);
  EXPECT_EQ(routed(true), 0u);
}

TEST_F(ConnectionIdsTest, APathThatIsGivenUpKeepsItsIdsUntilThePeerKnows) {
  local_.provide(2, source_);
  deliver();
  const ConnectionId second = *remote_.current(1);
  routed(true);
  local_.give_up_path(1);
  EXPECT_EQ(local_.path_of(second), PathId{1});
  EXPECT_EQ(routed(false), 0u);
  ASSERT_TRUE(local_.handle({.path = 1, .sequence = 0}, source_));
  EXPECT_EQ(routed(true), 0u) << "and gets no other for it";
  local_.retire_path(1);
  EXPECT_EQ(local_.path_of(second), std::nullopt);
}

TEST_F(ConnectionIdsTest, ResetTokensAreKnownByTheirIds) {
  local_.provide(2, source_);
  deliver();
  EXPECT_TRUE(remote_.is_reset_token(source_.reset_token(*remote_.current(1))));
  EXPECT_FALSE(remote_.is_reset_token(ResetToken{}));
  remote_.set_first_reset_token(source_.reset_token(first_));
  EXPECT_TRUE(remote_.is_reset_token(source_.reset_token(first_)));
}

TEST(ConnectionIdsWithoutTest, AnEmptyIdIsAllThereIs) {
  Source source;
  LocalIds local{ConnectionId{}};
  local.provide(4, source);
  EXPECT_EQ(local.send_interest(), SendInterest::None);
  EXPECT_FALSE(local.poll_routing_event());
  RemoteIds remote;
  remote.set_first({});
  EXPECT_EQ(remote.current(3), ConnectionId{});
  EXPECT_FALSE(remote.rotate(0));
  EXPECT_FALSE(remote.handle({.path = 0, .sequence = 1, .id = source.make_id()}));
}

}  // namespace
}  // namespace jetway::jsp
