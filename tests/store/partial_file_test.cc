// Files in the making: kept, found again, and never anybody else's.

#include <array>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "jetway/store/file_names.h"
#include "jetway/store/path.h"
#include "jetway/store/target_state.h"
#include "jetway/store/target_tree.h"
#include "tests/store/temp_dir.h"

namespace jetway::store {
namespace {

class PartialFileTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = TargetTree::open(dir_.path());
    ASSERT_STORED(opened);
    tree_.emplace(std::move(*opened));
  }
  TempDir dir_;
  std::optional<TargetTree> tree_;
};

TEST_F(PartialFileTest, APartialFileSurvivesAndIsReopened) {
  std::string temp_path;
  ASSERT_STORED(tree_->make_directory("d"));
  {
    auto partial = tree_->create_partial("d/file", 10);
    ASSERT_STORED(partial);
    temp_path = partial->temp_path();
    ASSERT_STORED(partial->write_at(5, as_bytes("World")));
  }
  EXPECT_TRUE(is_partial_name(name_of(temp_path)));
  EXPECT_TRUE(temp_path.starts_with("d/.jetway-"));
  EXPECT_FALSE(dir_.has("d/file"));
  auto partial = tree_->reopen_partial(temp_path, 1);
  ASSERT_STORED(partial);
  EXPECT_EQ(*partial->size(), 10u);
  ASSERT_STORED(partial->write_at(0, as_bytes("Hello")));
  std::array<std::byte, 16> back{};
  EXPECT_EQ(*partial->read_at(0, back), 10u);
  ASSERT_STORED(partial->truncate(7));
  ASSERT_STORED(partial->sync());
  ASSERT_STORED(tree_->commit(std::move(*partial), "d/file", FileMetadata{}, CollisionPolicy::Rename));
  EXPECT_EQ(dir_.read("d/file"), "HelloWo");
  EXPECT_EQ(dir_.names("d"), std::set<std::string>{"file"});
}

TEST_F(PartialFileTest, RoomForAPartialFileIsReservedWithoutASize) {
  auto partial = tree_->create_partial("file", 1 << 20);
  ASSERT_STORED(partial);
  EXPECT_EQ(*partial->size(), 0u);
}

TEST_F(PartialFileTest, DiscardRemovesPartialFilesOnly) {
  auto partial = tree_->create_partial("file", 1);
  ASSERT_STORED(partial);
  dir_.write("other", "");
  EXPECT_EQ(code_of(tree_->discard("other")), StoreErrc::UnsafePath);
  EXPECT_STORED(tree_->discard(partial->temp_path()));
  EXPECT_STORED(tree_->discard(partial->temp_path()));
  EXPECT_STORED(tree_->discard("nowhere/" + partial->temp_path()));
  EXPECT_EQ(dir_.names(), std::set<std::string>{"other"});
}

TEST_F(PartialFileTest, APartialFileStaysInItsDirectory) {
  ASSERT_STORED(tree_->make_directory("d"));
  auto partial = tree_->create_partial("file", 1);
  ASSERT_STORED(partial);
  EXPECT_EQ(code_of(tree_->commit(std::move(*partial), "d/file", {}, CollisionPolicy::Rename)),
            StoreErrc::UnsafePath);
}

// ---- found again by the job ----

class JobPartialTest : public PartialFileTest {
 protected:
  // As another process, or a later run, opens the folder.
  TargetTree open_for(std::byte job) {
    auto opened = TargetTree::open(dir_.path(), {.job = JobKey{job}});
    EXPECT_STORED(opened);
    return std::move(*opened);
  }
  // The name of what a run of the job has left.
  std::string leave(std::byte job, std::string_view content) {
    auto partial = open_for(job).create_partial("file", content.size());
    EXPECT_STORED(partial);
    EXPECT_STORED(partial->write_at(0, as_bytes(content)));
    return partial->temp_path();
  }
};

TEST_F(JobPartialTest, ALaterRunOfTheJobFindsItWithoutBeingTold) {
  const std::string left = leave(std::byte{1}, "begun");
  auto tree = open_for(std::byte{1});
  auto found = tree.find_partial("file", 5);
  ASSERT_STORED(found);
  EXPECT_EQ(found->temp_path(), left);
  EXPECT_EQ(*found->size(), 5u);
  ASSERT_STORED(tree.commit(std::move(*found), "file", FileMetadata{}, CollisionPolicy::Rename));
  EXPECT_EQ(dir_.read("file"), "begun");
  EXPECT_EQ(dir_.names(), std::set<std::string>{"file"});
}

TEST_F(JobPartialTest, OthersDoNotFindIt) {
  leave(std::byte{1}, "begun");
  EXPECT_EQ(code_of(open_for(std::byte{2}).find_partial("file", 5)), StoreErrc::NotFound);
  EXPECT_EQ(code_of(open_for(std::byte{1}).find_partial("other", 5)), StoreErrc::NotFound);
  EXPECT_EQ(code_of(tree_->find_partial("file", 5)), StoreErrc::NotFound) << "without a job";
}

TEST_F(JobPartialTest, OneThatSomebodyHasOpenIsNobodyElses) {
  auto ours = open_for(std::byte{1});
  auto held = ours.create_partial("file", 10);
  ASSERT_STORED(held);
  auto theirs = open_for(std::byte{1});
  EXPECT_EQ(code_of(theirs.find_partial("file", 10)), StoreErrc::Busy);
  EXPECT_EQ(code_of(theirs.reopen_partial(held->temp_path(), 10)), StoreErrc::Busy);
  const auto second = theirs.create_partial("file", 10);
  ASSERT_STORED(second);
  EXPECT_NE(second->temp_path(), held->temp_path());
  ASSERT_STORED(ours.commit(std::move(*held), "file", FileMetadata{}, CollisionPolicy::Rename));
  EXPECT_TRUE(dir_.has("file"));
}

TEST_F(JobPartialTest, ADuplicateOfItsFileKeepsItHeld) {
  auto ours = open_for(std::byte{1});
  auto partial = ours.create_partial("file", 10);
  auto reader = partial->file().duplicate();
  ASSERT_STORED(reader);
  {
    const PartialFile dropped = std::move(*partial);
  }
  EXPECT_EQ(code_of(open_for(std::byte{1}).find_partial("file", 10)), StoreErrc::Busy);
  {
    const File dropped = std::move(*reader);
  }
  EXPECT_STORED(open_for(std::byte{1}).find_partial("file", 10));
}

TEST_F(JobPartialTest, WhatNobodyHasOpenMakesRoomForANewOne) {
  const std::string left = leave(std::byte{1}, "a longer beginning");
  auto tree = open_for(std::byte{1});
  const auto created = tree.create_partial("file", 1);
  ASSERT_STORED(created);
  EXPECT_EQ(created->temp_path(), left);
  EXPECT_EQ(*created->size(), 0u);
  EXPECT_EQ(dir_.names(), std::set<std::string>{left});
}

// Goal: whoever opened a partial file just before its holder completed it does not get it as its own: it
// would write into a finished file. Method: open, then commit by the holder, then lock, in that order, as
// claim_partial() would meet it.
TEST_F(JobPartialTest, OneThatWasCompletedMeanwhileIsNotClaimed) {
  auto tree = open_for(std::byte{1});
  auto partial = tree.create_partial("file", 5);
  ASSERT_STORED(partial);
  const std::string name = partial->temp_path();
  const Descriptor folder{::open(dir_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  const Descriptor opened{::openat(folder.fd(), name.c_str(), O_RDWR | O_CLOEXEC)};
  EXPECT_EQ(claim_partial(folder.fd(), name, opened.fd()), Claim::Theirs) << "while it is held";
  ASSERT_STORED(tree.commit(std::move(*partial), "file", FileMetadata{}, CollisionPolicy::Rename));
  EXPECT_EQ(claim_partial(folder.fd(), name, opened.fd()), Claim::Theirs) << "when it has another name";
  EXPECT_EQ(claim_partial(folder.fd(), "file", opened.fd()), Claim::Ours);
}

TEST_F(JobPartialTest, WhatStrangersPutInItsPlaceIsNotTouched) {
  const std::string name = leave(std::byte{1}, "begun");
  std::filesystem::remove(dir_ / name);
  dir_.write("precious", "theirs");
  ASSERT_EQ(::link((dir_ / "precious").c_str(), (dir_ / name).c_str()), 0);
  auto tree = open_for(std::byte{1});
  EXPECT_EQ(code_of(tree.find_partial("file", 5)), StoreErrc::UnsafePath);
  const auto created = tree.create_partial("file", 5);
  ASSERT_STORED(created);
  EXPECT_NE(created->temp_path(), name);
  EXPECT_EQ(dir_.read(name), "theirs");
}

}  // namespace
}  // namespace jetway::store
