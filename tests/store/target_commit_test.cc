#include <thread>
#include <tuple>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "jetway/store/file_names.h"
#include "jetway/store/path.h"
#include "jetway/store/target_tree.h"
#include "tests/store/temp_dir.h"

namespace jetway::store {
namespace {

constexpr FileMetadata kMetadata{.mode = 0640, .modified_ns = 1'234'567'890'123'456'789};
constexpr std::int64_t kLinkTime = 1'034'567'890'123'456'789;

// Every test of final names runs on the kernel as it is and as it would be without the newer calls, for files
// that are written at once and for those that grow.
enum class Way { Small, Partial };
class TargetCommitTest : public testing::TestWithParam<std::tuple<Way, bool>> {
 protected:
  void SetUp() override {
    auto opened = TargetTree::open(dir_.path(), config_);
    ASSERT_STORED(opened);
    tree_.emplace(std::move(*opened));
    if (std::get<bool>(GetParam())) tree_->use_fallbacks();
  }

  StoreResult<Committed> put(std::string_view path, std::string_view content, CollisionPolicy policy) {
    if (std::get<Way>(GetParam()) == Way::Small) {
      return tree_->write_small_file(path, as_bytes(content), kMetadata, policy);
    }
    auto partial = tree_->create_partial(path, content.size());
    if (!partial) return std::unexpected(partial.error());
    if (auto done = partial->write_at(0, as_bytes(content)); !done) return std::unexpected(done.error());
    return tree_->commit(std::move(*partial), path, kMetadata, policy);
  }

  TempDir dir_;
  TargetConfig config_;
  std::optional<TargetTree> tree_;
};

INSTANTIATE_TEST_SUITE_P(Ways, TargetCommitTest,
                         testing::Combine(testing::Values(Way::Small, Way::Partial), testing::Bool()),
                         [](const auto& tested) {
                           return std::string{std::get<Way>(tested.param) == Way::Small ? "Small"
                                                                                        : "Partial"} +
                                  (std::get<bool>(tested.param) ? "Fallback" : "");
                         });

TEST_P(TargetCommitTest, AFileAppearsWholeWithModeAndTime) {
  const auto committed = put("name.txt", "content", CollisionPolicy::Rename);
  ASSERT_STORED(committed);
  EXPECT_EQ(committed->outcome, CommitOutcome::Created);
  EXPECT_EQ(committed->path, "name.txt");
  EXPECT_EQ(dir_.read("name.txt"), "content");
  const auto entry = tree_->lookup("name.txt");
  ASSERT_STORED(entry);
  ASSERT_TRUE(entry->has_value());
  EXPECT_EQ((*entry)->type, EntryType::File);
  EXPECT_EQ((*entry)->mode, 0640u);
  EXPECT_EQ((*entry)->version.modified_ns, kMetadata.modified_ns);
  EXPECT_EQ(dir_.names(), std::set<std::string>{"name.txt"});
}

TEST_P(TargetCommitTest, AnEmptyFileIsAFile) {
  ASSERT_STORED(put("empty", "", CollisionPolicy::Rename));
  EXPECT_TRUE(dir_.has("empty"));
  EXPECT_EQ(dir_.read("empty"), "");
}

TEST_P(TargetCommitTest, RenameCountsUpwardsBeforeTheExtension) {
  dir_.write("photo.jpg", "first");
  EXPECT_EQ(put("photo.jpg", "second", CollisionPolicy::Rename)->path, "photo (1).jpg");
  const auto third = put("photo.jpg", "third", CollisionPolicy::Rename);
  ASSERT_STORED(third);
  EXPECT_EQ(third->outcome, CommitOutcome::Renamed);
  EXPECT_EQ(third->path, "photo (2).jpg");
  EXPECT_EQ(dir_.read("photo.jpg"), "first");
  EXPECT_EQ(dir_.read("photo (1).jpg"), "second");
  EXPECT_EQ(dir_.read("photo (2).jpg"), "third");
  EXPECT_EQ(dir_.names().size(), 3u);
}

TEST_P(TargetCommitTest, OverwriteReplacesAFile) {
  dir_.write("name", "first");
  const auto committed = put("name", "second", CollisionPolicy::Overwrite);
  ASSERT_STORED(committed);
  EXPECT_EQ(committed->outcome, CommitOutcome::Overwritten);
  EXPECT_EQ(dir_.read("name"), "second");
  EXPECT_EQ(dir_.names(), std::set<std::string>{"name"});
}

TEST_P(TargetCommitTest, OverwriteReplacesALinkAndNotWhatItPointsTo) {
  dir_.write("precious", "kept");
  dir_.make_link("name", "precious");
  ASSERT_STORED(put("name", "new", CollisionPolicy::Overwrite));
  EXPECT_EQ(dir_.read("precious"), "kept");
  EXPECT_EQ(dir_.read("name"), "new");
  EXPECT_EQ(tree_->lookup("name")->value().type, EntryType::File);
}

TEST_P(TargetCommitTest, OverwriteNeverReplacesADirectoryOrAPipe) {
  dir_.make_directory("directory");
  ASSERT_EQ(::mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  for (const char* const name : {"directory", "pipe"}) {
    EXPECT_EQ(code_of(put(name, "new", CollisionPolicy::Overwrite)), StoreErrc::Exists) << name;
  }
  EXPECT_EQ(tree_->lookup("directory")->value().type, EntryType::Directory);
  EXPECT_EQ(tree_->lookup("pipe")->value().type, EntryType::Other);
}

TEST_P(TargetCommitTest, SkipLeavesWhatIsThereAndNothingElse) {
  dir_.write("name", "first");
  const auto committed = put("name", "second", CollisionPolicy::Skip);
  ASSERT_STORED(committed);
  EXPECT_EQ(committed->outcome, CommitOutcome::Skipped);
  EXPECT_EQ(committed->path, "name");
  EXPECT_EQ(dir_.read("name"), "first");
  EXPECT_EQ(dir_.names(), std::set<std::string>{"name"});
}

TEST_P(TargetCommitTest, ALinkThatLeadsNowhereIsACollisionToo) {
  dir_.make_link("name", "nowhere");
  EXPECT_EQ(put("name", "x", CollisionPolicy::Rename)->path, "name (1)");
  EXPECT_FALSE(dir_.has("nowhere"));
}

TEST_P(TargetCommitTest, TheLongestNameIsWrittenAndRenamedWithinItsLimit) {
  const std::string name = std::string(kMaxNameBytes - 4, 'n') + ".txt";
  ASSERT_STORED(put(name, "first", CollisionPolicy::Rename));
  const auto second = put(name, "second", CollisionPolicy::Rename);
  ASSERT_STORED(second);
  EXPECT_EQ(second->path.size(), kMaxNameBytes);
  EXPECT_TRUE(second->path.ends_with("n (1).txt"));
  EXPECT_EQ(dir_.read(second->path), "second");
}

TEST_P(TargetCommitTest, NamesAreBytes) {
  for (const std::string_view name :
       {"\xff\xfe", "new\nline", "-rf", "\x1b[31m", "caf\xc3\xa9", " ", "~", "a\\b"}) {
    ASSERT_STORED(put(name, name, CollisionPolicy::Rename));
    EXPECT_EQ(dir_.read(name), name);
  }
}

// Goal: two files that get the same name at the same time are both kept.
// Method: threads write files of one name; none may be lost, none overwritten.
TEST_P(TargetCommitTest, RacingFilesOfOneNameAllSurvive) {
  constexpr int kThreads = 4;
  constexpr int kFiles = 25;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([this, thread] {
      for (int file = 0; file < kFiles; ++file) {
        EXPECT_STORED(put("same", std::to_string(thread * kFiles + file), CollisionPolicy::Rename));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<std::string> contents;
  for (const auto& name : dir_.names()) contents.insert(dir_.read(name));
  EXPECT_EQ(contents.size(), std::size_t{kThreads * kFiles});
}

TEST_P(TargetCommitTest, WhenNoNumberIsLeftNothingIsWritten) {
  TargetConfig config;
  config.rename_attempts = 1;
  auto opened = TargetTree::open(dir_.path(), config);
  ASSERT_STORED(opened);
  tree_.emplace(std::move(*opened));
  dir_.write("a", "");
  dir_.write("a (1)", "");
  EXPECT_EQ(code_of(put("a", "x", CollisionPolicy::Rename)), StoreErrc::Exists);
  EXPECT_FALSE(dir_.has("a (2)"));
}

TEST_P(TargetCommitTest, SpecialModeBitsAreNotTaken) {
  ASSERT_STORED(tree_->write_small_file("s", as_bytes("x"), {.mode = 07777}, CollisionPolicy::Rename));
  EXPECT_EQ(tree_->lookup("s")->value().mode, 0777u);
  ASSERT_STORED(tree_->make_directory("d"));
  ASSERT_STORED(tree_->finish_directory("d", {.mode = 07755}));
  EXPECT_EQ(tree_->lookup("d")->value().mode, 0755u);
}

TEST_P(TargetCommitTest, EverySyncPolicyWritesTheSame) {
  for (const SyncPolicy policy : {SyncPolicy::Auto, SyncPolicy::Always, SyncPolicy::Never}) {
    TargetConfig config{.sync = policy, .large_file_bytes = 4};
    auto opened = TargetTree::open(dir_.path(), config);
    ASSERT_STORED(opened);
    tree_.emplace(std::move(*opened));
    const std::string name = "f" + std::to_string(static_cast<int>(policy));
    ASSERT_STORED(put(name, "longer than four", CollisionPolicy::Rename));
    ASSERT_STORED(put(name + "s", "x", CollisionPolicy::Rename));
    ASSERT_STORED(tree_->sync_batch());
    EXPECT_EQ(dir_.read(name), "longer than four");
    EXPECT_EQ(dir_.read(name + "s"), "x");
  }
}

// ---- links ----

class TargetLinkTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = TargetTree::open(dir_.path());
    ASSERT_STORED(opened);
    tree_.emplace(std::move(*opened));
  }
  TempDir dir_;
  std::optional<TargetTree> tree_;
};

TEST_F(TargetLinkTest, ALinkIsMadeAndReadBack) {
  const auto made = tree_->make_symlink("link", "some/where", kLinkTime, CollisionPolicy::Rename);
  ASSERT_STORED(made);
  EXPECT_EQ(made->outcome, CommitOutcome::Created);
  const auto entry = tree_->lookup("link");
  EXPECT_EQ(entry->value().type, EntryType::Symlink);
  EXPECT_EQ(entry->value().link_target, "some/where");
}

TEST_F(TargetLinkTest, TheSameLinkIsLeftAlone) {
  ASSERT_STORED(tree_->make_symlink("link", "x", kLinkTime, CollisionPolicy::Rename));
  EXPECT_EQ(tree_->make_symlink("link", "x", kLinkTime, CollisionPolicy::Rename)->outcome,
            CommitOutcome::Skipped);
  EXPECT_EQ(dir_.names().size(), 1u);
}

// Method: a link of each way to get its name, and one that is left alone because another policy says so.
TEST_F(TargetLinkTest, ALinkHasTheTimeItWasSentWith) {
  const auto time_of = [&](std::string_view name) {
    return tree_->lookup(name)->value().version.modified_ns;
  };
  dir_.write("target", "");
  const std::int64_t target_time = time_of("target");
  ASSERT_STORED(tree_->make_symlink("link", "target", kLinkTime, CollisionPolicy::Rename));
  EXPECT_EQ(time_of("link"), kLinkTime);
  ASSERT_STORED(tree_->make_symlink("link", "target", -1, CollisionPolicy::Rename));
  EXPECT_EQ(time_of("link"), -1) << "the same link again";
  ASSERT_STORED(tree_->make_symlink("link", "x", kLinkTime, CollisionPolicy::Skip));
  EXPECT_EQ(time_of("link"), -1) << "another link that stays";
  ASSERT_STORED(tree_->make_symlink("link", "y", kLinkTime, CollisionPolicy::Rename));
  EXPECT_EQ(time_of("link (1)"), kLinkTime);
  ASSERT_STORED(tree_->make_symlink("link", "z", kLinkTime, CollisionPolicy::Overwrite));
  EXPECT_EQ(time_of("link"), kLinkTime);
  EXPECT_EQ(time_of("target"), target_time) << "what a link points to";
}

TEST_F(TargetLinkTest, AnotherLinkFollowsThePolicy) {
  ASSERT_STORED(tree_->make_symlink("link", "x", kLinkTime, CollisionPolicy::Rename));
  EXPECT_EQ(tree_->make_symlink("link", "y", kLinkTime, CollisionPolicy::Skip)->outcome,
            CommitOutcome::Skipped);
  EXPECT_EQ(tree_->make_symlink("link", "y", kLinkTime, CollisionPolicy::Rename)->path, "link (1)");
  EXPECT_EQ(tree_->make_symlink("link", "z", kLinkTime, CollisionPolicy::Overwrite)->outcome,
            CommitOutcome::Overwritten);
  EXPECT_EQ(tree_->lookup("link")->value().link_target, "z");
  EXPECT_EQ(dir_.names(), (std::set<std::string>{"link", "link (1)"}));
}

TEST_F(TargetLinkTest, ALinkThatLeavesTheFolderIsRefused) {
  for (const char* const target : {"/etc/passwd", "..", "../x", "a/../../x", ""}) {
    EXPECT_EQ(code_of(tree_->make_symlink("link", target, kLinkTime, CollisionPolicy::Rename)),
              StoreErrc::UnsafePath)
        << target;
  }
  EXPECT_TRUE(dir_.names().empty());
}

TEST_F(TargetLinkTest, TheReceiversOwnUserMayAllowIt) {
  auto opened = TargetTree::open(dir_.path(), {.allow_outside_links = true});
  ASSERT_STORED(opened);
  EXPECT_STORED(opened->make_symlink("link", "/etc/passwd", kLinkTime, CollisionPolicy::Rename));
}

// ---- names ----

TEST(FileNamesTest, PartialNamesAreRecognisedAndNothingElse) {
  EXPECT_EQ(partial_name("name.txt", 0xabc), ".jetway-0000000000000abc-name.txt.part");
  EXPECT_TRUE(is_partial_name(partial_name("", 0)));
  EXPECT_TRUE(is_partial_name(partial_name(std::string(300, 'x'), ~std::uint64_t{0})));
  for (const char* const other :
       {"", ".part", ".jetway-.part", ".jetway-0000000000000abC-x.part", ".jetway-0000000000000abc.part",
        "x.jetway-0000000000000abc-x.part", ".jetway-0000000000000abc-x.par"}) {
    EXPECT_FALSE(is_partial_name(other)) << other;
  }
}

TEST(FileNamesTest, LongNamesAreCutBetweenCharacters) {
  std::string accents;
  for (int i = 0; i < 50; ++i) accents += "\xc3\xa9";
  const std::string name = partial_name("x" + accents, 1);
  EXPECT_TRUE(name.ends_with("\xc3\xa9.part"));
  EXPECT_LE(name.size(), 100u);
  // Bytes that are no characters are cut anywhere.
  EXPECT_LE(partial_name(std::string(300, '\x80'), 1).size(), 100u);
}

TEST(FileNamesTest, NumbersGoBeforeTheExtension) {
  EXPECT_EQ(numbered_name("a.tar.gz", 1), "a.tar (1).gz");
  EXPECT_EQ(numbered_name(".profile", 12), ".profile (12)");
  EXPECT_EQ(numbered_name("README", 1), "README (1)");
  EXPECT_EQ(numbered_name("ends.", 1), "ends (1).");
  const std::string strange = "a." + std::string(kMaxNameBytes - 2, 'x');
  EXPECT_EQ(numbered_name(strange, 1).size(), kMaxNameBytes);
}

}  // namespace
}  // namespace jetway::store
