#include <fstream>
#include <thread>
#include <vector>

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "jetway/crypto/system_random.h"
#include "jetway/node/identity_store.h"
#include "jetway/node/known_peers_file.h"
#include "jetway/node/paths.h"
#include "jetway/node/private_file.h"
#include "tests/node/temporary_directory.h"

namespace jetway::node {
namespace {

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status{};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777U;
}

std::size_t entries_in(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{directory}, {}));
}

TEST(PathsTest, XdgVariablesWinOverHome) {
  const auto paths =
      find_paths(Environment{{{"HOME", "/home/a"}, {"XDG_STATE_HOME", "/s"}, {"XDG_DATA_HOME", "data"}}});
  ASSERT_TRUE(paths);
  EXPECT_EQ(paths->config, "/home/a/.config/jetway");
  EXPECT_EQ(paths->state, "/s/jetway");
  EXPECT_EQ(paths->data, "/home/a/.local/share/jetway");  // relative ones are ignored
}

TEST(PathsTest, WithoutHomeItSaysWhatToSet) {
  const auto paths = find_paths(Environment{});
  ASSERT_FALSE(paths);
  EXPECT_EQ(paths.error().code, NodeErrc::NoHome);
  EXPECT_EQ(paths.error().hint, "set HOME or XDG_CONFIG_HOME to an absolute path");
}

TEST(PathsTest, FoldersAreMadeForTheirOwnerOnly) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_private_directory(directory.path() / "a/b"));
  EXPECT_EQ(mode_of(directory.path() / "a"), 0700U);
  EXPECT_EQ(mode_of(directory.path() / "a/b"), 0700U);
  std::ofstream{directory.path() / "file"} << "x";
  EXPECT_EQ(make_private_directory(directory.path() / "file/c").error().code, NodeErrc::Io);
}

TEST(PrivateFileTest, IsReplacedAsAWholeWithoutLeavings) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "new/file";
  EXPECT_EQ(read_private_file(path).value(), std::nullopt);
  ASSERT_TRUE(replace_private_file(path, "one"));
  ASSERT_TRUE(replace_private_file(path, "two"));
  EXPECT_EQ(read_private_file(path).value(), "two");
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(entries_in(path.parent_path()), 1U);
}

TEST(PrivateFileTest, CreatingNeverReplaces) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "file";
  EXPECT_EQ(create_private_file(path, "one"), true);
  EXPECT_EQ(create_private_file(path, "two"), false);
  EXPECT_EQ(read_private_file(path).value(), "one");
  EXPECT_EQ(entries_in(directory.path()), 1U);
}

TEST(PrivateFileTest, FoldersAndGiantsAreRefused) {
  const TemporaryDirectory directory;
  EXPECT_EQ(read_private_file(directory.path()).error().code, NodeErrc::BadFile);
  std::ofstream{directory.path() / "giant"} << std::string(kPrivateFileMaxBytes + 1, 'x');
  EXPECT_EQ(read_private_file(directory.path() / "giant").error().code, NodeErrc::BadFile);
}

class IdentityStoreTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return directory_.path() / "config/identity.pem"; }
  NodeResult<LoadedIdentity> load(crypto::KeyType type = crypto::KeyType::Ed25519) {
    return load_or_create_identity(file(), type, random_);
  }

 private:
  TemporaryDirectory directory_;
  crypto::SystemRandom random_;
};

TEST_F(IdentityStoreTest, IsMadeOnceAndKept) {
  const auto made = load();
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_TRUE(made->is_new);
  EXPECT_EQ(mode_of(file()), 0600U);
  EXPECT_EQ(mode_of(file().parent_path()), 0700U);
  const auto again = load(crypto::KeyType::MlDsa65);  // the type is of keys that are made
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(again->identity->peer_id(), made->identity->peer_id());
  EXPECT_EQ(again->identity->type(), crypto::KeyType::Ed25519);
}

TEST_F(IdentityStoreTest, KnowsBothKeyTypes) {
  ASSERT_TRUE(load(crypto::KeyType::MlDsa65));
  EXPECT_EQ(load()->identity->type(), crypto::KeyType::MlDsa65);
}

TEST_F(IdentityStoreTest, AKeyThatOthersCanReadIsRefusedWithTheCommandThatMendsIt) {
  ASSERT_TRUE(load());
  ASSERT_EQ(::chmod(file().c_str(), 0640), 0);
  const auto refused = load();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, NodeErrc::OpenToOthers);
  EXPECT_TRUE(refused.error().text.contains("(mode 0640)")) << refused.error().text;
  EXPECT_EQ(refused.error().hint, "run: chmod 600 " + file().string());
}

TEST_F(IdentityStoreTest, ABrokenKeyIsNeverOverwritten) {
  ASSERT_TRUE(replace_private_file(file(), "-----BEGIN PRIVATE KEY-----\nnonsense\n"));
  const auto refused = load();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, NodeErrc::BadFile);
  EXPECT_EQ(read_private_file(file()).value(), "-----BEGIN PRIVATE KEY-----\nnonsense\n");
  ASSERT_TRUE(replace_private_file(file(), ""));
  EXPECT_EQ(load().error().code, NodeErrc::BadFile);
}

TEST_F(IdentityStoreTest, ProgramsThatStartAtOnceHaveOneKey) {
  std::vector<crypto::PeerId> ids(8);
  {
    std::vector<std::jthread> threads;
    threads.reserve(ids.size());
    for (crypto::PeerId& id : ids) {
      threads.emplace_back([&] {
        crypto::SystemRandom random;
        id = load_or_create_identity(file(), crypto::KeyType::Ed25519, random)->identity->peer_id();
      });
    }
  }
  for (const crypto::PeerId& id : ids) EXPECT_EQ(id, ids.front());
}

class KnownPeersFileTest : public testing::Test {
 protected:
  static crypto::KnownPeer peer(const std::string& name, unsigned number) {
    const std::array bytes = {std::byte{static_cast<unsigned char>(number)}};
    return {name, crypto::PeerId{crypto::blake3(bytes)}, std::chrono::year_month_day{std::chrono::sys_days{}},
            ""};
  }
  std::filesystem::path path() const { return directory_.path() / "known_peers"; }
  KnownPeersFile file() const { return KnownPeersFile{path()}; }

 private:
  TemporaryDirectory directory_;
};

TEST_F(KnownPeersFileTest, RemembersAndKeepsWhatPeopleWrote) {
  EXPECT_EQ(file().read()->size(), 0U);
  ASSERT_TRUE(replace_private_file(path(), "# mine\n"));
  ASSERT_TRUE(file().remember(peer("tcp://a:1", 1)));
  ASSERT_TRUE(file().remember(peer("tcp://a:1", 1)));
  ASSERT_TRUE(file().remember(peer("tcp://b:1", 2)));
  EXPECT_EQ(file().read()->size(), 2U);
  EXPECT_TRUE(read_private_file(path())->value().starts_with("# mine\n"));
}

TEST_F(KnownPeersFileTest, NeverReplacesAnIdentity) {
  ASSERT_TRUE(file().remember(peer("tcp://a:1", 1)));
  EXPECT_EQ(file().remember(peer("tcp://a:1", 2)).error().code, NodeErrc::BadFile);
  EXPECT_EQ(file().read()->find("tcp://a:1")->peer, peer("", 1).peer);
}

TEST_F(KnownPeersFileTest, ALineThatCannotBeReadIsAnError) {
  ASSERT_TRUE(replace_private_file(path(), "\ntcp://a:1 jwnonsense 2026-01-01\n"));
  const auto read = file().read();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, NodeErrc::BadFile);
  EXPECT_TRUE(read.error().text.starts_with(path().string() + ":2: ")) << read.error().text;
}

TEST_F(KnownPeersFileTest, ManyAtOnceLoseNothing) {
  {
    std::vector<std::jthread> threads;
    threads.reserve(8);
    for (unsigned i = 0; i < 8; ++i) {
      threads.emplace_back(
          [this, i] { EXPECT_TRUE(file().remember(peer("tcp://a:" + std::to_string(i), i))); });
    }
  }
  EXPECT_EQ(file().read()->size(), 8U);
}

}  // namespace
}  // namespace jetway::node
