#include <filesystem>

#include "tests/node/transfer_pair.h"

namespace jetway::node::test {
namespace {

class TransferCollisionTest : public TransferPair {
 protected:
  TransferCollisionTest() {
    source.make_directory("t");
    source.write("t/small", "new");
    source.write("t/big", random_bytes(3'500'000, 7));
    source.write("t/zero", "");
    source.make_link("t/link", "small");
    target.make_directory("t");
    target.write("t/small", "old");
    target.write("t/big", old_big());
    target.write("t/zero", "not empty");
    target.make_link("t/link", "big");
  }
  // The same but for its second chunk, and longer.
  static std::string old_big() {
    std::string old = random_bytes(3'500'000, 7) + "more";
    old[1'500'000] = static_cast<char>(~old[1'500'000]);
    return old;
  }
};

TEST_F(TransferCollisionTest, ByDefaultOtherFilesAreLeftAndNewOnesRenamed) {
  const auto result = send({"t"});
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_EQ(target.names("t"), (std::set<std::string>{"small", "small (1)", "big", "big (1)", "zero",
                                                      "zero (1)", "link", "link (1)"}));
  EXPECT_EQ(target.read("t/small"), "old");
  EXPECT_EQ(target.read("t/small (1)"), "new");
  EXPECT_TRUE(target.read("t/big") == old_big());
  EXPECT_TRUE(target.read("t/big (1)") == source.read("t/big"));
  EXPECT_EQ(result->renamed_count, 4u);
  EXPECT_EQ(result->renamed.size(), 4u);
  EXPECT_EQ(receiving.completed[0].renamed_count, 4u);
  EXPECT_EQ(receiving.renamed.size(), 4u);
  EXPECT_TRUE(partials().empty());
}

TEST_F(TransferCollisionTest, ChunksOfAnOtherVersionAreNotMovedAgain) {
  const auto result = send({"t"});
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_EQ(result->bytes_already_there,
            2u << 20);  // the first and the third chunk; the last is longer there
  EXPECT_EQ(result->bytes_moved, result->bytes_total - (2u << 20));
}

TEST_F(TransferCollisionTest, OverwriteReplaces) {
  options.on_collision = OnCollision::Overwrite;
  const auto result = send({"t"});
  ASSERT_TRUE(result) << result.error().reason;
  expect_same_trees(source / "t", target / "t");
  EXPECT_EQ(result->renamed_count, 0u);
}

TEST_F(TransferCollisionTest, SkipLeavesWhatIsThereAndMovesNothing) {
  options.on_collision = OnCollision::Skip;
  const auto result = send({"t"});
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_EQ(target.read("t/small"), "old");
  EXPECT_TRUE(target.read("t/big") == old_big());
  EXPECT_EQ(target.read("t/zero"), "not empty");
  EXPECT_EQ(result->files_skipped, 3u);
  EXPECT_EQ(result->bytes_moved, 0u);
  EXPECT_EQ(result->bytes_skipped, result->bytes_total);
  EXPECT_EQ(receiving.completed[0].files_skipped, 3u);
}

TEST_F(TransferCollisionTest, AFileInTheWayOfAFolderFailsAndIsNamed) {
  std::filesystem::remove_all(target / "t");
  target.write("t", "a file");
  const auto result = send({"t"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, FailureCode::Io);
  EXPECT_TRUE(result.error().by_peer);
  EXPECT_EQ(target.read("t"), "a file");
}

TEST_F(TransferCollisionTest, ALinkInTheWayOfAFolderIsNotFollowed) {
  const TempDir outside;
  std::filesystem::remove_all(target / "t");
  target.make_link("t", outside.path());
  const auto result = send({"t"});
  EXPECT_FALSE(result);
  EXPECT_TRUE(outside.names().empty());
}

}  // namespace
}  // namespace jetway::node::test
