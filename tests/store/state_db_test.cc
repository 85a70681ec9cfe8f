#include "jetway/store/state_db.h"

#include <algorithm>
#include <map>
#include <vector>

#include <sys/stat.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sqlite3.h>

#include "jetway/base/random.h"
#include "jetway/store/chunk_segment.h"
#include "tests/store/temp_dir.h"

namespace jetway::store {
namespace {

using namespace std::chrono_literals;

TransferRecord sample(std::uint64_t seed) {
  SeededRandom random{seed};
  TransferRecord transfer;
  transfer.id = random.make<TransferId>();
  transfer.peer = Bytes(32, std::byte{1});
  transfer.job = random.make<JobKey>();
  transfer.directory = "/target/\xff";
  transfer.state = 2;
  transfer.created = WallTime{1000ms};
  transfer.updated = WallTime{2000ms};
  transfer.files = 3;
  transfer.bytes_total = std::uint64_t{1} << 50;
  return transfer;
}

FileProgress sample_file(std::uint64_t index) {
  return {.index = index,
          .path = "top/file" + std::to_string(index),
          .size = 5 << 20,
          .modified_ns = -1,
          .mode = 0644,
          .state = FileState::Partial,
          .temp_path = "top/.jetway-x.part",
          .final_path = {},
          .chunks = {}};
}

crypto::Hash256 hash_of(std::uint64_t value) { return crypto::blake3(std::as_bytes(std::span{&value, 1})); }

void expect_equal(const TransferRecord& a, const TransferRecord& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.direction, b.direction);
  EXPECT_EQ(a.peer, b.peer);
  EXPECT_EQ(a.job, b.job);
  EXPECT_EQ(a.directory, b.directory);
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.is_finished, b.is_finished);
  EXPECT_EQ(a.created, b.created);
  EXPECT_EQ(a.updated, b.updated);
  EXPECT_EQ(a.files, b.files);
  EXPECT_EQ(a.bytes_total, b.bytes_total);
  EXPECT_EQ(a.bytes_done, b.bytes_done);
  EXPECT_EQ(a.root, b.root);
  EXPECT_EQ(a.error, b.error);
}

class StateDbTest : public testing::Test {
 protected:
  StateDbTest() : db_(std::move(*StateDb::open_in_memory())) {}
  StateDb db_;
};

TEST_F(StateDbTest, ATransferComesBackAsItWasWritten) {
  TransferRecord transfer = sample(1);
  ASSERT_STORED(db_.create(transfer));
  auto found = db_.find(transfer.id);
  ASSERT_STORED(found);
  ASSERT_TRUE(found->has_value());
  expect_equal(**found, transfer);

  transfer.state = 6;
  transfer.is_finished = true;
  transfer.updated = WallTime{3000ms};
  transfer.root = hash_of(7);
  transfer.error = "disk full";
  transfer.directory = "/elsewhere";
  transfer.bytes_done = 9;
  ASSERT_STORED(db_.update(transfer));
  expect_equal(**db_.find(transfer.id), transfer);
}

TEST_F(StateDbTest, AnIdIsTakenOnceAndUnknownIdsAreNotFound) {
  const TransferRecord transfer = sample(1);
  EXPECT_EQ(code_of(db_.update(transfer)), StoreErrc::NotFound);
  EXPECT_EQ(code_of(db_.record(transfer.id, {}, 0, {})), StoreErrc::NotFound);
  EXPECT_EQ(code_of(db_.files(transfer.id, 0, 1)), StoreErrc::NotFound);
  EXPECT_EQ(code_of(db_.forget(transfer.id)), StoreErrc::NotFound);
  EXPECT_FALSE(db_.find(transfer.id)->has_value());
  ASSERT_STORED(db_.create(transfer));
  EXPECT_EQ(code_of(db_.create(transfer)), StoreErrc::Exists);
}

TEST_F(StateDbTest, NothingOfOneTransferGetsIntoTheNext) {
  TransferRecord first = sample(1);
  first.root = hash_of(7);
  first.error = "an error";
  ASSERT_STORED(db_.create(first));
  ASSERT_STORED(db_.update(first));
  TransferRecord second = sample(2);
  ASSERT_STORED(db_.create(second));
  expect_equal(**db_.find(second.id), second);
  ASSERT_STORED(db_.update(second));
  expect_equal(**db_.find(second.id), second);
}

TEST_F(StateDbTest, TheLatestUnfinishedTransferOfAJobIsFound) {
  TransferRecord older = sample(1);
  TransferRecord newer = sample(2);
  TransferRecord done = sample(3);
  TransferRecord of_another_peer = sample(4);
  newer.job = done.job = of_another_peer.job = older.job;
  newer.updated = WallTime{5000ms};
  done.updated = WallTime{9000ms};
  done.is_finished = true;
  of_another_peer.peer = Bytes(32, std::byte{2});
  for (const auto& transfer : {older, newer, done, of_another_peer}) ASSERT_STORED(db_.create(transfer));
  EXPECT_EQ((*db_.find_unfinished(older.peer, older.job))->id, newer.id);
  EXPECT_EQ((*db_.find_unfinished(of_another_peer.peer, older.job))->id, of_another_peer.id);
  EXPECT_FALSE(db_.find_unfinished(older.peer, sample(9).job)->has_value());
  const auto all = db_.unfinished(10);
  ASSERT_STORED(all);
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ(all->front().id, newer.id);
  EXPECT_EQ(db_.unfinished(1)->size(), 1u);
}

TEST_F(StateDbTest, ProgressReplacesTheFileAndAddsChunks) {
  const TransferRecord transfer = sample(1);
  ASSERT_STORED(db_.create(transfer));
  FileProgress file = sample_file(7);
  file.chunks = {{.index = 2, .hash = hash_of(2)}, {.index = 5000, .hash = hash_of(5000)}};
  ASSERT_STORED(db_.record(transfer.id, {&file, 1}, 100, WallTime{7000ms}));
  file.state = FileState::Completed;
  file.temp_path = {};
  file.final_path = "top/file7 (1)";
  file.chunks = {{.index = 0, .hash = hash_of(0)}, {.index = 2, .hash = hash_of(22)}};
  ASSERT_STORED(db_.record(transfer.id, {&file, 1}, 200, WallTime{8000ms}));

  const auto records = db_.files(transfer.id, 0, 10);
  ASSERT_STORED(records);
  ASSERT_EQ(records->size(), 1u);
  const FileProgress& back = records->front().file;
  EXPECT_EQ(back.index, 7u);
  EXPECT_EQ(back.path, "top/file7");
  EXPECT_EQ(back.size, 5u << 20);
  EXPECT_EQ(back.modified_ns, -1);
  EXPECT_EQ(back.mode, 0644u);
  EXPECT_EQ(back.state, FileState::Completed);
  EXPECT_EQ(back.temp_path, "");
  EXPECT_EQ(back.final_path, "top/file7 (1)");
  const std::vector<ChunkRecord> expected{{.index = 0, .hash = hash_of(0)},
                                          {.index = 2, .hash = hash_of(22)},
                                          {.index = 5000, .hash = hash_of(5000)}};
  EXPECT_EQ(back.chunks, expected);
  EXPECT_EQ((*db_.find(transfer.id))->bytes_done, 200u);
  EXPECT_EQ((*db_.find(transfer.id))->updated, WallTime{8000ms});
}

TEST_F(StateDbTest, FilesArePagedByIndex) {
  const TransferRecord transfer = sample(1);
  ASSERT_STORED(db_.create(transfer));
  std::vector<FileProgress> files;
  for (std::uint64_t i = 0; i < 10; ++i) files.push_back(sample_file(9 - i));
  ASSERT_STORED(db_.record(transfer.id, files, 0, {}));
  const auto page = db_.files(transfer.id, 4, 3);
  ASSERT_STORED(page);
  ASSERT_EQ(page->size(), 3u);
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ((*page)[i].file.index, 4 + i);
}

TEST_F(StateDbTest, AfterARestartOfTheMachineChunksAreDoubted) {
  const TransferRecord transfer = sample(1);
  ASSERT_STORED(db_.create(transfer));
  const FileProgress file = sample_file(0);
  ASSERT_STORED(db_.record(transfer.id, {&file, 1}, 0, {}));
  EXPECT_TRUE(db_.files(transfer.id, 0, 1)->front().is_same_boot);
  db_.pretend_boot(BootId{std::byte{1}});
  EXPECT_FALSE(db_.files(transfer.id, 0, 1)->front().is_same_boot);
  db_.pretend_boot(BootId{});
  ASSERT_STORED(db_.record(transfer.id, {&file, 1}, 0, {}));
  EXPECT_FALSE(db_.files(transfer.id, 0, 1)->front().is_same_boot) << "an unknown boot is never the same";
}

TEST_F(StateDbTest, ForgettingRemovesAllThatBelongsToATransfer) {
  const TransferRecord transfer = sample(1);
  ASSERT_STORED(db_.create(transfer));
  FileProgress file = sample_file(0);
  file.chunks = {{.index = 0, .hash = hash_of(0)}};
  ASSERT_STORED(db_.record(transfer.id, {&file, 1}, 0, {}));
  ASSERT_STORED(db_.forget(transfer.id));
  EXPECT_FALSE(db_.find(transfer.id)->has_value());
  ASSERT_STORED(db_.create(transfer));
  EXPECT_TRUE(db_.files(transfer.id, 0, 1)->empty());
  file.chunks.clear();
  ASSERT_STORED(db_.record(transfer.id, {&file, 1}, 0, {}));
  EXPECT_TRUE(db_.files(transfer.id, 0, 1)->front().file.chunks.empty());
}

TEST_F(StateDbTest, PruningTakesOldFinishedTransfersOnly) {
  TransferRecord old_done = sample(1);
  TransferRecord new_done = sample(2);
  const TransferRecord old_open = sample(3);
  old_done.is_finished = new_done.is_finished = true;
  new_done.updated = WallTime{9000ms};
  for (const auto& transfer : {old_done, new_done, old_open}) ASSERT_STORED(db_.create(transfer));
  const auto count = db_.prune(WallTime{9000ms});
  ASSERT_STORED(count);
  EXPECT_EQ(*count, 1u);
  EXPECT_FALSE(db_.find(old_done.id)->has_value());
  EXPECT_TRUE(db_.find(new_done.id)->has_value());
  EXPECT_TRUE(db_.find(old_open.id)->has_value());
}

// Against a map, which has it easier.
RC_GTEST_PROP(StateDbPropertyTest, ChunksAreThoseRecordedWhateverTheBatches,
              (const std::vector<std::vector<std::uint16_t>>& batches)) {
  auto db = StateDb::open_in_memory();
  const TransferRecord transfer = sample(1);
  RC_ASSERT(db->create(transfer).has_value());
  std::map<std::uint64_t, crypto::Hash256> model;
  std::uint64_t stamp = 0;
  FileProgress file = sample_file(3);
  for (const auto& batch : batches) {
    file.chunks.clear();
    for (const std::uint16_t index : batch) {
      file.chunks.push_back({.index = index, .hash = hash_of(++stamp)});
      model[index] = hash_of(stamp);
    }
    RC_ASSERT(db->record(transfer.id, {&file, 1}, 0, {}).has_value());
  }
  std::vector<ChunkRecord> expected;
  for (const auto& [index, hash] : model) expected.push_back({.index = index, .hash = hash});
  const auto records = db->files(transfer.id, 0, 1);
  RC_ASSERT(records.has_value());
  RC_ASSERT(records->size() == (batches.empty() ? 0u : 1u));
  if (!records->empty()) RC_ASSERT(records->front().file.chunks == expected);
}

TEST(ChunkSegmentTest, WhatDoesNotFitTogetherIsUnknown) {
  ChunkSegment segment;
  segment.add(3, hash_of(3));
  std::vector<ChunkRecord> chunks;
  ChunkSegment{segment.known().first(10), segment.hashes()}.append_to(chunks, 0);
  ChunkSegment{segment.known(), segment.hashes().first(3 * 32 + 31)}.append_to(chunks, 0);
  ChunkSegment{segment.known(), Bytes((kSegmentChunks + 1) * 32)}.append_to(chunks, 0);
  EXPECT_TRUE(chunks.empty());
  ChunkSegment{segment.known(), segment.hashes()}.append_to(chunks, 1024);
  EXPECT_EQ(chunks, (std::vector<ChunkRecord>{{.index = 1027, .hash = hash_of(3)}}));
}

}  // namespace
}  // namespace jetway::store
