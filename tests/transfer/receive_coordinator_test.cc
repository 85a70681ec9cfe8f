#include "jetway/transfer/receive_coordinator.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "exchange.h"
#include "jetway/transfer/message_stream.h"

// The receiver against a hostile sender.
namespace jetway::transfer {
namespace {

using test::hash_of_id;

class ReceiveCoordinatorTest : public testing::Test {
 protected:
  void send(const Message& message) { receiver.handle_message(encode_message(message)); }

  void accept_offer() {
    send(Offer{.chunk_bytes = kChunkBytes});
    receiver.accept();
  }
  // A folder, a file of three chunks and a small one, prepared, chunk 0 of the large one already there.
  void announce() {
    accept_offer();
    send(Entries{.first = 0,
                 .entries = {{.type = EntryType::Directory, .path = "d"},
                             {.path = "d/big", .size = 2 * kChunkBytes + 5},
                             {.path = "d/small", .size = 9}}});
    const std::vector<crypto::Hash256> found{hash_of_id(10)};
    receiver.on_found(1, 0, found);
    receiver.on_prepared(3, {});
  }
  bool send_unit(EntryIndex file, std::uint64_t chunk, std::uint32_t length, std::uint64_t id,
                 bool reference = false) {
    const UnitRecord record{file, chunk, length, reference, hash_of_id(id)};
    return receiver.handle_unit({&record, 1});
  }
  void expect_failed(FailureCode code, std::string_view reason) {
    EXPECT_EQ(receiver.state(), TransferState::Failed);
    EXPECT_EQ(receiver.failure().code, code);
    EXPECT_NE(receiver.failure().reason.find(reason), std::string::npos) << receiver.failure().reason;
    // The sender is told, and that is the last word.
    std::optional<Bytes> last;
    while (auto message = receiver.poll_message()) last = std::move(message);
    ASSERT_TRUE(last);
    MessageDecoder decoder;
    decoder.feed(*last);
    const auto message = decode_message(decoder.next()->value());
    ASSERT_TRUE(std::holds_alternative<Abort>(*message));
    EXPECT_EQ(std::get<Abort>(*message).code, code);
  }

  ReceiveCoordinator receiver;
};

TEST_F(ReceiveCoordinatorTest, GarbageOnTheControlStreamFailsTheTransfer) {
  receiver.handle_message(as_bytes("garbage"));
  expect_failed(FailureCode::Protocol, "malformed");
}

TEST_F(ReceiveCoordinatorTest, OnlyAnOfferMayComeFirst) {
  send(EntriesEnd{});
  expect_failed(FailureCode::Protocol, "wrong time");
}

TEST_F(ReceiveCoordinatorTest, TheReceiversOwnMessagesAreRefused) {
  accept_offer();
  send(Accept{});
  expect_failed(FailureCode::Protocol, "only receivers send");
}

TEST_F(ReceiveCoordinatorTest, AnotherVersionIsNamed) {
  send(Offer{.version = 2, .chunk_bytes = kChunkBytes});
  expect_failed(FailureCode::Protocol, "version 2");
}

TEST_F(ReceiveCoordinatorTest, AnotherChunkSizeIsRefused) {
  send(Offer{.chunk_bytes = 1});
  expect_failed(FailureCode::Protocol, "chunks of another size");
}

TEST_F(ReceiveCoordinatorTest, ASecondOfferIsRefused) {
  accept_offer();
  send(Offer{.chunk_bytes = kChunkBytes});
  expect_failed(FailureCode::Protocol, "offered twice");
}

TEST_F(ReceiveCoordinatorTest, EntriesBeforeTheAcceptanceAreRefused) {
  send(Offer{.chunk_bytes = kChunkBytes});
  send(Entries{.first = 0, .entries = {{.path = "a"}}});
  expect_failed(FailureCode::Protocol, "wrong time");
}

TEST_F(ReceiveCoordinatorTest, EntriesWithAGapAreRefused) {
  accept_offer();
  send(Entries{.first = 1, .entries = {{.path = "a"}}});
  expect_failed(FailureCode::Protocol, "out of order");
}

TEST_F(ReceiveCoordinatorTest, EmptyBatchesAreRefused) {
  accept_offer();
  send(Entries{});
  expect_failed(FailureCode::Protocol, "out of order");
}

TEST_F(ReceiveCoordinatorTest, UnsafeNamesAreRefusedAndNamed) {
  accept_offer();
  send(Entries{.first = 0, .entries = {{.path = "../../etc/passwd"}}});
  expect_failed(FailureCode::BadName, "'../../etc/passwd'");
}

TEST_F(ReceiveCoordinatorTest, DuplicateNamesAreRefusedAcrossBatches) {
  accept_offer();
  send(Entries{.first = 0, .entries = {{.path = "same"}}});
  send(Entries{.first = 1, .entries = {{.path = "same"}}});
  expect_failed(FailureCode::BadName, "'same' and 'same'");
}

TEST_F(ReceiveCoordinatorTest, AFloodOfEntriesAheadOfTheAnswersIsRefused) {
  accept_offer();
  EntryIndex sent = 0;
  std::vector<std::string> names(kEntriesPerMessageMax);
  while (receiver.state() == TransferState::Active && sent < 1'000'000) {
    Entries batch{.first = sent, .entries = {}};
    for (std::string& name : names) {
      name = std::to_string(10'000'000 + sent++);
      batch.entries.push_back({.path = name});
    }
    send(batch);
  }
  expect_failed(FailureCode::Protocol, "ahead of the answers");
  EXPECT_LE(receiver.entries().size(), ReceiveLimits{}.entries_unanswered_max);
}

TEST_F(ReceiveCoordinatorTest, SizesThatOverflowAreStillCounted) {
  accept_offer();
  Entries batch{.first = 0, .entries = {}};
  for (const char* name : {"a", "b", "c", "d", "e"})
    batch.entries.push_back({.path = name, .size = kFileMaxBytes});
  send(batch);  // 5 * 2^62 is more than 64 bits hold
  expect_failed(FailureCode::LimitExceeded, "bytes");
}

TEST_F(ReceiveCoordinatorTest, TheEndMustAgreeWithWhatWasAnnounced) {
  announce();
  send(EntriesEnd{.count = 2, .bytes = 0});
  expect_failed(FailureCode::Protocol, "another number");
}

TEST_F(ReceiveCoordinatorTest, NothingMayFollowTheEnd) {
  announce();
  send(EntriesEnd{.count = 3, .bytes = 2 * kChunkBytes + 14});
  send(Entries{.first = 3, .entries = {{.path = "e"}}});
  expect_failed(FailureCode::Protocol, "wrong time");
}

TEST_F(ReceiveCoordinatorTest, DoneBeforeTheEndIsRefused) {
  announce();
  send(Done{});
  expect_failed(FailureCode::Protocol, "done at the wrong time");
}

TEST_F(ReceiveCoordinatorTest, ChunksThatAreNotWantedAreRefused) {
  struct Case {
    EntryIndex file;
    std::uint64_t chunk;
    std::uint32_t length;
    std::string_view reason;
  };
  const Case cases[] = {
      {3, 0, 9, "a chunk of no file"},
      {0xffff'fffe, 0, 9, "a chunk of no file"},
      {0, 0, 9, "does not have or need"},  // the folder
      {2, 1, 9, "does not have or need"},
      {1, 3, 5, "does not have or need"},
      {1, ~std::uint64_t{0} >> 2, 5, "does not have or need"},
      {2, 0, 8, "another length"},
      {1, 2, kChunkBytes, "another length"},
      {1, 1, 1, "another length"},
  };
  for (const Case& bad : cases) {
    ReceiveCoordinatorTest::receiver.~ReceiveCoordinator();
    new (&receiver) ReceiveCoordinator();
    announce();
    EXPECT_FALSE(send_unit(bad.file, bad.chunk, bad.length, 1));
    expect_failed(FailureCode::Protocol, bad.reason);
  }
}

TEST_F(ReceiveCoordinatorTest, AChunkMayComeOnlyOnce) {
  announce();
  EXPECT_TRUE(send_unit(1, 1, kChunkBytes, 11));
  EXPECT_FALSE(send_unit(1, 1, kChunkBytes, 11));
  expect_failed(FailureCode::Protocol, "came before");
}

TEST_F(ReceiveCoordinatorTest, ACommittedFileTakesNoMore) {
  announce();
  ASSERT_TRUE(send_unit(2, 0, 9, 20));
  EXPECT_TRUE(receiver.on_chunk_stored({2, 0, 9, false, hash_of_id(20)}));
  EXPECT_EQ(receiver.bytes_moved(2), 9u);
  receiver.on_committed(2);
  EXPECT_EQ(receiver.bytes_moved(2), 0u);
  EXPECT_FALSE(send_unit(2, 0, 9, 20));
  expect_failed(FailureCode::Protocol, "does not have or need");
}

TEST_F(ReceiveCoordinatorTest, AReferenceMustBeToWhatIsThere) {
  announce();
  EXPECT_TRUE(send_unit(1, 0, kChunkBytes, 10, true));
  EXPECT_FALSE(send_unit(1, 1, kChunkBytes, 11, true));
  expect_failed(FailureCode::Protocol, "not there");
}

TEST_F(ReceiveCoordinatorTest, AReferenceWithAnotherHashIsRefused) {
  announce();
  EXPECT_FALSE(send_unit(1, 0, kChunkBytes, 99, true));
  expect_failed(FailureCode::Protocol, "not there");
}

TEST_F(ReceiveCoordinatorTest, ChunksAheadOfTheAnswerAreRefusedUnlessFound) {
  accept_offer();
  send(Entries{.first = 0, .entries = {{.path = "big", .size = 3 * kChunkBytes}}});
  const std::vector<crypto::Hash256> found{hash_of_id(10)};
  receiver.on_found(0, 0, found);
  EXPECT_TRUE(send_unit(0, 0, kChunkBytes, 77));  // decided: other content
  EXPECT_FALSE(send_unit(0, 1, kChunkBytes, 11));
  expect_failed(FailureCode::Protocol, "ahead of the answer");
}

TEST_F(ReceiveCoordinatorTest, SkippedFilesTakeNoChunks) {
  accept_offer();
  send(Entries{.first = 0, .entries = {{.path = "a", .size = 5}}});
  receiver.on_prepared(1, {0});
  EXPECT_FALSE(send_unit(0, 0, 5, 1));
  expect_failed(FailureCode::Protocol, "does not have or need");
}

TEST_F(ReceiveCoordinatorTest, TooManyUnfinishedFilesAreRefused) {
  accept_offer();
  constexpr EntryIndex kFiles = 300;
  std::vector<std::string> names;
  for (EntryIndex i = 0; i < kFiles; ++i) names.push_back(std::to_string(1000 + i));
  Entries batch{.first = 0, .entries = {}};
  for (const std::string& name : names) batch.entries.push_back({.path = name, .size = 2 * kChunkBytes});
  send(batch);
  receiver.on_prepared(kFiles, {});
  EntryIndex begun = 0;
  while (begun < kFiles && send_unit(begun, 0, kChunkBytes, 1)) ++begun;
  EXPECT_EQ(begun, ReceiveLimits{}.open_files_max);
  expect_failed(FailureCode::Protocol, "too many unfinished");
}

TEST_F(ReceiveCoordinatorTest, ARootThatDoesNotMatchIsAnIntegrityFailure) {
  accept_offer();
  send(Entries{.first = 0, .entries = {{.path = "a", .size = 5}}});
  receiver.on_prepared(1, {});
  ASSERT_TRUE(send_unit(0, 0, 5, 1));
  ASSERT_TRUE(receiver.on_chunk_stored({0, 0, 5, false, hash_of_id(1)}));
  receiver.on_committed(0);
  send(EntriesEnd{.count = 1, .bytes = 5});
  send(Done{.root = hash_of_id(1)});
  expect_failed(FailureCode::Integrity, "the root of what was stored");
}

TEST_F(ReceiveCoordinatorTest, AfterTheEndNothingIsDoneAndNothingIsSaid) {
  announce();
  receiver.fail({FailureCode::Io, "disk full"});
  expect_failed(FailureCode::Io, "disk full");
  send(Offer{.chunk_bytes = 5});
  EXPECT_FALSE(send_unit(2, 0, 9, 20));
  receiver.on_prepared(3, {});
  receiver.on_found(2, 0, {});
  receiver.on_renamed(2, "x");
  receiver.wait();
  receiver.accept();
  receiver.on_durable();
  EXPECT_FALSE(receiver.on_chunk_stored({2, 0, 9, false, hash_of_id(20)}));
  receiver.on_committed(2);
  receiver.fail({FailureCode::Failed, "again"});
  EXPECT_EQ(receiver.poll_message(), std::nullopt);
  EXPECT_EQ(receiver.failure().reason, "disk full");
}

TEST_F(ReceiveCoordinatorTest, TheSendersReasonIsMadeSafeToShow) {
  accept_offer();
  send(Abort{.code = FailureCode::SourceChanged, .reason = "\x1b[2Jgone"});
  EXPECT_EQ(receiver.failure().reason, "\\u{1b}[2Jgone");
  EXPECT_TRUE(receiver.failure().by_peer);
  while (auto message = receiver.poll_message()) {
    MessageDecoder decoder;
    decoder.feed(*message);
    EXPECT_FALSE(std::holds_alternative<Abort>(*decode_message(decoder.next()->value())));
  }
}

TEST_F(ReceiveCoordinatorTest, RenamesAreToldUpToTheLimitAndCounted) {
  accept_offer();
  while (receiver.poll_message()) continue;
  for (int i = 0; i < 150; ++i) receiver.on_renamed(0, "n");
  std::size_t told = 0;
  while (receiver.poll_message()) ++told;
  EXPECT_EQ(told, 100u);
  EXPECT_EQ(receiver.renamed_count(), 150u);
}

TEST_F(ReceiveCoordinatorTest, WaitMayPrecedeTheAcceptance) {
  send(Offer{.chunk_bytes = kChunkBytes});
  receiver.wait();
  receiver.accept();
  EXPECT_EQ(receiver.state(), TransferState::Active);
  std::size_t messages = 0;
  while (receiver.poll_message()) ++messages;
  EXPECT_EQ(messages, 2u);
}

}  // namespace
}  // namespace jetway::transfer
