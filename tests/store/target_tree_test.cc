#include "jetway/store/target_tree.h"

#include <array>
#include <filesystem>
#include <set>
#include <stdexcept>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/store/privileges.h"
#include "tests/store/temp_dir.h"

namespace jetway::store {
namespace {

class TargetTreeTest : public testing::Test {
 protected:
  TargetTree open(const TargetConfig& config = {}) {
    auto tree = TargetTree::open(dir_.path(), config);
    if (!tree) throw std::runtime_error(describe(tree.error()));
    return std::move(*tree);
  }
  TempDir dir_;
};

StoreResult<Committed> put(TargetTree& tree, std::string_view path, std::string_view content = "x") {
  return tree.write_small_file(path, as_bytes(content), {}, CollisionPolicy::Rename);
}

TEST_F(TargetTreeTest, AFolderThatIsNotThereIsAnErrorUnlessItMayBeCreated) {
  EXPECT_EQ(code_of(TargetTree::open(dir_ / "new")), StoreErrc::NotFound);
  EXPECT_STORED(TargetTree::open(dir_ / "new", {.create = true}));
  EXPECT_STORED(TargetTree::open(dir_ / "new", {.create = true}));
  EXPECT_TRUE(dir_.has("new"));
  EXPECT_EQ(code_of(TargetTree::open(dir_ / "no/parent", {.create = true})), StoreErrc::NotFound);
}

TEST_F(TargetTreeTest, AFileIsNoFolder) {
  dir_.write("file", "");
  EXPECT_EQ(code_of(TargetTree::open(dir_ / "file")), StoreErrc::NotADirectory);
}

TEST_F(TargetTreeTest, TheFolderItselfMayBeALink) {
  dir_.make_directory("real");
  dir_.make_link("link", "real");
  auto tree = TargetTree::open(dir_ / "link");
  ASSERT_STORED(tree);
  EXPECT_STORED(put(*tree, "file"));
  EXPECT_TRUE(dir_.has("real/file"));
}

TEST_F(TargetTreeTest, DirectoriesAreMadeFilledAndFinished) {
  auto tree = open();
  EXPECT_TRUE(*tree.make_directory("a"));
  EXPECT_TRUE(*tree.make_directory("a/b"));
  EXPECT_FALSE(*tree.make_directory("a/b"));
  ASSERT_STORED(put(tree, "a/b/file"));
  constexpr FileMetadata kReadOnly{.mode = 0555, .modified_ns = 5'000'000'001};
  ASSERT_STORED(tree.finish_directory("a/b", kReadOnly));
  ASSERT_STORED(tree.finish_directory("a", kReadOnly));
  for (const char* const path : {"a", "a/b"}) {
    const auto entry = tree.lookup(path);
    ASSERT_STORED(entry);
    EXPECT_EQ((*entry)->type, EntryType::Directory);
    EXPECT_EQ((*entry)->mode, 0555u);
    EXPECT_EQ((*entry)->version.modified_ns, 5'000'000'001);
  }
}

TEST_F(TargetTreeTest, ADirectoryDoesNotTakeThePlaceOfAnythingElse) {
  dir_.write("file", "");
  dir_.make_link("link", ".");
  auto tree = open();
  EXPECT_EQ(code_of(tree.make_directory("file")), StoreErrc::Exists);
  EXPECT_EQ(code_of(tree.make_directory("link")), StoreErrc::Exists);
  EXPECT_EQ(code_of(tree.make_directory("file/sub")), StoreErrc::NotADirectory);
  EXPECT_EQ(code_of(tree.make_directory("no/sub")), StoreErrc::NotFound);
}

// A server keeps its folder open for days; its user tidies up meanwhile.
TEST_F(TargetTreeTest, ADirectoryThatWasRemovedAndMadeAgainIsUsed) {
  auto tree = open();
  ASSERT_STORED(tree.make_directory("a"));
  ASSERT_STORED(tree.make_directory("a/b"));
  ASSERT_STORED(put(tree, "a/b/file"));
  std::filesystem::remove_all(dir_ / "a");
  EXPECT_EQ(code_of(put(tree, "a/b/file")), StoreErrc::NotFound);
  EXPECT_TRUE(*tree.make_directory("a"));
  EXPECT_TRUE(*tree.make_directory("a/b"));
  ASSERT_STORED(put(tree, "a/b/file"));
  EXPECT_TRUE(dir_.has("a/b/file"));
}

TEST_F(TargetTreeTest, TheCacheOfDirectoriesIsBounded) {
  auto tree = open({.cached_directories = 2});
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20; ++i) {
      const std::string directory = "d" + std::to_string(i);
      ASSERT_STORED(tree.make_directory(directory));
      ASSERT_STORED(put(tree, directory + "/f"));
    }
  }
  std::size_t descriptors = 0;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
    std::error_code ignored;
    const auto target = std::filesystem::read_symlink(entry.path(), ignored);
    if (target.string().starts_with(dir_.path())) ++descriptors;
  }
  EXPECT_LE(descriptors, 3u);
}

TEST_F(TargetTreeTest, LookupSaysWhatIsThere) {
  dir_.write("file", "12345");
  dir_.make_link("link", "somewhere");
  auto tree = open();
  EXPECT_FALSE(tree.lookup("nothing")->has_value());
  EXPECT_FALSE(tree.lookup("no/thing")->has_value());
  EXPECT_EQ(tree.lookup("file")->value().version.size, 5u);
  EXPECT_EQ(tree.lookup("link")->value().link_target, "somewhere");
  EXPECT_EQ(code_of(tree.lookup("file/x")), StoreErrc::NotADirectory);
  EXPECT_EQ(code_of(tree.lookup("link/x")), StoreErrc::NotADirectory);
}

TEST_F(TargetTreeTest, OnlyPlainFilesAreOpenedForReading) {
  dir_.write("file", "content");
  dir_.make_link("link", "file");
  dir_.make_directory("directory");
  ASSERT_EQ(::mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  auto tree = open();
  auto file = tree.open_existing("file");
  ASSERT_STORED(file);
  std::array<std::byte, 20> space{};
  EXPECT_EQ(*file->read_at(3, space), 4u);
  EXPECT_EQ(file->version()->size, 7u);
  EXPECT_EQ(code_of(tree.open_existing("nothing")), StoreErrc::NotFound);
  EXPECT_EQ(code_of(tree.open_existing("link")), StoreErrc::UnsafePath);
  EXPECT_EQ(code_of(tree.open_existing("directory")), StoreErrc::IsADirectory);
  EXPECT_EQ(code_of(tree.open_existing("pipe")), StoreErrc::Unsupported);
}

TEST_F(TargetTreeTest, SpaceAndSync) {
  auto tree = open();
  const auto space = tree.free_space();
  ASSERT_STORED(space);
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->available_bytes, space->total_bytes);
  EXPECT_GT(space->available_files, 0u);
  ASSERT_STORED(tree.make_directory("d"));
  EXPECT_STORED(tree.sync_directory(""));
  EXPECT_STORED(tree.sync_directory("d"));
  EXPECT_EQ(code_of(tree.sync_directory("no")), StoreErrc::NotFound);
  EXPECT_STORED(tree.sync_batch());
}

TEST_F(TargetTreeTest, RunningOutOfDescriptorsHasACodeOfItsOwn) {
  auto tree = open();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = ::dup(0);
  ::close(next);
  const rlimit none{.rlim_cur = static_cast<rlim_t>(next), .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto result = put(tree, "file");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(code_of(result), StoreErrc::TooManyFiles);
  EXPECT_STORED(put(tree, "file"));
}

// ---- permissions ----

TEST_F(TargetTreeTest, AFolderThatMayNotBeWrittenIsNoticedAtOnce) {
  ::chmod(dir_.path().c_str(), 0555);
  const OrdinaryUser user;
  EXPECT_EQ(code_of(TargetTree::open(dir_.path())), StoreErrc::PermissionDenied);
}

TEST_F(TargetTreeTest, AnOrdinaryUserWritesAndResumes) {
  const OrdinaryUser user;
  auto tree = open();
  ASSERT_STORED(tree.make_directory("d"));
  ASSERT_STORED(put(tree, "d/file"));
  std::string temp_path;
  {
    const auto begun = tree.create_partial("d/large", 5);
    ASSERT_STORED(begun);
    temp_path = begun->temp_path();
  }
  auto partial = tree.reopen_partial(temp_path, 5);
  ASSERT_STORED(partial);
  ASSERT_STORED(tree.commit(std::move(*partial), "d/large", {}, CollisionPolicy::Rename));
  ASSERT_STORED(tree.finish_directory("d", {.mode = 0555}));
  EXPECT_EQ(code_of(put(tree, "d/more")), StoreErrc::PermissionDenied);
  EXPECT_EQ(dir_.names("d"), (std::set<std::string>{"file", "large"}));
}

// ---- other file systems ----

TEST_F(TargetTreeTest, AFullDiskIsNoticedEarlyAndLeavesNothingBehind) {
  const SmallDisk disk{dir_.path()};
  if (!disk.problem().empty()) GTEST_SKIP() << disk.problem();
  auto tree = open();
  const std::string large(2 << 20, 'x');
  for (const bool has_fallbacks : {false, true}) {
    EXPECT_EQ(code_of(tree.create_partial("large", large.size())), StoreErrc::NoSpace);
    EXPECT_EQ(code_of(put(tree, "large", large)), StoreErrc::NoSpace);
    EXPECT_TRUE(dir_.names().empty()) << has_fallbacks;
    tree.use_fallbacks();
  }
  auto partial = tree.create_partial("grows", 0);
  ASSERT_STORED(partial);
  const auto written = partial->write_at(0, as_bytes(large));
  EXPECT_EQ(code_of(written), StoreErrc::NoSpace);
  EXPECT_TRUE(describe(written.error()).contains("make room")) << describe(written.error());
  ASSERT_STORED(partial->truncate(0));
  EXPECT_STORED(put(tree, "small"));
}

TEST_F(TargetTreeTest, AReadOnlyFileSystemIsNoticedAtOnce) {
  const SmallDisk disk{dir_.path(), "size=1m", MS_RDONLY};
  if (!disk.problem().empty()) GTEST_SKIP() << disk.problem();
  EXPECT_EQ(code_of(TargetTree::open(dir_.path())), StoreErrc::ReadOnly);
}

TEST_F(TargetTreeTest, AFileSystemMountedInsideIsWrittenAndSynced) {
  dir_.make_directory("other");
  const SmallDisk disk{dir_ / "other"};
  if (!disk.problem().empty()) GTEST_SKIP() << disk.problem();
  auto tree = open();
  ASSERT_STORED(put(tree, "other/small"));
  auto partial = tree.create_partial("other/large", 1);
  ASSERT_STORED(partial);
  ASSERT_STORED(partial->write_at(0, as_bytes("x")));
  EXPECT_STORED(tree.commit(std::move(*partial), "other/large", {}, CollisionPolicy::Rename));
  EXPECT_EQ(dir_.names("other"), (std::set<std::string>{"large", "small"}));
}

}  // namespace
}  // namespace jetway::store
