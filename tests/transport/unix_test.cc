#include <fstream>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "jetway/transport/socket_address.h"
#include "jetway/transport/transport.h"
#include "tests/sim/loopback.h"

namespace jetway::transport {
namespace {

using sim::make_transport_config;

class UnixTest : public testing::Test {
 protected:
  auto listen(const Address& address) { return transport_->listen(loop_, address, make_transport_config()); }
  static std::string path_of(const Address& address) { return std::get<UnixEndpoint>(address.endpoint).path; }

  sim::TemporaryFolder folder_;
  io::EventLoop loop_;
  std::unique_ptr<Transport> transport_ = make_unix_transport();
};

TEST_F(UnixTest, OnlyItsOwnerMayUseTheSocket) {
  const auto listener = listen(folder_.socket());
  ASSERT_TRUE(listener.has_value());
  struct stat status{};
  ASSERT_EQ(::lstat(path_of(folder_.socket()).c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(UnixTest, TheFileGoesWithTheListener) {
  {
    ASSERT_TRUE(listen(folder_.socket()).has_value());
  }
  EXPECT_FALSE(std::filesystem::exists(path_of(folder_.socket())));
}

TEST_F(UnixTest, ASocketThatSomebodyListensOnIsInUse) {
  const auto first = listen(folder_.socket());
  ASSERT_TRUE(first.has_value());
  const auto second = listen(folder_.socket());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, TransportErrc::AddressInUse);
  EXPECT_TRUE(std::filesystem::exists(path_of(folder_.socket())));
}

TEST_F(UnixTest, TheSocketOfAProgramThatHasGoneIsReplaced) {
  const std::string path = path_of(folder_.socket());
  const SocketAddress address = SocketAddress::of_path(path);
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(dead, address.data(), address.size), 0);
  ::close(dead);
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_TRUE(listen(folder_.socket()).has_value());
}

TEST_F(UnixTest, AFileInTheWayIsLeftAlone) {
  const std::string path = path_of(folder_.socket());
  std::ofstream(path) << "precious";
  const auto listener = listen(folder_.socket());
  ASSERT_FALSE(listener.has_value());
  EXPECT_EQ(listener.error().code, TransportErrc::AddressInUse);
  EXPECT_EQ(std::filesystem::file_size(path), 8u);
}

TEST_F(UnixTest, AListenerDoesNotRemoveTheFileOfItsSuccessor) {
  auto first = listen(folder_.socket());
  ASSERT_TRUE(first.has_value());
  std::filesystem::remove(path_of(folder_.socket()));
  const auto second = listen(folder_.socket());
  ASSERT_TRUE(second.has_value());
  (*first)->close();
  EXPECT_TRUE(std::filesystem::exists(path_of(folder_.socket())));
}

TEST_F(UnixTest, AFolderThatIsMissingIsABadAddress) {
  const auto listener = listen(folder_.socket("missing/socket"));
  ASSERT_FALSE(listener.has_value());
  EXPECT_EQ(listener.error().code, TransportErrc::BadAddress);
}

TEST_F(UnixTest, NobodyThereIsAFailureAtOnce) {
  const auto run = [](io::EventLoop* loop, Transport* transport, Address address) -> io::Task<TransportErrc> {
    const auto connected = co_await transport->connect(*loop, address, make_transport_config());
    co_return connected ? TransportErrc::Lost : connected.error().code;
  };
  EXPECT_EQ(loop_.run_until_done(run(&loop_, transport_.get(), folder_.socket())),
            TransportErrc::ConnectFailed);
}

TEST_F(UnixTest, TheListenerKnowsWhichProcessCame) {
  const auto pair = loop_.run_until_done(
      sim::connect_pair(&loop_, folder_.socket(), make_transport_config(), make_transport_config()));
  EXPECT_NE(pair.accepted.info().remote_address.find("pid=" + std::to_string(::getpid())), std::string::npos);
}

}  // namespace
}  // namespace jetway::transport
