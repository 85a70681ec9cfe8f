#include <filesystem>

#include <sys/stat.h>

#include "tests/node/transfer_pair.h"

namespace jetway::node::test {
namespace {

namespace fs = std::filesystem;

class TransferTreeTest : public TransferPair, public testing::WithParamInterface<transport::HostProtocol> {
 protected:
  TransferTreeTest() : TransferPair(GetParam()) {}

  void make_tree() const {
    source.make_directory("tree/sub/deep");
    source.make_directory("tree/empty");
    source.write("tree/big", random_bytes(5'300'000, 1));
    source.write("tree/chunk", random_bytes(1 << 20, 2));
    source.write("tree/sub/zero", "");
    source.write("tree/sub/deep/\xff\x01 odd\n", "odd name");
    for (std::size_t i = 0; i < 300; ++i)
      source.write("tree/sub/f" + std::to_string(i), random_bytes(100 + i * 37, i));
    source.make_link("tree/link", "sub/f1");
    source.make_link("tree/sub/up", "../big");
    source.make_link("tree/dangling", "nowhere");
    ::chmod((source / "tree/sub/f1").c_str(), 0751);
    ::chmod((source / "tree/sub/f2").c_str(), 0400);
    fs::last_write_time(source / "tree/sub/f3", fs::file_time_type{} - std::chrono::nanoseconds{123'456'789});
    fs::last_write_time(source / "tree/sub/deep", fs::file_time_type{} - std::chrono::hours{5});
    ::chmod((source / "tree/empty").c_str(), 0555);
  }
};

INSTANTIATE_TEST_SUITE_P(Protocols, TransferTreeTest,
                         testing::Values(transport::HostProtocol::Tcp, transport::HostProtocol::Jsp),
                         protocol_name);

TEST_P(TransferTreeTest, ATreeArrivesWithContentModesTimesLinksAndEmptyFolders) {
  make_tree();
  const auto result = send({"tree"});
  ASSERT_TRUE(result) << result.error().reason;
  expect_same_trees(source / "tree", target / "tree");
  EXPECT_EQ(result->files, 304u);
  EXPECT_EQ(result->directories, 4u);
  EXPECT_EQ(result->links, 3u);
  EXPECT_EQ(result->bytes_moved, result->bytes_total);
  EXPECT_EQ(result->bytes_already_there, 0u);
  EXPECT_EQ(result->left_out, 0u);
  ASSERT_EQ(receiving.completed.size(), 1u);
  EXPECT_EQ(receiving.completed[0].root, result->root);
  EXPECT_EQ(receiving.completed[0].bytes_moved, result->bytes_total);
  EXPECT_EQ(receiving.done.size(), 304u);
  EXPECT_EQ(sending.done.size(), 304u);
  EXPECT_TRUE(partials().empty());
  ASSERT_EQ(receiving.offers.size(), 1u);
  EXPECT_EQ(receiving.offers[0].names, std::vector<std::string>{"tree"});
  EXPECT_EQ(receiving.offers[0].files, 304u);
}

TEST_P(TransferTreeTest, ASecondSendMovesNothingAndHasTheSameRoot) {
  make_tree();
  const auto first = send({"tree"});
  ASSERT_TRUE(first) << first.error().reason;
  const auto second = send({"tree"});
  ASSERT_TRUE(second) << second.error().reason;
  EXPECT_EQ(second->bytes_moved, 0u);
  EXPECT_EQ(second->bytes_already_there, second->bytes_total);
  EXPECT_EQ(second->renamed_count, 0u);
  EXPECT_EQ(second->root, first->root);
  expect_same_trees(source / "tree", target / "tree");
}

TEST_P(TransferTreeTest, ASecondSendRestoresChangedMetadata) {
  make_tree();
  ASSERT_TRUE(send({"tree"}));
  ::chmod((target / "tree/sub/f1").c_str(), 0600);
  fs::last_write_time(target / "tree/big", fs::file_time_type::clock::now());
  ASSERT_TRUE(send({"tree"}));
  expect_same_trees(source / "tree", target / "tree");
}

TEST_P(TransferTreeTest, SeveralPathsArriveUnderTheirLastNamesInAnyOrder) {
  source.make_directory("z/a");
  source.write("z/a/file", "1");
  source.write("b", "2");
  source.make_link("link", "b");
  const auto result = send({"z/a", "link", "b", "b"});
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_EQ(target.names(), (std::set<std::string>{"a", "b", "link"}));
  EXPECT_EQ(target.read("a/file"), "1");
}

TEST_P(TransferTreeTest, PathsWithTheSameLastNameAreRefusedWithBothNamed) {
  source.make_directory("x");
  source.make_directory("y");
  source.write("x/same", "1");
  source.write("y/same", "2");
  const auto result = send({"x/same", "y/same"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, FailureCode::BadName);
  EXPECT_NE(result.error().reason.find("x/same"), std::string::npos) << result.error().reason;
  EXPECT_NE(result.error().reason.find("y/same"), std::string::npos) << result.error().reason;
}

TEST_P(TransferTreeTest, AnEmptyFolderAndAnEmptyFileAreWholeTransfers) {
  source.make_directory("empty");
  source.write("zero", "");
  const auto result = send({"empty", "zero"});
  ASSERT_TRUE(result) << result.error().reason;
  expect_same_trees(source.path(), target.path());
}

TEST_P(TransferTreeTest, ManyFilesAndFoldersArrive) {
  for (std::size_t d = 0; d < 40; ++d) {
    const std::string folder = "many/d" + std::to_string(d);
    source.make_directory(folder);
    for (std::size_t f = 0; f < 50; ++f)
      source.write(folder + "/" + std::to_string(f), random_bytes(d * f, f));
  }
  const auto result = send({"many"});
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_EQ(result->files, 2000u);
  expect_same_trees(source.path(), target.path());
}

TEST_P(TransferTreeTest, FewBuffersAndOneStreamAreEnough) {
  make_tree();
  options.tuning.chunk_buffers = 1;
  SendRequest request;
  request.paths = {source / "tree"};
  request.tuning = {.chunk_buffers = 1, .data_streams = 1};
  const auto result = send(std::move(request));
  ASSERT_TRUE(result) << result.error().reason;
  expect_same_trees(source / "tree", target / "tree");
}

TEST_P(TransferTreeTest, EveryFsyncPolicyArrivesTheSame) {
  make_tree();
  for (const FsyncPolicy policy : {FsyncPolicy::Auto, FsyncPolicy::Always, FsyncPolicy::Never}) {
    options.fsync = policy;
    restart_receiver();
    fs::remove_all(target / "tree");
    const auto result = send({"tree"});
    ASSERT_TRUE(result) << result.error().reason;
    expect_same_trees(source / "tree", target / "tree");
  }
}

}  // namespace
}  // namespace jetway::node::test
