// What an attacker tries on a target folder: paths that lead out, and links put in the way at the worst time.

#include <atomic>
#include <optional>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "jetway/store/file_names.h"
#include "jetway/store/target_tree.h"
#include "tests/store/temp_dir.h"

namespace jetway::store {
namespace {

using namespace std::string_literals;

// With openat2 and, for old kernels, without.
class TargetAttackTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    dir_.make_directory("target");
    dir_.make_directory("outside");
    dir_.write("outside/" + kPartial, "theirs");
    reopen({});
  }
  // Also forgets all directories that were open.
  void reopen(const TargetConfig& config) {
    auto opened = TargetTree::open(dir_ / "target", config);
    ASSERT_STORED(opened);
    tree_.emplace(std::move(*opened));
    if (GetParam()) tree_->use_fallbacks();
  }
  StoreResult<Committed> put(std::string_view path) {
    return tree_->write_small_file(path, as_bytes("x"), {}, CollisionPolicy::Overwrite);
  }
  void expect_outside_untouched() const {
    EXPECT_EQ(dir_.names("outside"), std::set<std::string>{kPartial});
    EXPECT_EQ(dir_.read("outside/" + kPartial), "theirs");
  }
  // Every operation on a path beneath `directory`, which leads elsewhere.
  void expect_all_refused(const std::string& directory) {
    const std::string path = directory + "/x";
    const std::string temp_path = directory + '/' + kPartial;
    const auto refused = [&](const auto& result) {
      ASSERT_FALSE(result.has_value()) << directory;
      const StoreErrc code = result.error().code;
      EXPECT_TRUE(code == StoreErrc::NotADirectory || code == StoreErrc::UnsafePath)
          << directory << ": " << describe(result.error());
    };
    refused(put(path));
    refused(tree_->create_partial(path, 1));
    refused(tree_->reopen_partial(temp_path, 1));
    refused(tree_->discard(temp_path));
    refused(tree_->make_directory(path));
    refused(tree_->finish_directory(path, {}));
    refused(tree_->make_symlink(path, "y", 0, CollisionPolicy::Overwrite));
    refused(tree_->lookup(path));
    refused(tree_->open_existing(temp_path));
    refused(tree_->sync_directory(path));
    expect_outside_untouched();
  }

  const std::string kPartial = partial_name("x", 1);
  TempDir dir_;
  std::optional<TargetTree> tree_;
};

INSTANTIATE_TEST_SUITE_P(Kernels, TargetAttackTest, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "Fallback" : "Openat2"; });

TEST_P(TargetAttackTest, PathsThatLeadOutAreRefusedByEveryOperation) {
  dir_.make_directory("target/d");
  for (const auto& directory :
       {"../outside"s, ".."s, "."s, dir_ / "outside", ""s, "d/../../outside"s, "d//d"s, "d/."s, "d\0d"s}) {
    expect_all_refused(directory);
  }
}

TEST_P(TargetAttackTest, LinksInThePathAreRefusedByEveryOperation) {
  dir_.make_directory("target/d");
  dir_.make_link("target/relative", "../outside");
  dir_.make_link("target/absolute", dir_ / "outside");
  dir_.make_link("target/inside", "d");
  dir_.make_link("target/self", ".");
  dir_.make_link("target/loop", "loop");
  dir_.make_link("target/magic", "/proc/self/cwd");
  dir_.make_link("target/d/up", "../../outside");
  dir_.make_directory("outside/deep");
  for (const char* const directory : {"relative", "absolute", "inside", "self", "loop", "magic", "d/up"}) {
    std::filesystem::remove(dir_ / "outside/deep");
    expect_all_refused(directory);
    dir_.make_directory("outside/deep");
  }
  std::filesystem::remove(dir_ / "outside/deep");
  expect_all_refused("self/self/d");
}

TEST_P(TargetAttackTest, ADirectorySwappedForALinkIsNotFollowed) {
  ASSERT_STORED(tree_->make_directory("a"));
  ASSERT_STORED(tree_->make_directory("a/b"));
  ASSERT_STORED(put("a/b/first"));
  std::filesystem::rename(dir_ / "target/a", dir_ / "moved");
  dir_.make_link("target/a", "../outside");
  // Still open from before: goes where the directory now is, which was the target's.
  ASSERT_STORED(put("a/b/second"));
  EXPECT_TRUE(dir_.has("moved/b/second"));
  reopen({});
  EXPECT_EQ(code_of(put("a/b/third")), StoreErrc::NotADirectory);
  EXPECT_EQ(code_of(put("a/third")), StoreErrc::NotADirectory);
  expect_outside_untouched();
}

// Goal: nothing lands outside whatever moment a directory is swapped for a link.
// Method: one thread swaps all the time, the other writes, through a cache so small that it always walks.
TEST_P(TargetAttackTest, SwappingAllTheTimeLeadsNowhere) {
  reopen({.cached_directories = 1});
  ASSERT_STORED(tree_->make_directory("a"));
  ASSERT_STORED(tree_->make_directory("a/b"));
  ASSERT_STORED(tree_->make_directory("other"));
  dir_.make_directory("outside/b");
  std::atomic<bool> is_over = false;
  std::thread attacker{[&] {
    while (!is_over) {
      std::filesystem::rename(dir_ / "target/a", dir_ / "hidden");
      dir_.make_link("target/a", "../outside");
      std::filesystem::remove(dir_ / "target/a");
      std::filesystem::rename(dir_ / "hidden", dir_ / "target/a");
    }
  }};
  int written = 0;
  for (int round = 0; round < 1000; ++round) {
    if (put("a/b/file")) ++written;
    ASSERT_STORED(put("other/file"));
  }
  is_over = true;
  attacker.join();
  EXPECT_TRUE(dir_.names("outside/b").empty());
  std::filesystem::remove(dir_ / "outside/b");
  expect_outside_untouched();
  RecordProperty("written", written);
}

TEST_P(TargetAttackTest, APartialFileThatIsNotOursIsNotReopened) {
  ASSERT_EQ(::symlink((dir_ / ("outside/" + kPartial)).c_str(), (dir_ / ("target/" + kPartial)).c_str()), 0);
  EXPECT_EQ(code_of(tree_->reopen_partial(kPartial, 1)), StoreErrc::UnsafePath);
  std::filesystem::remove(dir_ / ("target/" + kPartial));
  ASSERT_EQ(::link((dir_ / ("outside/" + kPartial)).c_str(), (dir_ / ("target/" + kPartial)).c_str()), 0);
  EXPECT_EQ(code_of(tree_->reopen_partial(kPartial, 1)), StoreErrc::UnsafePath)
      << "a second name of another file";
  std::filesystem::remove(dir_ / ("target/" + kPartial));
  EXPECT_EQ(code_of(tree_->reopen_partial(kPartial, 1)), StoreErrc::NotFound);
  dir_.write("target/other", "");
  EXPECT_EQ(code_of(tree_->reopen_partial("other", 1)), StoreErrc::UnsafePath);
  dir_.make_directory("target/" + kPartial);
  EXPECT_FALSE(tree_->reopen_partial(kPartial, 1).has_value());
  expect_outside_untouched();
}

}  // namespace
}  // namespace jetway::store
