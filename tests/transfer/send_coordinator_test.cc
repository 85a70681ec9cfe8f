#include "jetway/transfer/send_coordinator.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "exchange.h"
#include "jetway/transfer/message_stream.h"

// The sender against a hostile receiver.
namespace jetway::transfer {
namespace {

using test::hash_of_id;

class SendCoordinatorTest : public testing::Test {
 protected:
  SendCoordinatorTest() { sender.begin(); }

  void send(const Message& message) { sender.handle_message(encode_message(message)); }
  // A folder, a file of three chunks, a small and an empty one.
  void announce() {
    send(Accept{});
    const Entry entries[] = {{.type = EntryType::Directory, .path = "d"},
                             {.path = "d/big", .size = 2 * kChunkBytes + 5},
                             {.path = "d/small", .size = 9},
                             {.path = "d/zero"}};
    sender.add_entries(entries);
    sender.end_entries();
  }
  // Reads and writes all that can be read now; returns the units.
  std::vector<std::vector<UnitRecord>> move_all() {
    std::vector<std::vector<UnitRecord>> units;
    while (const auto job = sender.poll_job()) {
      std::vector<UnitRecord>& unit = units.emplace_back();
      for (const ReadPiece& piece : *job) unit.push_back(make_record(piece, hash_of_id(10 + piece.chunk)));
      sender.on_job_read(unit);
      sender.on_unit_written(unit);
    }
    return units;
  }
  void expect_failed(FailureCode code, std::string_view reason) {
    EXPECT_EQ(sender.state(), TransferState::Failed);
    EXPECT_EQ(sender.failure().code, code);
    EXPECT_NE(sender.failure().reason.find(reason), std::string::npos) << sender.failure().reason;
    EXPECT_EQ(sender.poll_job(), std::nullopt);
  }

  SendCoordinator sender{Offer{.chunk_bytes = kChunkBytes}};
};

TEST_F(SendCoordinatorTest, NothingIsAnnouncedBeforeTheAcceptance) {
  EXPECT_FALSE(sender.wants_entries());
  const Entry entry{.path = "a"};
  sender.add_entries({&entry, 1});
  EXPECT_EQ(sender.entries().size(), 0u);
}

TEST_F(SendCoordinatorTest, NothingIsReadBeforeTheAnswer) {
  announce();
  EXPECT_EQ(sender.poll_job(), std::nullopt);
  send(Answered{.through = 2, .skipped = {}});
  EXPECT_EQ(move_all().size(), 3u);  // d/big: one unit for each whole chunk, one for the rest
  EXPECT_EQ(sender.poll_job(), std::nullopt);
}

TEST_F(SendCoordinatorTest, SmallFilesShareAUnit) {
  announce();
  send(Answered{.through = 4, .skipped = {}});
  const auto units = move_all();
  ASSERT_EQ(units.size(), 3u);
  EXPECT_EQ(units[2].size(), 2u);  // the last chunk of d/big and d/small
  EXPECT_EQ(sender.state(), TransferState::Completing);
}

TEST_F(SendCoordinatorTest, ChunksAreReadAsSoonAsTheReceiverHasSaidWhatItHasThere) {
  announce();
  send(Have{.file = 1, .first_chunk = 0, .hashes = {hash_of_id(10)}});
  const auto units = move_all();
  ASSERT_EQ(units.size(), 1u);
  EXPECT_TRUE(units[0][0].is_reference);
}

TEST_F(SendCoordinatorTest, AHostileHaveWithForeignHashesOnlyCostsTheBytes) {
  announce();
  send(Have{.file = 1, .first_chunk = 0, .hashes = {hash_of_id(1), hash_of_id(2), hash_of_id(3)}});
  send(Answered{.through = 4, .skipped = {}});
  for (const auto& unit : move_all()) {
    for (const UnitRecord& record : unit) EXPECT_FALSE(record.is_reference);
  }
  EXPECT_EQ(sender.progress().bytes_moved, 2 * kChunkBytes + 14);
}

TEST_F(SendCoordinatorTest, HaveOfWhatWasNotAnnouncedOrOutOfOrderIsRefused) {
  const Have cases[] = {
      {.file = 9, .first_chunk = 0, .hashes = {hash_of_id(1)}},
      {.file = 0, .first_chunk = 0, .hashes = {hash_of_id(1)}},  // the folder
      {.file = 3, .first_chunk = 0, .hashes = {hash_of_id(1)}},  // the empty one
      {.file = 1, .first_chunk = 1, .hashes = {hash_of_id(1)}},
      {.file = 1, .first_chunk = 0, .hashes = {}},
      {.file = 2, .first_chunk = 0, .hashes = {hash_of_id(1), hash_of_id(2)}},
      {.file = 1, .first_chunk = ~std::uint64_t{0}, .hashes = {hash_of_id(1)}},
  };
  for (const Have& have : cases) {
    SendCoordinator fresh{Offer{.chunk_bytes = kChunkBytes}};
    fresh.begin();
    fresh.handle_message(encode_message(Accept{}));
    const Entry entries[] = {{.type = EntryType::Directory, .path = "d"},
                             {.path = "d/big", .size = 2 * kChunkBytes + 5},
                             {.path = "d/small", .size = 9},
                             {.path = "d/zero"}};
    fresh.add_entries(entries);
    fresh.handle_message(encode_message(have));
    EXPECT_EQ(fresh.state(), TransferState::Failed);
    EXPECT_EQ(fresh.failure().code, FailureCode::Protocol);
  }
}

TEST_F(SendCoordinatorTest, AHaveAfterTheAnswerIsRefused) {
  announce();
  send(Answered{.through = 4, .skipped = {}});
  send(Have{.file = 1, .first_chunk = 0, .hashes = {hash_of_id(1)}});
  expect_failed(FailureCode::Protocol, "unknown file");
}

TEST_F(SendCoordinatorTest, AnswersBackwardsOrBeyondAreRefused) {
  announce();
  send(Answered{.through = 5, .skipped = {}});
  expect_failed(FailureCode::Protocol, "out of order");
}

TEST_F(SendCoordinatorTest, AnAnswerThatSaysNothingIsRefused) {
  announce();
  send(Answered{.through = 2, .skipped = {}});
  send(Answered{.through = 2, .skipped = {}});
  expect_failed(FailureCode::Protocol, "out of order");
}

TEST_F(SendCoordinatorTest, SkippingWhatCannotBeSkippedIsRefused) {
  for (const std::vector<EntryIndex>& skipped : {std::vector<EntryIndex>{0}, {9}, {2, 2}, {3, 2}, {1}}) {
    SendCoordinator fresh{Offer{.chunk_bytes = kChunkBytes}};
    fresh.begin();
    fresh.handle_message(encode_message(Accept{}));
    const Entry entries[] = {{.type = EntryType::Directory, .path = "d"},
                             {.path = "d/big", .size = 2 * kChunkBytes + 5},
                             {.path = "d/small", .size = 9},
                             {.path = "d/zero"}};
    fresh.add_entries(entries);
    fresh.handle_message(encode_message(Have{.file = 1, .first_chunk = 0, .hashes = {hash_of_id(1)}}));
    fresh.handle_message(encode_message(Answered{.through = 4, .skipped = skipped}));
    EXPECT_EQ(fresh.state(), TransferState::Failed) << skipped.size();
  }
}

TEST_F(SendCoordinatorTest, CompleteBeforeTheEndIsRefused) {
  announce();
  send(Complete{});
  expect_failed(FailureCode::Protocol, "before all was sent");
}

TEST_F(SendCoordinatorTest, CompleteWithAnotherRootIsAnIntegrityFailure) {
  announce();
  send(Answered{.through = 4, .skipped = {}});
  move_all();
  send(Complete{.root = hash_of_id(5)});
  expect_failed(FailureCode::Integrity, "stored something else");
}

TEST_F(SendCoordinatorTest, CompleteWithOurRootConfirms) {
  announce();
  send(Answered{.through = 4, .skipped = {}});
  move_all();
  send(Renamed{.entry = 2, .name = "d/small (1)"});
  send(Complete{.root = sender.root(), .files = 3, .bytes = 0, .renamed = 1});
  EXPECT_EQ(sender.state(), TransferState::Completed);
  ASSERT_EQ(sender.renamed().size(), 1u);
  EXPECT_EQ(sender.renamed()[0].name, "d/small (1)");
  EXPECT_EQ(sender.renamed_count(), 1u);
}

TEST_F(SendCoordinatorTest, MessagesAtTheWrongTimeAreRefused) {
  send(Have{});
  expect_failed(FailureCode::Protocol, "not active");
}

TEST_F(SendCoordinatorTest, SecondAcceptancesAndLateWaitsAreRefused) {
  send(Wait{});
  EXPECT_EQ(sender.state(), TransferState::Preparing);
  send(Accept{});
  send(Wait{});
  expect_failed(FailureCode::Protocol, "too late");
}

TEST_F(SendCoordinatorTest, ARenameOfAnUnknownEntryOrAFolderIsRefused) {
  announce();
  send(Answered{.through = 4, .skipped = {}});
  send(Renamed{.entry = 0, .name = "x"});
  expect_failed(FailureCode::Protocol, "renamed");
}

TEST_F(SendCoordinatorTest, TheSendersOwnMessagesAreRefused) {
  send(Done{});
  expect_failed(FailureCode::Protocol, "only senders send");
}

TEST_F(SendCoordinatorTest, NamesThatFallTogetherEndTheTransferBeforeTheyAreSent) {
  send(Accept{});
  const Entry entries[] = {{.path = "a"}, {.path = "a"}};
  sender.add_entries(entries);
  expect_failed(FailureCode::BadName, "'a' and 'a'");
}

TEST_F(SendCoordinatorTest, LinksThatLeaveTheFolderEndTheTransferNamingThem) {
  send(Accept{});
  const Entry entry{.type = EntryType::Symlink, .path = "l", .link_target = "../up"};
  sender.add_entries({&entry, 1});
  expect_failed(FailureCode::BadName, "'l' -> '../up'");
}

TEST_F(SendCoordinatorTest, ManyUnansweredEntriesHoldUpTheScan) {
  send(Accept{});
  std::vector<std::string> names;
  for (int i = 0; i < 10'000; ++i) names.push_back(std::to_string(100'000 + i));
  for (const std::string& name : names) {
    if (!sender.wants_entries()) break;
    const Entry entry{.path = name};
    sender.add_entries({&entry, 1});
  }
  EXPECT_EQ(sender.entries().size(), SendLimits{}.entries_unanswered_max);
  send(Answered{.through = 1, .skipped = {}});
  EXPECT_TRUE(sender.wants_entries());
}

TEST_F(SendCoordinatorTest, TheFirstFailureStaysAndIsToldOnce) {
  sender.fail({FailureCode::SourceChanged, "f changed"});
  sender.fail({FailureCode::Io, "later"});
  EXPECT_EQ(sender.failure().reason, "f changed");
  std::size_t messages = 0;
  while (sender.poll_message()) ++messages;
  EXPECT_EQ(messages, 1u);
}

TEST_F(SendCoordinatorTest, ALostConnectionIsNotReportedToThePeer) {
  while (sender.poll_message()) continue;
  sender.fail({FailureCode::ConnectionLost, "lost"});
  EXPECT_EQ(sender.poll_message(), std::nullopt);
  const UnitRecord record{};
  sender.on_job_read({&record, 1});
  sender.on_unit_written({&record, 1});
  sender.end_entries();
}

}  // namespace
}  // namespace jetway::transfer
