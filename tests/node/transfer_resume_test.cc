#include <filesystem>

#include "jetway/store/target_tree.h"
#include "tests/node/transfer_pair.h"

namespace jetway::node::test {
namespace {

class TransferResumeTest : public TransferPair, public testing::WithParamInterface<transport::HostProtocol> {
 protected:
  TransferResumeTest() : TransferPair(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Protocols, TransferResumeTest,
                         testing::Values(transport::HostProtocol::Tcp, transport::HostProtocol::Jsp),
                         protocol_name);

// Goal: after the connection is lost at any moment the next run continues, and nothing partial is visible.
// Method: the connection is closed after more and more bytes; each time another run must complete.
TEST_P(TransferResumeTest, WhateverMomentTheConnectionIsLostTheNextRunContinues) {
  source.make_directory("t");
  source.write("t/big", random_bytes(5'000'000, 3));
  source.write("t/mid", random_bytes(2'500'000, 4));
  for (std::size_t i = 0; i < 50; ++i) source.write("t/s" + std::to_string(i), random_bytes(5'000, i));
  for (std::uint64_t cut = 0; cut < 5'500'000; cut += 1'300'000) {
    std::filesystem::remove_all(target / "t");
    const auto first = send({"t"}, cut);
    ASSERT_FALSE(first) << "cut after " << cut;
    EXPECT_EQ(first.error().code, FailureCode::ConnectionLost) << first.error().reason;
    EXPECT_EQ(exit_code(first.error()), 5);
    ASSERT_TRUE(served->first_failure);
    if (target.has("t/big")) {
      EXPECT_TRUE(target.read("t/big") == source.read("t/big")) << "cut after " << cut;
    }
    const std::uint64_t stored = receiving.last.bytes_done();

    const auto second = send({"t"});
    ASSERT_TRUE(second) << second.error().reason;
    expect_same_trees(source / "t", target / "t");
    EXPECT_TRUE(partials().empty());
    EXPECT_GE(second->bytes_already_there, stored) << "cut after " << cut;
  }
}

TEST_P(TransferResumeTest, AResumedOfferSaysSo) {
  source.write("big", random_bytes(8'000'000, 3));
  ASSERT_FALSE(send({"big"}, 3'000'000));
  ASSERT_TRUE(send({"big"}));
  ASSERT_EQ(receiving.offers.size(), 2u);
  EXPECT_FALSE(receiving.offers[0].is_resumed);
  EXPECT_TRUE(receiving.offers[1].is_resumed);
}

TEST_P(TransferResumeTest, AFileThatChangedMeanwhileArrivesInItsNewVersion) {
  source.write("big", random_bytes(8'000'000, 3));
  ASSERT_FALSE(send({"big"}, 5'000'000));
  source.write("big", random_bytes(2'000'000, 5));
  const auto result = send({"big"});
  ASSERT_TRUE(result) << result.error().reason;
  expect_same_trees(source.path(), target.path());
  EXPECT_TRUE(partials().empty());
}

TEST_P(TransferResumeTest, PartialFilesOfFilesThatAreGoneAreRemovedAtTheEnd) {
  source.make_directory("t");
  source.write("t/a", random_bytes(8'000'000, 3));
  source.write("t/b", "b");
  ASSERT_FALSE(send({"t"}, 5'000'000));
  ASSERT_FALSE(partials().empty());
  std::filesystem::remove(source / "t/a");
  ASSERT_TRUE(send({"t"}));
  EXPECT_TRUE(partials().empty());
  expect_same_trees(source / "t", target / "t");
}

TEST_P(TransferResumeTest, WithoutItsStateAReceiverFindsPartialFilesByTheirNames) {
  source.make_directory("t");
  source.write("t/big", random_bytes(8'000'000, 3));
  ASSERT_FALSE(send({"t"}, 5'000'000));
  ASSERT_EQ(partials().size(), 1u);
  lose_state();
  const auto result = send({"t"});
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_GE(result->bytes_already_there, 2'000'000u);
  EXPECT_EQ(result->bytes_moved + result->bytes_already_there, 8'000'000u);
  EXPECT_TRUE(partials().empty());
  expect_same_trees(source / "t", target / "t");
}

// Goal: a partial file that somebody else writes is neither continued nor removed.
TEST_P(TransferResumeTest, WithoutItsStateAReceiverLeavesWhatAnotherOneWrites) {
  source.write("big", random_bytes(8'000'000, 3));
  ASSERT_FALSE(send({"big"}, 5'000'000));
  ASSERT_EQ(partials().size(), 1u);
  const std::string theirs = partials()[0];
  for (const bool is_state_lost : {false, true}) {
    auto tree = store::TargetTree::open(target.path());
    const auto held = tree->reopen_partial(theirs.substr(theirs.rfind('/') + 1), 8'000'000);
    ASSERT_STORED(held);
    if (is_state_lost) lose_state();
    const auto result = send({"big"});
    ASSERT_TRUE(result) << result.error().reason;
    EXPECT_EQ(target.read("big"), source.read("big"));
    EXPECT_EQ(partials(), std::vector{theirs});
    std::filesystem::remove(target / "big");
  }
}

TEST_P(TransferResumeTest, DamageToAPartialFileIsFoundAndRepaired) {
  source.write("big", random_bytes(8'000'000, 3));
  ASSERT_FALSE(send({"big"}, 5'000'000));
  ASSERT_EQ(partials().size(), 1u);
  {
    std::fstream partial(partials()[0], std::ios::in | std::ios::out | std::ios::binary);
    partial.seekp(100);
    partial.put('!');
  }
  const auto result = send({"big"});
  ASSERT_TRUE(result) << result.error().reason;
  expect_same_trees(source.path(), target.path());
}

TEST_P(TransferResumeTest, TwoRunsAtOnceMoveTheContentOnce) {
  source.write("big", random_bytes(9'000'000, 3));
  const auto [first, second] = send_twice("big");
  ASSERT_TRUE(first) << first.error().reason;
  ASSERT_TRUE(second) << second.error().reason;
  EXPECT_EQ(first->bytes_moved + second->bytes_moved, 9'000'000u);
  EXPECT_EQ(receiving.waits, 1);
  EXPECT_EQ(target.names(), (std::set<std::string>{"big"}));
}

TEST_P(TransferResumeTest, CancellingAtTheSenderKeepsWhatWasVerified) {
  source.write("big", random_bytes(20'000'000, 3));
  std::stop_source stop;
  options.tuning.progress_interval = Duration::zero();
  receiving.when_progress = [&](const Progress& progress) {
    if (progress.bytes_moved > 5'000'000) stop.request_stop();
  };
  SendRequest request;
  request.paths = {source / "big"};
  request.stop = stop.get_token();
  const auto cancelled = send(std::move(request));
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, FailureCode::Cancelled);
  EXPECT_EQ(exit_code(cancelled.error()), 130);
  ASSERT_EQ(receiving.failed.size(), 1u);
  EXPECT_EQ(receiving.failed[0].code, FailureCode::Cancelled);
  EXPECT_TRUE(receiving.failed[0].by_peer);

  receiving.when_progress = nullptr;
  const auto second = send({"big"});
  ASSERT_TRUE(second) << second.error().reason;
  EXPECT_GT(second->bytes_already_there, 5'000'000u);
}

TEST_P(TransferResumeTest, StoppingTheReceiverEndsTheTransferInAnOrderlyWay) {
  source.write("big", random_bytes(20'000'000, 3));
  std::stop_source stop;
  options.stop = stop.get_token();
  options.tuning.progress_interval = Duration::zero();
  receiving.when_progress = [&](const Progress& progress) {
    if (progress.bytes_moved > 5'000'000) stop.request_stop();
  };
  const auto result = send({"big"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, FailureCode::Cancelled);
  EXPECT_TRUE(result.error().by_peer);
  EXPECT_EQ(exit_code(result.error()), 5);
  EXPECT_EQ(served->failed, 1u);
}

}  // namespace
}  // namespace jetway::node::test
