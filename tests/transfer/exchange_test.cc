#include "exchange.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace jetway::transfer::test {
namespace {

ModelTree sample_tree() {
  ModelTree tree{{"tree", folder()}, {"tree/empty", folder()}, {"tree/sub", folder()}};
  tree["tree/big"] = file_of({101, 102, 103, 104, 105, 106, 107}, 5000);
  tree["tree/sub/mid"] = file_of({201, 202}, 1);
  tree["tree/zero"] = file_of({});
  tree["tree/link"] = {.type = EntryType::Symlink, .size = 0, .ids = {}, .link_target = "sub/mid"};
  for (std::uint64_t i = 0; i < 20; ++i) {
    tree["tree/sub/small" + std::to_string(i)] = small_file(300 + i, 1 + i * 1000);
  }
  return tree;
}

std::uint64_t bytes_of(const ModelTree& tree) {
  std::uint64_t sum = 0;
  for (const auto& [path, file] : tree) sum += file.size;
  return sum;
}

void expect_complete(const Exchange& exchange, const ModelTree& source, const ModelDisk& disk) {
  EXPECT_EQ(exchange.sender.state(), TransferState::Completed) << exchange.sender.failure().reason;
  EXPECT_EQ(exchange.receiver.state(), TransferState::Completed) << exchange.receiver.failure().reason;
  EXPECT_EQ(exchange.sender.root(), exchange.receiver.root());
  EXPECT_EQ(disk.files, source);
  EXPECT_TRUE(disk.partials.empty());
  EXPECT_EQ(exchange.receiver.progress().bytes_done(), bytes_of(source));
  EXPECT_EQ(exchange.sender.progress(), exchange.receiver.progress());
}

RC_GTEST_PROP(ExchangePropertyTest, ATreeArrivesWholeInWhateverOrderThingsHappen, (std::uint64_t seed)) {
  const ModelTree source = sample_tree();
  ModelDisk disk;
  Exchange exchange(source, disk, seed);
  exchange.run();
  expect_complete(exchange, source, disk);
  RC_ASSERT(!testing::Test::HasFailure());
}

TEST(ExchangeTest, ASecondRunMovesNothing) {
  const ModelTree source = sample_tree();
  ModelDisk disk;
  Exchange first(source, disk, 1);
  first.run();
  Exchange second(source, disk, 2);
  second.run();
  expect_complete(second, source, disk);
  EXPECT_EQ(second.sender.progress().bytes_moved, 0u);
  EXPECT_EQ(second.sender.root(), first.sender.root());
}

TEST(ExchangeTest, OnlyChangedChunksMove) {
  ModelTree source = sample_tree();
  ModelDisk disk;
  Exchange first(source, disk, 1);
  first.run();
  source["tree/big"].ids[3] = 999;
  source["tree/sub/small7"].ids[0] = 998;
  Exchange second(source, disk, 2);
  second.run();
  expect_complete(second, source, disk);
  EXPECT_EQ(second.sender.progress().bytes_moved, kChunkBytes + source["tree/sub/small7"].size);
}

// Goal: a kill of either side at any moment costs at most what was on its way.
// Method: both sides are dropped after every number of steps; a second run over the same disk completes and
// does not move again what was stored.
TEST(ExchangeTest, AfterARestartAtAnyStepWhatWasStoredIsNotMovedAgain) {
  const ModelTree source = sample_tree();
  ModelDisk whole;
  const std::size_t steps = Exchange(source, whole, 42).run();
  ASSERT_GT(steps, 50u);
  for (std::size_t cut = 0; cut < steps; ++cut) {
    ModelDisk disk;
    std::uint64_t stored = 0;
    {
      Exchange first(source, disk, 42);
      for (std::size_t i = 0; i < cut; ++i) first.step();
      stored = first.receiver.progress().bytes_done();
    }
    Exchange second(source, disk, 43);
    second.run();
    expect_complete(second, source, disk);
    EXPECT_EQ(second.sender.progress().bytes_moved + stored, bytes_of(source)) << "cut after " << cut;
    ASSERT_FALSE(HasFailure()) << "cut after " << cut;
  }
}

TEST(ExchangeTest, SkippedFilesAreNotReadAndBothSidesAgreeOnTheRoot) {
  ModelTree source = sample_tree();
  ModelDisk disk;
  Exchange exchange(source, disk, 5);
  exchange.skip = {"tree/big", "tree/sub/small0"};
  exchange.run();
  EXPECT_EQ(exchange.sender.state(), TransferState::Completed);
  EXPECT_EQ(exchange.sender.root(), exchange.receiver.root());
  EXPECT_EQ(exchange.sender.files_skipped(), 2u);
  EXPECT_EQ(exchange.receiver.files_skipped(), 2u);
  EXPECT_EQ(exchange.sender.progress().bytes_skipped, source["tree/big"].size + 1);
  EXPECT_EQ(exchange.sender.progress(), exchange.receiver.progress());
  EXPECT_FALSE(disk.files.contains("tree/big"));

  ModelDisk other;
  Exchange full(source, other, 5);
  full.run();
  EXPECT_NE(full.sender.root(), exchange.sender.root());
}

TEST(ExchangeTest, NothingAtAllIsATransferToo) {
  ModelDisk disk;
  Exchange exchange({}, disk, 1);
  exchange.run();
  expect_complete(exchange, {}, disk);
}

TEST(ExchangeTest, TenThousandFilesTravelPackedAndInBoundedMessages) {
  ModelTree source{{"t", folder()}};
  for (std::uint64_t i = 0; i < 10'000; ++i) source["t/" + std::to_string(i)] = small_file(i, 4096);
  ModelDisk disk;
  Exchange exchange(source, disk, 3);
  exchange.run();
  expect_complete(exchange, source, disk);
  EXPECT_LT(exchange.message_bytes_max, 256u * 1024);
}

TEST(ExchangeTest, LimitsOfTheReceiverEndTheTransferOnBothSides) {
  const ModelTree source = sample_tree();
  for (const ReceiveLimits& limits : {ReceiveLimits{.bytes_max = 1000}, ReceiveLimits{.entries_max = 5}}) {
    ModelDisk disk;
    Exchange exchange(source, disk, 9, limits);
    exchange.run();
    EXPECT_EQ(exchange.receiver.state(), TransferState::Failed);
    EXPECT_EQ(exchange.receiver.failure().code, FailureCode::LimitExceeded);
    EXPECT_FALSE(exchange.receiver.failure().by_peer);
    EXPECT_EQ(exchange.sender.state(), TransferState::Failed);
    EXPECT_EQ(exchange.sender.failure().code, FailureCode::LimitExceeded);
    EXPECT_TRUE(exchange.sender.failure().by_peer);
  }
}

TEST(ExchangeTest, ExactlyTheLimitsPass) {
  const ModelTree source = sample_tree();
  ModelDisk disk;
  Exchange exchange(source, disk, 9, {.bytes_max = bytes_of(source), .entries_max = source.size()});
  exchange.run();
  expect_complete(exchange, source, disk);
}

TEST(ExchangeTest, CancellingEitherSideCancelsTheOther) {
  const ModelTree source = sample_tree();
  for (const bool by_sender : {true, false}) {
    ModelDisk disk;
    Exchange exchange(source, disk, 11);
    for (int i = 0; i < 40; ++i) exchange.step();
    const TransferFailure failure{FailureCode::Cancelled, "interrupted"};
    by_sender ? exchange.sender.fail(failure) : exchange.receiver.fail(failure);
    exchange.run();
    EXPECT_EQ(exchange.sender.state(), TransferState::Cancelled);
    EXPECT_EQ(exchange.receiver.state(), TransferState::Cancelled);
    EXPECT_EQ(exchange.sender.failure().by_peer, !by_sender);
    EXPECT_EQ(exchange.receiver.failure().by_peer, by_sender);
  }
}

}  // namespace
}  // namespace jetway::transfer::test
