// The state database on a real disk: kills, other processes, damage, lack of room.

#include <cstdint>
#include <fstream>
#include <string>

#include <sys/stat.h>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "jetway/base/random.h"
#include "jetway/store/state_db.h"
#include "tests/store/child.h"
#include "tests/store/privileges.h"
#include "tests/store/temp_dir.h"

namespace jetway::store {
namespace {

using namespace std::chrono_literals;

TransferRecord transfer_of(std::uint64_t seed) {
  TransferRecord transfer;
  transfer.id = SeededRandom{seed}.make<TransferId>();
  transfer.peer = Bytes(32, std::byte{1});
  transfer.directory = "/target";
  return transfer;
}

FileProgress file_of(std::uint64_t index, std::size_t chunks = 1) {
  FileProgress file;
  file.index = index;
  file.path = "file" + std::to_string(index);
  file.state = FileState::Partial;
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    const std::string content = std::to_string(index) + "/" + std::to_string(chunk);
    file.chunks.push_back({.index = chunk, .hash = crypto::blake3(as_bytes(content))});
  }
  return file;
}

class StateDbProcessTest : public testing::Test {
 protected:
  StoreResult<StateDb::Opened> open(const StateConfig& config = {}) const {
    return StateDb::open(dir_ / "state", config);
  }
  // Runs SQL on the database behind its back.
  void execute(const char* sql) const {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open((dir_ / "state/state.db").c_str(), &raw), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(raw, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
    sqlite3_close(raw);
  }
  void fill(std::uint64_t files) const {
    auto opened = open();
    ASSERT_STORED(opened);
    ASSERT_STORED(opened->db.create(transfer_of(1)));
    for (std::uint64_t index = 0; index < files; ++index) {
      const FileProgress file = file_of(index);
      ASSERT_STORED(opened->db.record(transfer_of(1).id, {&file, 1}, index, {}));
    }
  }

  TempDir dir_;
};

TEST_F(StateDbProcessTest, WhatWasWrittenIsThereTheNextTime) {
  fill(3);
  auto opened = open();
  ASSERT_STORED(opened);
  EXPECT_EQ(opened->set_aside, "");
  EXPECT_EQ(opened->db.files(transfer_of(1).id, 0, 10)->size(), 3u);
}

TEST_F(StateDbProcessTest, NobodyElseMayRead) {
  fill(1);
  const auto opened = open();
  const auto mode_of = [&](std::string_view name) {
    struct stat status{};
    ::stat((dir_ / name).c_str(), &status);
    return status.st_mode & 0777;
  };
  EXPECT_EQ(mode_of("state"), 0700u);
  for (const auto& name : dir_.names("state")) EXPECT_EQ(mode_of("state/" + name), 0600u) << name;
}

TEST_F(StateDbProcessTest, MissingParentsAreMade) {
  EXPECT_STORED(StateDb::open(dir_ / "a/b/c"));
  EXPECT_TRUE(dir_.has("a/b/c/state.db"));
}

// Goal: nothing that was recorded is lost by SIGKILL at any moment.
// Method: a child records file after file and says so after each; it is killed after a number of them that
// differs from round to round, while it is at the next.
TEST_F(StateDbProcessTest, AKillLosesNothingThatWasRecorded) {
  std::uint64_t next = 0;
  {
    ASSERT_STORED(open()->db.create(transfer_of(1)));
  }
  for (const int rounds : {1, 2, 5, 17, 40}) {
    Pipe recorded;
    Child writer{[&] {
      auto opened = open();
      if (!opened) return false;
      for (std::uint64_t index = next;; ++index) {
        const FileProgress file = file_of(index, 50);
        if (!opened->db.record(transfer_of(1).id, {&file, 1}, index, {})) return false;
        if (!recorded.signal()) return false;
      }
    }};
    for (int round = 0; round < rounds; ++round) ASSERT_TRUE(recorded.wait());
    writer.kill();
    next += static_cast<std::uint64_t>(rounds);
    auto opened = open();
    ASSERT_STORED(opened);
    EXPECT_EQ(opened->set_aside, "");
    const auto files = opened->db.files(transfer_of(1).id, 0, 1'000'000);
    ASSERT_STORED(files);
    ASSERT_GE(files->size(), next);
    for (std::uint64_t index = 0; index < files->size(); ++index) {
      EXPECT_EQ((*files)[index].file.chunks, file_of(index, 50).chunks);
    }
    next = files->size();
  }
}

TEST_F(StateDbProcessTest, TwoProcessesRecordAtTheSameTime) {
  const auto work = [&](std::uint64_t seed) {
    auto opened = open();
    if (!opened || !opened->db.create(transfer_of(seed))) return false;
    for (std::uint64_t index = 0; index < 100; ++index) {
      const FileProgress file = file_of(index, 3);
      if (!opened->db.record(transfer_of(seed).id, {&file, 1}, index, {})) return false;
    }
    return true;
  };
  Child other{[&] { return work(1); }};
  EXPECT_TRUE(work(2));
  EXPECT_TRUE(other.join());
  auto opened = open();
  ASSERT_STORED(opened);
  for (const std::uint64_t seed : {1u, 2u}) {
    const auto files = opened->db.files(transfer_of(seed).id, 0, 1000);
    ASSERT_STORED(files);
    EXPECT_EQ(files->size(), 100u);
  }
}

// Goal: nobody takes the log away from under those that still record.
// Method: while we have the database open, two other processes open and close it one after the other. They
// are started before, since a child inherits what SQLite knows of the locks of its parent.
TEST_F(StateDbProcessTest, WhoClosesLeavesTheLogToThoseThatStillRecord) {
  const auto record = [](StateDb& db, std::uint64_t seed, std::uint64_t index) {
    const FileProgress file = file_of(index, 3);
    return db.record(transfer_of(seed).id, {&file, 1}, index, {}).has_value();
  };
  Pipe first_turn;
  Pipe second_turn;
  const auto come_and_go = [&](Pipe& turn, std::uint64_t seed) {
    if (!turn.wait()) return false;
    auto theirs = open();
    return theirs && theirs->db.create(transfer_of(seed)) && record(theirs->db, seed, 0);
  };
  Child first{[&] { return come_and_go(first_turn, 2); }};
  Child second{[&] { return come_and_go(second_turn, 3); }};
  {
    auto ours = open();
    ASSERT_STORED(ours);
    ASSERT_STORED(ours->db.create(transfer_of(1)));
    ASSERT_TRUE(first_turn.signal());
    ASSERT_TRUE(first.join());
    ASSERT_TRUE(record(ours->db, 1, 0));
    ASSERT_STORED(open());
    ASSERT_TRUE(second_turn.signal());
    ASSERT_TRUE(second.join());
    ASSERT_TRUE(record(ours->db, 1, 1));
  }
  auto opened = open();
  ASSERT_STORED(opened);
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const auto files = opened->db.files(transfer_of(seed).id, 0, 1000);
    ASSERT_STORED(files) << seed;
    EXPECT_EQ(files->size(), seed == 1 ? 2u : 1u);
  }
}

TEST_F(StateDbProcessTest, AWriterThatDoesNotEndMakesOthersBusy) {
  fill(1);
  auto opened = open({.busy_timeout = 1ms});
  ASSERT_STORED(opened);
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open((dir_ / "state/state.db").c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const FileProgress file = file_of(9);
  EXPECT_EQ(code_of(opened->db.record(transfer_of(1).id, {&file, 1}, 0, {})), StoreErrc::Busy);
  EXPECT_EQ(code_of(opened->db.create(transfer_of(2))), StoreErrc::Busy);
  EXPECT_STORED(opened->db.files(transfer_of(1).id, 0, 10)) << "reading does not wait";
  sqlite3_close(raw);
  EXPECT_STORED(opened->db.record(transfer_of(1).id, {&file, 1}, 0, {}));
}

// ---- damage ----

TEST_F(StateDbProcessTest, AFileThatIsNoDatabaseIsSetAside) {
  std::filesystem::create_directory(dir_ / "state");
  dir_.write("state/state.db", std::string(5000, 'x'));
  auto opened = open();
  ASSERT_STORED(opened);
  EXPECT_TRUE(opened->set_aside.starts_with(dir_ / "state/state.db.corrupt-")) << opened->set_aside;
  EXPECT_EQ(std::filesystem::file_size(opened->set_aside), 5000u);
  EXPECT_STORED(opened->db.create(transfer_of(1)));
}

TEST_F(StateDbProcessTest, DamageAnywhereIsNoticedAndTheNextDatabaseWorks) {
  fill(200);
  execute("PRAGMA wal_checkpoint(TRUNCATE)");
  const std::string whole = dir_.read("state/state.db");
  ASSERT_GT(whole.size(), 5 * 4096u);
  std::set<std::string> moved;
  for (const std::size_t page : {0u, 1u, 2u, 3u}) {
    std::string damaged = whole;
    damaged.replace(page * 4096, 200, std::string(200, '\x5a'));
    for (const char* const name : {"state/state.db", "state/state.db-wal", "state/state.db-shm"}) {
      std::filesystem::remove(dir_ / name);
    }
    dir_.write("state/state.db", damaged);
    auto opened = open();
    ASSERT_STORED(opened);
    EXPECT_NE(opened->set_aside, "") << page;
    moved.insert(opened->set_aside);
    EXPECT_TRUE(opened->db.unfinished(10)->empty());
    EXPECT_STORED(opened->db.create(transfer_of(1)));
  }
  EXPECT_EQ(moved.size(), 4u) << "none takes the place of an earlier one";
}

TEST_F(StateDbProcessTest, ATruncatedDatabaseIsSetAside) {
  fill(200);
  execute("PRAGMA wal_checkpoint(TRUNCATE)");
  std::filesystem::resize_file(dir_ / "state/state.db", 2 * 4096 + 100);
  EXPECT_NE(open()->set_aside, "");
}

TEST_F(StateDbProcessTest, ANewerDatabaseIsLeftAlone) {
  fill(1);
  execute("PRAGMA user_version = 9999");
  EXPECT_EQ(code_of(open()), StoreErrc::TooNew);
  execute("PRAGMA user_version = 1");
  EXPECT_EQ(open()->set_aside, "");
}

TEST_F(StateDbProcessTest, AnImpossibleVersionIsDamage) {
  fill(1);
  execute("PRAGMA user_version = -1");
  EXPECT_NE(open()->set_aside, "");
}

TEST_F(StateDbProcessTest, ADatabaseThatIsALinkIsNotFollowed) {
  dir_.make_directory("state");
  dir_.make_link("state/state.db", "../elsewhere");
  EXPECT_FALSE(open().has_value());
  EXPECT_FALSE(dir_.has("elsewhere"));
}

TEST_F(StateDbProcessTest, AStateDirectoryThatCannotBeMadeIsAnError) {
  dir_.write("state", "");
  EXPECT_EQ(code_of(open()), StoreErrc::Exists);
}

// Goal: on a full disk nothing that was recorded is lost, and work goes on when there is room again.
TEST_F(StateDbProcessTest, AFullDiskLosesNothingThatWasRecorded) {
  dir_.make_directory("state");
  const SmallDisk disk{dir_ / "state"};
  if (!disk.problem().empty()) GTEST_SKIP() << disk.problem();
  auto opened = open();
  ASSERT_STORED(opened);
  ASSERT_STORED(opened->db.create(transfer_of(1)));
  dir_.write("state/ballast", std::string(300'000, 'b'));
  std::uint64_t recorded = 0;
  StoreResult<void> last;
  while (recorded < 1000) {
    const FileProgress file = file_of(recorded, 500);
    last = opened->db.record(transfer_of(1).id, {&file, 1}, 0, {});
    if (!last) break;
    ++recorded;
  }
  EXPECT_EQ(code_of(last), StoreErrc::NoSpace);
  EXPECT_EQ(opened->db.files(transfer_of(1).id, 0, 1000)->size(), recorded);
  std::filesystem::remove(dir_ / "state/ballast");
  const FileProgress file = file_of(recorded);
  EXPECT_STORED(opened->db.record(transfer_of(1).id, {&file, 1}, 0, {}));
  EXPECT_EQ(opened->db.files(transfer_of(1).id, 0, 1000)->size(), recorded + 1);
}

}  // namespace
}  // namespace jetway::store
