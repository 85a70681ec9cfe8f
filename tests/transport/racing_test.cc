#include <chrono>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "jetway/transport/dialing.h"
#include "jetway/transport/socket_address.h"
#include "jetway/transport/transport.h"
#include "tests/sim/loopback.h"

// A host without a scheme: JSP, and TCP beside it where UDP is silent.
namespace jetway::transport {
namespace {

using namespace std::chrono_literals;
using sim::make_transport_config;
using Connected = std::expected<io::Connection, TransportError>;

io::Task<void> admit_and_keep(Listener* listener, std::vector<io::Connection>* kept) {
  while (auto connection = co_await listener->accept()) {
    connection->admit();
    kept->push_back(*connection);
  }
}

io::Task<Connected> dial(io::EventLoop* loop, Address address, TransportConfig config) {
  const auto transport = make_transport(address);
  co_return co_await transport->connect(*loop, address, std::move(config));
}

// A UDP socket that takes everything and answers nothing.
class SilentUdp {
 public:
  explicit SilentUdp(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  }
  SilentUdp(const SilentUdp&) = delete;
  SilentUdp& operator=(const SilentUdp&) = delete;
  ~SilentUdp() { ::close(descriptor_); }

 private:
  int descriptor_;
};

class RacingTest : public testing::Test {
 protected:
  // The same host and port as `listener`, without a scheme.
  static Address bare(const Listener& listener) {
    Address address = listener.local_address();
    std::get<HostEndpoint>(address.endpoint).protocol = HostProtocol::Any;
    return address;
  }
  std::unique_ptr<Listener> listen(HostProtocol protocol, const TransportConfig& config) {
    auto listener = make_host_transport(protocol)->listen(loop_, sim::loopback_address(protocol), config);
    EXPECT_TRUE(listener.has_value()) << (listener ? "" : listener.error().detail);
    loop_.spawn(admit_and_keep(listener->get(), &kept_));
    return *std::move(listener);
  }

  io::EventLoop loop_;
  std::vector<io::Connection> kept_;
};

TEST_F(RacingTest, JspWinsWhereBothAreThere) {
  const auto listener = listen(HostProtocol::Any, make_transport_config());
  EXPECT_EQ(std::get<HostEndpoint>(listener->local_address().endpoint).protocol, HostProtocol::Any);
  const auto connected =
      loop_.run_until_done(dial(&loop_, listener->local_address(), make_transport_config()));
  ASSERT_TRUE(connected.has_value()) << connected.error().detail;
  EXPECT_EQ(connected->info().transport, "jsp");
}

TEST_F(RacingTest, OnePortTakesBoth) {
  const auto listener = listen(HostProtocol::Any, make_transport_config());
  for (const auto& [protocol, name] : {std::pair{HostProtocol::Jsp, "jsp"}, {HostProtocol::Tcp, "tcp"}}) {
    Address address = listener->local_address();
    std::get<HostEndpoint>(address.endpoint).protocol = protocol;
    const auto connected = loop_.run_until_done(dial(&loop_, address, make_transport_config()));
    ASSERT_TRUE(connected.has_value()) << connected.error().detail;
    EXPECT_EQ(connected->info().transport, name);
  }
}

// Goal: where UDP is blocked, be it by silence or because nobody is there, TCP is found.
TEST_F(RacingTest, TcpIsTakenWhereUdpIsSilent) {
  const auto listener = listen(HostProtocol::Tcp, make_transport_config());
  const auto without = loop_.run_until_done(dial(&loop_, bare(*listener), make_transport_config()));
  ASSERT_TRUE(without.has_value()) << without.error().detail;
  EXPECT_EQ(without->info().transport, "tcp");
  const SilentUdp silent(std::get<HostEndpoint>(listener->local_address().endpoint).port);
  const auto swallowed = loop_.run_until_done(dial(&loop_, bare(*listener), make_transport_config()));
  ASSERT_TRUE(swallowed.has_value()) << swallowed.error().detail;
  EXPECT_EQ(swallowed->info().transport, "tcp");
}

TEST_F(RacingTest, JspIsTakenWhereTcpIsNotThere) {
  const auto listener = listen(HostProtocol::Jsp, make_transport_config());
  const auto connected = loop_.run_until_done(dial(&loop_, bare(*listener), make_transport_config()));
  ASSERT_TRUE(connected.has_value()) << connected.error().detail;
  EXPECT_EQ(connected->info().transport, "jsp");
}

TEST_F(RacingTest, WhatThePeerSaysEndsTheRace) {
  const auto listener = listen(HostProtocol::Any, make_transport_config());
  Address address = listener->local_address();
  address.peer = crypto::PeerId::of_public_key(as_bytes("somebody else"));
  const auto connected = loop_.run_until_done(dial(&loop_, address, make_transport_config()));
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().code, TransportErrc::HandshakeFailed);
  EXPECT_FALSE(connected.error().detail.contains("tcp://")) << connected.error().detail;
}

// Only one connection comes to the listener: a person there is asked once.
TEST_F(RacingTest, TheLoserNeverComesToTheListener) {
  auto listener = make_host_transport(HostProtocol::Any)
                      ->listen(loop_, sim::loopback_address(HostProtocol::Any), make_transport_config());
  ASSERT_TRUE(listener.has_value());
  std::vector<io::Connection> come;
  const auto take = [](Listener* from, std::vector<io::Connection>* to) -> io::Task<void> {
    while (auto connection = co_await from->accept()) {
      to->push_back(*connection);
      // The person takes longer than TCP would.
    }
  };
  loop_.spawn(take(listener->get(), &come));
  const auto dial_and_wait = [](io::EventLoop* loop, Address address,
                                std::vector<io::Connection>* to) -> io::Task<bool> {
    const auto transport = make_transport(address);
    auto connecting = [](io::EventLoop* on, Address where, std::vector<io::Connection>* admitted,
                         io::WaitList* changed) -> io::Task<void> {
      const auto way = make_transport(where);
      auto connected = co_await way->connect(*on, where, make_transport_config());
      if (connected) admitted->push_back(*connected);
      changed->notify_all();
    };
    std::vector<io::Connection> admitted;
    io::WaitList changed(*loop);
    loop->spawn(connecting(loop, address, &admitted, &changed));
    co_await loop->sleep(600ms);
    if (to->size() != 1) co_return false;
    to->front().admit();
    while (admitted.empty()) co_await changed.wait();
    co_return to->size() == 1;
  };
  EXPECT_TRUE(loop_.run_until_done(dial_and_wait(&loop_, (*listener)->local_address(), &come)));
}

// ---- the race itself ----

io::Task<Dialed> fail_after(io::EventLoop* loop, Duration delay, TransportErrc code, std::string text,
                            std::vector<std::string>* begun) {
  begun->push_back(text);
  co_await loop->sleep(delay);
  co_return std::unexpected(TransportError{code, text, std::nullopt});
}

TEST_F(RacingTest, EveryFailureIsToldInOrder) {
  std::vector<std::string> begun;
  const auto candidate = [&](Duration delay, Duration takes, TransportErrc code, const std::string& text) {
    return Candidate{.delay = delay, .dial = [this, takes, code, text, &begun](auto) {
                       return fail_after(&loop_, takes, code, text, &begun);
                     }};
  };
  std::vector<Candidate> candidates;
  candidates.push_back(candidate(20ms, 1ms, TransportErrc::ConnectFailed, "third"));
  candidates.push_back(candidate(0ms, 50ms, TransportErrc::Timeout, "first"));
  candidates.push_back(candidate(10ms, 1ms, TransportErrc::Lost, "second"));
  const auto dialed = loop_.run_until_done(race(&loop_, std::move(candidates)));
  ASSERT_FALSE(dialed.has_value());
  EXPECT_EQ(dialed.error().detail, "first; second; third");
  EXPECT_EQ(dialed.error().code, TransportErrc::ConnectFailed);
}

TEST_F(RacingTest, TheNextOneBeginsAtOnceWhenAllOthersHaveFailed) {
  std::vector<std::string> begun;
  std::vector<Candidate> candidates;
  for (const auto& [delay, text] : {std::pair<Duration, const char*>{0ms, "a"}, {1h, "b"}, {2h, "c"}}) {
    candidates.push_back({.delay = delay, .dial = [this, text, &begun](auto) {
                            return fail_after(&loop_, 1ms, TransportErrc::Lost, text, &begun);
                          }});
  }
  EXPECT_FALSE(loop_.run_until_done(race(&loop_, std::move(candidates))).has_value());
  EXPECT_EQ(begun, (std::vector<std::string>{"a", "b", "c"}));
}

}  // namespace
}  // namespace jetway::transport
