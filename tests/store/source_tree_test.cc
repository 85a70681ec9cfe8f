#include "jetway/store/source_tree.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "jetway/store/path.h"
#include "tests/store/privileges.h"
#include "tests/store/temp_dir.h"

namespace jetway::store {
namespace {

struct Scan {
  std::vector<SourceEntry> entries;
  std::vector<StoreError> problems;

  std::vector<std::string> paths() const {
    std::vector<std::string> paths;
    for (const auto& entry : entries) paths.push_back(entry.path);
    return paths;
  }
};

Scan scan_all(SourceTree& tree, std::size_t batch_size = 100) {
  Scan scan;
  while (true) {
    SourceBatch batch = tree.next_batch(batch_size);
    EXPECT_LE(batch.entries.size() + batch.problems.size(), batch_size + 1);
    std::ranges::move(batch.entries, std::back_inserter(scan.entries));
    std::ranges::move(batch.problems, std::back_inserter(scan.problems));
    if (batch.is_last) return scan;
  }
}

class SourceTreeTest : public testing::Test {
 protected:
  SourceTree open(const std::vector<std::string>& roots, const SourceConfig& config = {}) {
    auto tree = SourceTree::open(roots, config);
    if (!tree) throw std::runtime_error(describe(tree.error()));
    return std::move(*tree);
  }
  Scan scan(const std::vector<std::string>& roots) {
    auto tree = open(roots);
    return scan_all(tree);
  }
  // A tree with one file and its entry.
  void scan_one(const std::string& path) {
    tree_.emplace(open({path}));
    SourceBatch batch = tree_->next_batch(1);
    ASSERT_EQ(batch.entries.size(), 1u);
    entry_ = std::move(batch.entries.front());
  }

  TempDir dir_;
  std::optional<SourceTree> tree_;
  SourceEntry entry_;
};

using Paths = std::vector<std::string>;

TEST_F(SourceTreeTest, EntriesComeSortedByBytesParentsFirst) {
  dir_.make_directory("top/b/deep");
  dir_.make_directory("top/empty");
  dir_.write("top/b/deep/x", "x");
  dir_.write("top/b/a", "a");
  dir_.write("top/b.txt", "1");
  dir_.write("top/B", "2");
  dir_.write("top/\xff", "3");
  const Paths expected{"top",          "top/B",     "top/b",     "top/b/a", "top/b/deep",
                       "top/b/deep/x", "top/b.txt", "top/empty", "top/\xff"};
  EXPECT_EQ(scan({dir_ / "top"}).paths(), expected);
}

TEST_F(SourceTreeTest, TheOrderDoesNotDependOnTheSizeOfBatches) {
  dir_.make_directory("top/a/b");
  for (int i = 0; i < 30; ++i) dir_.write("top/a/b/" + std::to_string(i), "");
  const Paths whole = scan({dir_ / "top"}).paths();
  for (const std::size_t size : {1u, 2u, 7u}) {
    auto tree = open({dir_ / "top"});
    EXPECT_EQ(scan_all(tree, size).paths(), whole);
  }
}

TEST_F(SourceTreeTest, EntriesSayWhatTheyAre) {
  dir_.make_directory("top");
  dir_.write("top/file", "12345");
  ::chmod((dir_ / "top/file").c_str(), 04711);
  const timespec times[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1'234'567'890, .tv_nsec = 12'345}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (dir_ / "top/file").c_str(), times, 0), 0);
  dir_.make_link("top/link", "some/target");
  const Scan all = scan({dir_ / "top"});
  ASSERT_EQ(all.entries.size(), 3u);
  EXPECT_EQ(all.entries[0].type, EntryType::Directory);
  EXPECT_EQ(all.entries[0].version.size, 0u);
  EXPECT_EQ(all.entries[1].type, EntryType::File);
  EXPECT_EQ(all.entries[1].version.size, 5u);
  EXPECT_EQ(all.entries[1].mode, 04711u);
  EXPECT_EQ(all.entries[1].version.modified_ns, 1'234'567'890'000'012'345);
  EXPECT_EQ(all.entries[2].type, EntryType::Symlink);
  EXPECT_EQ(all.entries[2].link_target, "some/target");
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(all.entries[i].index, i);
}

TEST_F(SourceTreeTest, LinksToOutsideAreLeftOutAndNamedWithTheirTarget) {
  dir_.make_directory("top/sub");
  dir_.make_link("top/absolute", "/etc/\x1bpasswd");
  dir_.make_link("top/inside", "sub");
  dir_.make_link("top/sub/beside", "../../other");  // beside what is sent, in the receiver's folder
  dir_.make_link("top/sub/up", "../../../other");
  dir_.make_link("top/sub/roundabout", "x/../..");
  const Scan all = scan({dir_ / "top/"});
  EXPECT_EQ(all.paths(), (Paths{"top", "top/inside", "top/sub", "top/sub/beside"}));
  ASSERT_EQ(all.problems.size(), 3u);
  EXPECT_EQ(describe(all.problems[0]), "left out: a link to outside of what is sent: " + (dir_ / "top") +
                                           "/absolute -> /etc/\\u{1b}passwd; see --outside-links");
  for (const StoreError& problem : all.problems) EXPECT_EQ(problem.code, StoreErrc::OutsideLink);
  for (std::uint64_t i = 0; i < all.entries.size(); ++i) EXPECT_EQ(all.entries[i].index, i);
}

TEST_F(SourceTreeTest, LinksToOutsideAreSkippedOrKeptAsTheUserSays) {
  dir_.make_directory("top");
  dir_.make_link("top/link", "/etc/passwd");
  auto skipping = open({dir_ / "top"}, {.outside_links = OutsideLinks::Skip});
  const Scan skipped = scan_all(skipping);
  EXPECT_EQ(skipped.paths(), Paths{"top"});
  EXPECT_TRUE(skipped.problems.empty());
  auto keeping = open({dir_ / "top"}, {.outside_links = OutsideLinks::Keep});
  const Scan kept = scan_all(keeping);
  EXPECT_EQ(kept.paths(), (Paths{"top", "top/link"}));
  EXPECT_EQ(kept.entries[1].link_target, "/etc/passwd");
  EXPECT_TRUE(kept.problems.empty());
}

TEST_F(SourceTreeTest, SeveralRootsComeInTheOrderGiven) {
  dir_.write("z", "");
  dir_.make_directory("a/b");
  dir_.make_link("l", "z");
  EXPECT_EQ(scan({dir_ / "z", dir_ / "a///", dir_ / "l"}).paths(), (Paths{"z", "a", "a/b", "l"}));
}

TEST_F(SourceTreeTest, TwoRootsOfOneNameAreRefusedNamingBoth) {
  dir_.make_directory("a/same");
  dir_.make_directory("b/same");
  const auto tree = SourceTree::open({dir_ / "a/same", dir_ / "b/same/"});
  ASSERT_FALSE(tree.has_value());
  EXPECT_EQ(tree.error().code, StoreErrc::DuplicateName);
  EXPECT_EQ(tree.error().path, dir_ / "a/same");
  EXPECT_EQ(tree.error().other_path, dir_ / "b/same/");
  const std::string line = describe(tree.error());
  EXPECT_TRUE(line.contains("a/same") && line.contains("b/same")) << line;
}

TEST_F(SourceTreeTest, DotsAndSlashGetTheNameOfTheDirectory) {
  dir_.make_directory("top/sub");
  dir_.write("top/file", "x");
  const Paths expected{"top", "top/file", "top/sub"};
  EXPECT_EQ(scan({dir_ / "top/."}).paths(), expected);
  EXPECT_EQ(scan({dir_ / "top/./"}).paths(), expected);
  EXPECT_EQ(scan({dir_ / "top/sub/.."}).paths(), expected);
  auto root = open({"/"});
  const SourceBatch batch = root.next_batch(2);
  EXPECT_EQ(batch.entries.at(0).path, "root");
  EXPECT_TRUE(batch.entries.at(1).path.starts_with("root/"));
  EXPECT_EQ(root.display_path(batch.entries.at(1)), batch.entries.at(1).path.substr(4));
}

TEST_F(SourceTreeTest, FilesUnderDotsCanBeOpened) {
  dir_.make_directory("top/sub");
  dir_.write("top/file", "x");
  auto tree = open({dir_ / "top/sub/.."});
  const Scan all = scan_all(tree);
  const auto file = tree.open(all.entries.at(1));
  ASSERT_STORED(file);
  EXPECT_EQ(file->file().path(), dir_ / "top/sub/../file");
}

TEST_F(SourceTreeTest, ALinkIsSentAsALinkUnlessASlashFollowsIt) {
  dir_.make_directory("real");
  dir_.write("real/file", "x");
  dir_.make_link("link", "real");
  const Scan plain = scan({dir_ / "link"});
  ASSERT_EQ(plain.entries.size(), 1u);
  EXPECT_EQ(plain.entries[0].type, EntryType::Symlink);
  EXPECT_EQ(scan({dir_ / "link/"}).paths(), (Paths{"real", "real/file"}));
}

TEST_F(SourceTreeTest, LinksInsideAreNeverFollowed) {
  dir_.make_directory("top");
  dir_.make_link("top/loop", ".");
  dir_.make_link("top/up", "..");
  EXPECT_EQ(scan({dir_ / "top"}).paths(), (Paths{"top", "top/loop", "top/up"}));
}

TEST_F(SourceTreeTest, ARootThatIsNotThereIsAnError) {
  EXPECT_EQ(code_of(SourceTree::open({dir_ / "nothing"})), StoreErrc::NotFound);
  EXPECT_EQ(code_of(SourceTree::open({dir_ / "nothing/"})), StoreErrc::NotFound);
  EXPECT_EQ(code_of(SourceTree::open({dir_ / "no/thing"})), StoreErrc::NotFound);
  EXPECT_EQ(code_of(SourceTree::open({""})), StoreErrc::NotFound);
}

TEST_F(SourceTreeTest, PipesSocketsAndDevicesAreLeftOutAndReported) {
  dir_.make_directory("top");
  dir_.write("top/z", "");
  ASSERT_EQ(::mkfifo((dir_ / "top/pipe").c_str(), 0600), 0);
  const Scan all = scan({dir_ / "top"});
  EXPECT_EQ(all.paths(), (Paths{"top", "top/z"}));
  ASSERT_EQ(all.problems.size(), 1u);
  EXPECT_EQ(all.problems[0].code, StoreErrc::Unsupported);
  EXPECT_EQ(all.problems[0].path, dir_ / "top/pipe");
  EXPECT_EQ(code_of(SourceTree::open({dir_ / "top/pipe"})), StoreErrc::Unsupported);
  EXPECT_EQ(code_of(SourceTree::open({"/dev/null"})), StoreErrc::Unsupported);
}

TEST_F(SourceTreeTest, WhatMayNotBeReadIsReportedAndTheRestComes) {
  dir_.make_directory("top/closed/inside");
  dir_.make_directory("top/listable");
  dir_.write("top/listable/file", "");
  dir_.write("top/secret", "x");
  dir_.write("top/z", "");
  ::chmod((dir_ / "top/closed").c_str(), 0);
  ::chmod((dir_ / "top/listable").c_str(), 0400);
  ::chmod((dir_ / "top/secret").c_str(), 0);
  const OrdinaryUser user;
  auto tree = open({dir_ / "top"});
  const Scan all = scan_all(tree);
  EXPECT_EQ(all.paths(), (Paths{"top", "top/closed", "top/listable", "top/secret", "top/z"}));
  ASSERT_EQ(all.problems.size(), 2u);
  EXPECT_EQ(all.problems[0].code, StoreErrc::PermissionDenied);
  EXPECT_EQ(all.problems[0].path, dir_ / "top/closed");
  EXPECT_EQ(all.problems[1].path, dir_ / "top/listable/file");
  const auto secret = tree.open(all.entries.at(3));
  EXPECT_EQ(code_of(secret), StoreErrc::PermissionDenied);
  EXPECT_EQ(secret.error().path, dir_ / "top/secret");
  EXPECT_EQ(code_of(SourceTree::open({dir_ / "top/closed/inside"})), StoreErrc::PermissionDenied);
}

TEST_F(SourceTreeTest, ADirectoryThatVanishesDuringTheScanIsReportedAndTheRestComes) {
  dir_.make_directory("top/a");
  dir_.make_directory("top/b");
  auto tree = open({dir_ / "top"});
  ASSERT_EQ(tree.next_batch(1).entries.size(), 1u);
  std::filesystem::remove(dir_ / "top/a");
  const Scan rest = scan_all(tree);
  EXPECT_EQ(rest.paths(), Paths{"top/b"});
  ASSERT_EQ(rest.problems.size(), 1u);
  EXPECT_EQ(rest.problems[0].code, StoreErrc::NotFound);
}

TEST_F(SourceTreeTest, TooDeepATreeIsReportedNotFollowed) {
  std::string path = dir_ / "d";
  std::filesystem::create_directory(path);
  for (std::size_t i = 0; i < kMaxPathDepth + 5; ++i) {
    path += "/d";
    ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
  }
  const Scan all = scan({dir_ / "d"});
  EXPECT_EQ(all.entries.size(), kMaxPathDepth);
  ASSERT_EQ(all.problems.size(), 1u);
  EXPECT_EQ(all.problems[0].code, StoreErrc::NameTooLong);
  for (const auto& entry : all.entries) EXPECT_STORED(check_path(entry.path));
}

TEST_F(SourceTreeTest, WhatWasFoundIsWhatIsRead) {
  dir_.write("file", "0123456789");
  scan_one(dir_ / "file");
  const auto file = tree_->open(entry_);
  ASSERT_STORED(file);
  EXPECT_EQ(file->size(), 10u);
  std::array<std::byte, 4> part{};
  ASSERT_STORED(file->read_at(3, part));
  EXPECT_EQ(as_text(part), "3456");
  EXPECT_STORED(file->verify_unchanged());
}

TEST_F(SourceTreeTest, AFileThatChangedSinceTheScanIsNotOpened) {
  dir_.write("file", "before");
  scan_one(dir_ / "file");
  dir_.write("file", "afterwards");
  EXPECT_EQ(code_of(tree_->open(entry_)), StoreErrc::SourceChanged);
}

TEST_F(SourceTreeTest, AFileThatIsRemovedOrReplacedSinceTheScanIsNotOpened) {
  dir_.make_directory("top");
  dir_.write("top/file", "before");
  auto tree = open({dir_ / "top"});
  const SourceEntry entry = scan_all(tree).entries.at(1);
  std::filesystem::rename(dir_ / "top/file", dir_ / "away");
  EXPECT_EQ(code_of(tree.open(entry)), StoreErrc::SourceChanged);
  dir_.make_link("top/file", "../away");
  EXPECT_EQ(code_of(tree.open(entry)), StoreErrc::SourceChanged);
  std::filesystem::remove(dir_ / "top/file");
  ASSERT_EQ(::mkfifo((dir_ / "top/file").c_str(), 0600), 0);
  EXPECT_EQ(code_of(tree.open(entry)), StoreErrc::SourceChanged);
}

// Goal: a directory swapped for a link does not make us send files from elsewhere.
TEST_F(SourceTreeTest, ADirectoryReplacedByALinkIsNotFollowed) {
  dir_.make_directory("top/sub");
  dir_.write("top/sub/file", "public");
  auto tree = open({dir_ / "top"});
  const SourceEntry entry = scan_all(tree).entries.at(2);
  std::filesystem::rename(dir_ / "top/sub", dir_ / "moved");
  dir_.make_link("top/sub", "../moved");
  EXPECT_EQ(code_of(tree.open(entry)), StoreErrc::SourceChanged);
}

TEST_F(SourceTreeTest, AFileThatShrinksWhileItIsReadIsNoticed) {
  dir_.write("file", "0123456789");
  scan_one(dir_ / "file");
  const auto file = tree_->open(entry_);
  ASSERT_STORED(file);
  ASSERT_EQ(::truncate((dir_ / "file").c_str(), 5), 0);
  std::array<std::byte, 10> whole{};
  EXPECT_EQ(code_of(file->read_at(0, whole)), StoreErrc::SourceChanged);
  EXPECT_EQ(code_of(file->verify_unchanged()), StoreErrc::SourceChanged);
}

TEST_F(SourceTreeTest, AFileThatIsWrittenToAndSetBackInTimeIsNoticed) {
  dir_.write("file", "0123456789");
  scan_one(dir_ / "file");
  const auto file = tree_->open(entry_);
  ASSERT_STORED(file);
  const auto time = std::filesystem::last_write_time(dir_ / "file");
  dir_.write("file", "9876543210");
  std::filesystem::last_write_time(dir_ / "file", time);
  EXPECT_EQ(code_of(file->verify_unchanged()), StoreErrc::SourceChanged);
}

TEST_F(SourceTreeTest, AFileThatIsDeletedWhileItIsReadIsNoticed) {
  dir_.write("file", "0123456789");
  scan_one(dir_ / "file");
  const auto file = tree_->open(entry_);
  ASSERT_STORED(file);
  std::filesystem::remove(dir_ / "file");
  std::array<std::byte, 10> whole{};
  EXPECT_STORED(file->read_at(0, whole));
  EXPECT_EQ(code_of(file->verify_unchanged()), StoreErrc::SourceChanged);
}

}  // namespace
}  // namespace jetway::store
