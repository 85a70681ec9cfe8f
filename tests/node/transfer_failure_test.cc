#include <filesystem>

#include <sys/stat.h>

#include "jetway/store/path.h"
#include "jetway/transfer/safe_path.h"
#include "tests/node/transfer_pair.h"

namespace jetway::node::test {
namespace {

namespace fs = std::filesystem;

class TransferFailureTest : public TransferPair {};

TEST_F(TransferFailureTest, AMissingSourceIsALocalFailureAndNamed) {
  const auto result = send({"missing"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, FailureCode::Io);
  EXPECT_EQ(exit_code(result.error()), 6);
  EXPECT_NE(result.error().reason.find("missing"), std::string::npos) << result.error().reason;
  ASSERT_EQ(sending.failed.size(), 1u);
}

TEST_F(TransferFailureTest, ADeviceIsRefused) {
  const auto result = send(SendRequest{.paths = {"/dev/null"}, .tuning = {}, .stop = {}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, FailureCode::BadName);
}

TEST_F(TransferFailureTest, DevicesWithinATreeAreLeftOutWithAWarning) {
  source.make_directory("t");
  source.write("t/file", "x");
  ASSERT_EQ(::mkfifo((source / "t/pipe").c_str(), 0600), 0);
  const auto result = send({"t"});
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_EQ(result->left_out, 1u);
  ASSERT_EQ(sending.warnings.size(), 1u);
  EXPECT_NE(sending.warnings[0].find("pipe"), std::string::npos);
  EXPECT_EQ(target.names("t"), std::set<std::string>{"file"});
}

// Goal: nothing that a scan passes on ends the transfer, and nothing is left out that would have been taken.
// Method: all targets of up to five parts, at three depths.
TEST(OutsideLinkRuleTest, AScanLeavesOutWhatATransferRefusesAndNothingElse) {
  constexpr std::string_view kParts[] = {"", ".", "..", "name"};
  constexpr unsigned kTargets = 4 * 4 * 4 * 4 * 4;
  for (const std::string_view path : {"link", "d/link", "d/d/link"}) {
    for (unsigned number = 0; number < kTargets; ++number) {
      std::string target{kParts[number % 4]};
      for (unsigned rest = number / 4; rest > 0; rest /= 4) target.append("/").append(kParts[rest % 4]);
      EXPECT_EQ(store::link_stays_inside(path, target), transfer::check_link(path, target).has_value())
          << path << " -> " << target;
    }
  }
}

class OutsideLinkTest : public TransferFailureTest {
 protected:
  OutsideLinkTest() {
    source.make_directory("t");
    source.write("t/file", "x");
    source.make_link("t/inside", "file");
    source.make_link("t/outside", "../../etc");
  }
  SendResult send_with(OutsideLinks outside_links) {
    SendRequest request;
    request.paths = {source / "t"};
    request.outside_links = outside_links;
    return send(std::move(request));
  }
};

TEST_F(OutsideLinkTest, ItIsLeftOutWithAWarning) {
  const auto result = send_with(OutsideLinks::Warn);
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_EQ(result->left_out, 1u);
  EXPECT_EQ(result->links, 1u);
  ASSERT_EQ(sending.warnings.size(), 1u);
  EXPECT_TRUE(sending.warnings[0].contains("t/outside -> ../../etc")) << sending.warnings[0];
  EXPECT_EQ(target.names("t"), (std::set<std::string>{"file", "inside"}));
}

TEST_F(OutsideLinkTest, ItIsLeftOutSilentlyWhenTheUserKnows) {
  const auto result = send_with(OutsideLinks::Skip);
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_EQ(result->left_out, 0u);
  EXPECT_TRUE(sending.warnings.empty());
  EXPECT_EQ(target.names("t"), (std::set<std::string>{"file", "inside"}));
}

TEST_F(OutsideLinkTest, ASenderThatKeepsItIsRefusedByAReceiverThatHasNotAllowedIt) {
  const auto result = send_with(OutsideLinks::Keep);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, FailureCode::BadName);
  EXPECT_TRUE(result.error().by_peer);
  EXPECT_TRUE(result.error().reason.contains("t/outside")) << result.error().reason;
  EXPECT_EQ(exit_code(result.error()), 1);
  ASSERT_EQ(receiving.failed.size(), 1u);
  EXPECT_EQ(receiving.failed[0].code, FailureCode::BadName);
  EXPECT_EQ(exit_code(receiving.failed[0]), 1);
  EXPECT_FALSE(target.has("t/outside"));
}

TEST_F(OutsideLinkTest, ItArrivesWhenBothSidesSaidSo) {
  options.allow_outside_links = true;
  const auto result = send_with(OutsideLinks::Keep);
  ASSERT_TRUE(result) << result.error().reason;
  EXPECT_EQ(result->links, 2u);
  expect_same_trees(source.path(), target.path());
}

TEST_F(TransferFailureTest, AMissingTargetFolderIsALocalFailureOfTheReceiver) {
  source.write("f", "x");
  options.target = target / "gone";
  const auto result = send({"f"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, FailureCode::Io);
  EXPECT_TRUE(result.error().by_peer);
  ASSERT_TRUE(served->first_failure);
  EXPECT_EQ(exit_code(*served->first_failure), 6);
}

TEST_F(TransferFailureTest, ADeclinedOfferIsRefused) {
  source.write("f", "x");
  options.confirm = [](const OfferSummary&) -> io::Task<bool> { co_return false; };
  const auto result = send({"f"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, FailureCode::Refused);
  EXPECT_EQ(exit_code(result.error()), 3);
  EXPECT_TRUE(target.names().empty());
}

TEST_F(TransferFailureTest, LimitsOfTheReceiverHold) {
  source.make_directory("t");
  source.write("t/a", "12345");
  source.write("t/b", "12345");
  options.max_bytes = 9;
  const auto bytes = send({"t"});
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, FailureCode::LimitExceeded);
  EXPECT_EQ(exit_code(bytes.error()), 3);
  options.max_bytes = 10;
  options.max_files = 2;
  restart_receiver();
  const auto files = send({"t"});
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, FailureCode::LimitExceeded);
  options.max_files = 3;
  restart_receiver();
  EXPECT_TRUE(send({"t"}));
}

// Goal: a file that is written to while it is sent never arrives as a mixture.
// Method: the receiver's first news of the file makes the test change it.
TEST_F(TransferFailureTest, ASourceThatChangesWhileItIsReadFailsAndNothingIsVisible) {
  source.write("big", random_bytes(40'000'000, 1));
  bool is_changed = false;
  sending.when_progress = [&](const Progress& progress) {
    if (progress.bytes_moved < 2'000'000 || std::exchange(is_changed, true)) return;
    std::fstream file(source / "big", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(10);
    file.put('!');
  };
  SendRequest request;
  request.paths = {source / "big"};
  request.tuning.progress_interval = Duration::zero();
  const auto result = send(std::move(request));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, FailureCode::SourceChanged);
  EXPECT_EQ(exit_code(result.error()), 1);
  EXPECT_FALSE(target.has("big"));
  EXPECT_EQ(receiving.failed.at(0).code, FailureCode::SourceChanged);
  sending.when_progress = nullptr;
  ASSERT_TRUE(send({"big"}));
  EXPECT_TRUE(target.read("big") == source.read("big"));
}

TEST_F(TransferFailureTest, ASourceThatShrinksWhileItIsReadFails) {
  source.write("big", random_bytes(40'000'000, 1));
  sending.when_progress = [&](const Progress& progress) {
    if (progress.bytes_moved >= 2'000'000) fs::resize_file(source / "big", 1'000'000);
  };
  SendRequest request;
  request.paths = {source / "big"};
  request.tuning.progress_interval = Duration::zero();
  const auto result = send(std::move(request));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, FailureCode::SourceChanged);
  EXPECT_FALSE(target.has("big"));
}

}  // namespace
}  // namespace jetway::node::test
