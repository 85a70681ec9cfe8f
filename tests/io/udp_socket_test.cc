#include "jetway/io/udp_socket.h"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/socket_endpoint.h"
#include "jetway/io/udp_descriptor.h"
#include "jetway/io/udp_sender.h"

// UDP over the real loopback interface.
namespace jetway::io {
namespace {

using namespace std::chrono_literals;
using jsp::Ecn;
using jsp::Transmit;
using State = UdpSendReport::State;

constexpr Duration kPatience = 20s;  // only a failing test takes so long

constexpr IpEndpoint v6_loopback() {
  IpEndpoint endpoint;
  endpoint.address[15] = 1;
  return endpoint;
}
constexpr IpEndpoint kV4 = IpEndpoint::v4({127, 0, 0, 1}, 0);
constexpr IpEndpoint kOtherV4 = IpEndpoint::v4({127, 0, 0, 2}, 0);
constexpr IpEndpoint kAnyV4 = IpEndpoint::v4({0, 0, 0, 0}, 0);
constexpr IpEndpoint kV6 = v6_loopback();
constexpr IpEndpoint kAny;

IpEndpoint with_port(IpEndpoint endpoint, std::uint16_t port) {
  endpoint.port = port;
  return endpoint;
}

bool has_ipv6() {
  EventLoop loop;
  return UdpSocket::open(loop, kV6, {}).has_value();
}

UdpSocket open_socket(EventLoop& loop, const IpEndpoint& local, const UdpConfig& config = {}) {
  auto socket = UdpSocket::open(loop, local, config);
  if (!socket) throw std::system_error(socket.error());
  return std::move(*socket);
}

// One datagram as it came.
struct Arrived {
  IpEndpoint local;
  IpEndpoint remote;
  Ecn ecn = Ecn::NotCapable;
  Bytes bytes;
};

// Datagrams until there are as many as expected, or nothing comes for long.
Task<std::vector<Arrived>> receive_datagrams(EventLoop* loop, UdpSocket* socket, std::size_t count) {
  std::vector<Arrived> all;
  const TimePoint deadline = loop->now().engine + kPatience;
  while (all.size() < count) {
    const auto batch = socket->receive();
    if (!batch) break;
    for (const UdpReceived& received : *batch) {
      for (std::size_t i = 0; i < received.segments(); ++i) {
        const jsp::Datagram datagram = received.segment(i);
        all.push_back({datagram.local, datagram.remote, datagram.ecn, to_bytes(datagram.bytes)});
      }
    }
    if (batch->empty() && !co_await socket->readable(deadline)) break;
  }
  co_return all;
}

Bytes noise(std::size_t size) {
  Bytes bytes(size);
  SeededRandom(size).fill(bytes);
  return bytes;
}

Transmit transmit_to(const IpEndpoint& remote, std::size_t bytes, std::size_t segment_bytes) {
  return {.local = {}, .remote = remote, .bytes = bytes, .segment_bytes = segment_bytes};
}

State send_one(UdpSocket& socket, Transmit transmit, ByteView bytes) {
  return socket.send({&transmit, 1}, bytes).state;
}

// ---- addresses ----

TEST(SocketEndpointTest, AnEndpointSurvivesTheWayThroughASocketName) {
  IpEndpoint link_local;
  link_local.address = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
  link_local.scope_id = 3;
  link_local.port = 4717;
  EXPECT_TRUE(has_link_local_address(link_local));
  SocketName name{};
  for (const IpEndpoint& endpoint : {with_port(kV6, 1), with_port(kV4, 65'535), link_local}) {
    ASSERT_EQ(write_name(endpoint, AF_INET6, name), sizeof(sockaddr_in6));
    EXPECT_EQ(read_name(name), endpoint);
  }
  ASSERT_EQ(write_name(with_port(kV4, 4717), AF_INET, name), sizeof(sockaddr_in));
  EXPECT_EQ(read_name(name), with_port(kV4, 4717));
}

TEST(SocketEndpointTest, ASocketOfIpv4HasNoNameForAnAddressOfIpv6) {
  SocketName name{};
  EXPECT_EQ(write_name(kV6, AF_INET, name), 0u);
  EXPECT_EQ(write_name(kAny, AF_INET, name), sizeof(sockaddr_in));
  EXPECT_TRUE(has_unspecified_address(read_name(name)));
}

struct Route {
  std::string name;
  IpEndpoint server;  // bound to
  IpEndpoint target;  // spoken to
  IpEndpoint client;
};

class UdpRouteTest : public testing::TestWithParam<Route> {
 protected:
  void SetUp() override {
    if (GetParam().name != "V4" && GetParam().name != "AnyV4" && !has_ipv6()) GTEST_SKIP() << "no IPv6 here";
  }
};

INSTANTIATE_TEST_SUITE_P(Loopback, UdpRouteTest,
                         testing::Values(Route{"V4", kV4, kV4, kV4}, Route{"AnyV4", kAnyV4, kV4, kAnyV4},
                                         Route{"V6", kV6, kV6, kV6}, Route{"DualByV4", kAny, kV4, kAny},
                                         Route{"DualByV6", kAny, kV6, kAny},
                                         Route{"DualFromV4", kAny, kOtherV4, kV4}),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(UdpRouteTest, ADatagramAndItsAnswerBearTheAddressesThatWereSpokenTo) {
  EventLoop loop;
  UdpSocket server = open_socket(loop, GetParam().server);
  UdpSocket client = open_socket(loop, GetParam().client);
  const IpEndpoint target = with_port(GetParam().target, server.local().port);
  ASSERT_EQ(send_one(client, transmit_to(target, 5, 5), as_bytes("hello")), State::Done);
  const auto asked = loop.run_until_done(receive_datagrams(&loop, &server, 1));
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].bytes, to_bytes("hello"));
  EXPECT_EQ(asked[0].local, target);
  EXPECT_EQ(asked[0].remote.port, client.local().port);
  EXPECT_EQ(asked[0].remote.is_v4(), target.is_v4());

  Transmit answer = transmit_to(asked[0].remote, 3, 3);
  answer.local = asked[0].local;
  ASSERT_EQ(send_one(server, answer, as_bytes("yes")), State::Done);
  const auto answered = loop.run_until_done(receive_datagrams(&loop, &client, 1));
  ASSERT_EQ(answered.size(), 1u);
  EXPECT_EQ(answered[0].remote, target);
  EXPECT_EQ(answered[0].local, asked[0].remote);
}

TEST_P(UdpRouteTest, EcnIsSetAndSeen) {
  EventLoop loop;
  UdpSocket server = open_socket(loop, GetParam().server);
  UdpSocket client = open_socket(loop, GetParam().client);
  for (const Ecn ecn : {Ecn::Ect0, Ecn::CongestionExperienced, Ecn::NotCapable, Ecn::Ect1}) {
    Transmit transmit = transmit_to(with_port(GetParam().target, server.local().port), 4000, 1000);
    transmit.ecn = ecn;
    ASSERT_EQ(send_one(client, transmit, noise(4000)), State::Done);
    const auto arrived = loop.run_until_done(receive_datagrams(&loop, &server, 4));
    ASSERT_EQ(arrived.size(), 4u);
    for (const Arrived& datagram : arrived) EXPECT_EQ(datagram.ecn, ecn);
  }
}

// ---- features on and off ----

// Which of segmentation, coalescing, local addresses and ECN are left out.
class UdpFeatureTest : public testing::TestWithParam<unsigned> {
 protected:
  static UdpConfig config() {
    UdpConfig config;
    config.send_batch = 64;
    config.features = {.segmentation = (GetParam() & 1) == 0,
                       .coalescing = (GetParam() & 2) == 0,
                       .local_addresses = (GetParam() & 4) == 0,
                       .ecn = (GetParam() & 8) == 0,
                       .dual_stack = false};
    return config;
  }
};

INSTANTIATE_TEST_SUITE_P(Without, UdpFeatureTest, testing::Range(0u, 16u));

TEST_P(UdpFeatureTest, EveryDatagramOfABatchArrivesWithItsOwnBoundaries) {
  EventLoop loop;
  UdpSocket server = open_socket(loop, kAnyV4, config());
  UdpSocket client = open_socket(loop, kAnyV4, config());
  EXPECT_EQ(client.features(), config().features);
  const IpEndpoint target = with_port(kV4, server.local().port);
  // Groups with and without a short end, singles, and more of them than one call takes.
  std::vector<std::size_t> expected;
  std::vector<Transmit> transmits;
  std::size_t total = 0;
  const auto add = [&](std::size_t bytes, std::size_t segment_bytes) {
    transmits.push_back(transmit_to(target, bytes, segment_bytes));
    for (std::size_t left = bytes; left > 0; left -= std::min(left, segment_bytes)) {
      expected.push_back(std::min(left, segment_bytes));
    }
    total += bytes;
  };
  add(10 * 1200 + 700, 1200);
  add(1452, 1452);
  add(64 * 900, 900);
  add(100 * 200 + 1, 200);  // more segments than one call takes
  for (std::size_t size = 1; size < 100; ++size) add(size, size);
  const Bytes content = noise(total);
  const UdpSendReport report = client.send(transmits, content);
  EXPECT_EQ(report.state, State::Done);
  EXPECT_EQ(report.transmits, transmits.size());
  EXPECT_EQ(report.bytes, total);
  EXPECT_EQ(client.counters().sent_datagrams, expected.size());
  if (client.features().segmentation) {
    EXPECT_EQ(client.counters().send_calls, 2u);
  }

  const auto arrived = loop.run_until_done(receive_datagrams(&loop, &server, expected.size()));
  ASSERT_EQ(arrived.size(), expected.size());
  ByteView rest = content;
  for (std::size_t i = 0; i < arrived.size(); ++i) {
    ASSERT_EQ(arrived[i].bytes.size(), expected[i]) << i;
    ASSERT_TRUE(equal_bytes(arrived[i].bytes, rest.first(expected[i]))) << i;
    rest = rest.subspan(expected[i]);
  }
  EXPECT_EQ(server.counters().received_datagrams, expected.size());
  EXPECT_EQ(server.counters().received_bytes, total);
}

TEST_P(UdpFeatureTest, WhatTheSystemDoesNotTellIsUnspecified) {
  EventLoop loop;
  UdpSocket server = open_socket(loop, kAnyV4, config());
  UdpSocket client = open_socket(loop, kAnyV4, config());
  Transmit transmit = transmit_to(with_port(kOtherV4, server.local().port), 1, 1);
  transmit.ecn = Ecn::Ect0;
  transmit.local = with_port(kOtherV4, client.local().port);
  ASSERT_EQ(send_one(client, transmit, noise(1)), State::Done);
  const auto arrived = loop.run_until_done(receive_datagrams(&loop, &server, 1));
  ASSERT_EQ(arrived.size(), 1u);
  EXPECT_EQ(arrived[0].ecn, config().features.ecn ? Ecn::Ect0 : Ecn::NotCapable);
  const bool has_addresses = config().features.local_addresses;
  EXPECT_EQ(arrived[0].local, with_port(has_addresses ? kOtherV4 : kAnyV4, server.local().port));
  EXPECT_EQ(arrived[0].remote, with_port(has_addresses ? kOtherV4 : kV4, client.local().port));
}

TEST(UdpSocketTest, WithoutDualStackTheUnspecifiedAddressIsThatOfIpv4) {
  EventLoop loop;
  UdpConfig config;
  config.features.dual_stack = false;
  UdpSocket socket = open_socket(loop, kAny, config);
  EXPECT_TRUE(socket.local().is_v4());
  EXPECT_FALSE(socket.features().dual_stack);
}

TEST(UdpSocketTest, AGroupThatTheKernelRefusesGoesInSinglesFromThenOn) {
  EventLoop loop;
  UdpSocket server = open_socket(loop, kV4);
  UdpSocket client = open_socket(loop, kV4);
  ASSERT_TRUE(client.features().segmentation);
  const int on = 1;  // nobody segments what has no checksum
  ASSERT_EQ(::setsockopt(client.descriptor(), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
  const Bytes content = noise(10'500);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(send_one(client, transmit_to(server.local(), content.size(), 1000), content), State::Done);
    const auto arrived = loop.run_until_done(receive_datagrams(&loop, &server, 11));
    ASSERT_EQ(arrived.size(), 11u);
    Bytes together;
    for (const Arrived& datagram : arrived) {
      together.insert(together.end(), datagram.bytes.begin(), datagram.bytes.end());
    }
    EXPECT_EQ(together, content);
    EXPECT_FALSE(client.features().segmentation);
  }
  EXPECT_EQ(client.counters().send_calls, 4u);  // the group, one, the other ten; all eleven
}

TEST(UdpSocketTest, SeveralSocketsShareAPortWhenTheyAllWish) {
  EventLoop loop;
  UdpConfig config;
  config.is_port_shared = true;
  UdpSocket first = open_socket(loop, kV4, config);
  EXPECT_TRUE(UdpSocket::open(loop, first.local(), config).has_value());
  const auto refused = UdpSocket::open(loop, first.local(), {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error(), std::errc::address_in_use);
}

TEST(UdpSocketTest, TheSystemsBuffersAreReported) {
  EventLoop loop;
  UdpConfig config;
  config.system_buffer_bytes = 100'000;
  UdpSocket socket = open_socket(loop, kV4, config);
  EXPECT_EQ(socket.send_buffer_bytes(), 100'000u);
  EXPECT_EQ(socket.receive_buffer_bytes(), 100'000u);
}

// ---- sizes ----

TEST(UdpSocketTest, TheLargestDatagramsGoWhole) {
  EventLoop loop;
  UdpSocket server = open_socket(loop, kV4);
  UdpSocket client = open_socket(loop, kV4);
  std::vector<Transmit> transmits(3, transmit_to(server.local(), 65'507, 65'507));
  const Bytes content = noise(std::size_t{3} * 65'507);
  EXPECT_EQ(client.send(transmits, content).state, State::Done);
  const auto arrived = loop.run_until_done(receive_datagrams(&loop, &server, 3));
  ASSERT_EQ(arrived.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(equal_bytes(arrived[i].bytes, ByteView{content}.subspan(i * 65'507, 65'507)));
  }
}

TEST(UdpSocketTest, WhatIsTooLargeIsToldAndTheRestGoes) {
  EventLoop loop;
  UdpSocket server = open_socket(loop, kV4);
  UdpSocket client = open_socket(loop, kV4);
  std::vector<Transmit> transmits{transmit_to(server.local(), 10, 10),
                                  transmit_to(server.local(), 65'508, 65'508),
                                  transmit_to(server.local(), 20, 20)};
  const Bytes content = noise(10 + 65'508 + 20);
  const UdpSendReport report = client.send(transmits, content);
  EXPECT_EQ(report.state, State::TooLarge);
  ASSERT_EQ(report.transmits, 2u);
  EXPECT_EQ(transmits[report.transmits - 1].segment_bytes, 65'508u);
  EXPECT_EQ(client.counters().too_large, 1u);
  EXPECT_EQ(client.send(std::span(transmits).subspan(2), ByteView{content}.subspan(report.bytes)).state,
            State::Done);
  const auto arrived = loop.run_until_done(receive_datagrams(&loop, &server, 2));
  ASSERT_EQ(arrived.size(), 2u);
  EXPECT_EQ(arrived[1].bytes, to_bytes(ByteView{content}.last(20)));
}

TEST(UdpSocketTest, EmptyDatagramsAndEmptyTransmitsDoNoHarm) {
  EventLoop loop;
  UdpSocket server = open_socket(loop, kV4);
  UdpSocket client = open_socket(loop, kV4);
  SocketName name{};
  const socklen_t size = write_name(server.local(), AF_INET, name);
  ASSERT_EQ(::sendto(client.descriptor(), "", 0, 0, &name.any, size), 0);
  std::vector<Transmit> transmits{transmit_to(server.local(), 0, 0), transmit_to(server.local(), 3, 3),
                                  transmit_to(server.local(), 0, 1200)};
  const UdpSendReport report = client.send(transmits, as_bytes("abc"));
  EXPECT_EQ(report.state, State::Done);
  EXPECT_EQ(report.transmits, 3u);
  EXPECT_EQ(client.send({}, {}).state, State::Done);
  const auto arrived = loop.run_until_done(receive_datagrams(&loop, &server, 1));
  ASSERT_EQ(arrived.size(), 1u);
  EXPECT_EQ(arrived[0].bytes, to_bytes("abc"));
}

// ---- faults ----

TEST(UdpSocketTest, AnAddressOfTheOtherKindOrNotOfOursLosesItsPacketsOnly) {
  EventLoop loop;
  UdpSocket server = open_socket(loop, kV4);
  UdpSocket client = open_socket(loop, kAnyV4);
  std::vector<Transmit> transmits{transmit_to(with_port(kV6, 9), 3000, 1000),
                                  transmit_to(server.local(), 3000, 1000), transmit_to(server.local(), 1, 1),
                                  transmit_to(with_port(kV4, 0), 1, 1)};
  transmits[1].local = IpEndpoint::v4({192, 0, 2, 1}, 0);
  const Bytes content = noise(6002);
  UdpSendReport done;
  std::vector<std::size_t> unreachable;
  for (auto state = State::Unreachable; state == State::Unreachable;) {
    const UdpSendReport report =
        client.send(std::span(transmits).subspan(done.transmits), ByteView(content).subspan(done.bytes));
    done.transmits += report.transmits;
    done.bytes += report.bytes;
    state = done.state = report.state;
    if (state == State::Unreachable) unreachable.push_back(done.transmits - 1);
  }
  EXPECT_EQ(done.state, State::Done);
  EXPECT_EQ(done.bytes, 6002u);
  EXPECT_TRUE(std::ranges::contains(unreachable, 1u)) << "a local address that is not ours";
  EXPECT_EQ(client.counters().unreachable, 3u);
  EXPECT_TRUE(client.features().segmentation);
  EXPECT_EQ(loop.run_until_done(receive_datagrams(&loop, &server, 1)).size(), 1u);
}

TEST(UdpSocketTest, IcmpErrorsOfEarlierPacketsStopNothing) {
  EventLoop loop;
  std::uint16_t closed_port = 0;
  {
    UdpSocket gone = open_socket(loop, kV4);
    closed_port = gone.local().port;
  }
  UdpSocket client = open_socket(loop, kV4);
  const int on = 1;  // the system tells an unconnected socket only if asked
  ASSERT_EQ(::setsockopt(client.descriptor(), IPPROTO_IP, IP_RECVERR, &on, sizeof on), 0);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(send_one(client, transmit_to(with_port(kV4, closed_port), 1, 1), noise(1)), State::Done);
    EXPECT_TRUE(client.receive().has_value());
  }
  EXPECT_GT(client.counters().unreachable, 0u);
  UdpSocket server = open_socket(loop, kV4);
  while (send_one(client, transmit_to(server.local(), 1, 1), noise(1)) != State::Done) {
  }
  EXPECT_EQ(send_one(client, transmit_to(server.local(), 1, 1), noise(1)), State::Done);
  EXPECT_FALSE(loop.run_until_done(receive_datagrams(&loop, &server, 1)).empty());
}

// Lets this thread's sendmmsg() fail with `error` from now on. False: the system does not allow it.
bool refuse_sends(int error) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendmmsg, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = std::size(filter), .filter = filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

struct Fault {
  std::string name;
  int error;
  State state;
  bool is_lost;
  std::uint64_t UdpCounters::* counter;
};

class UdpFaultTest : public testing::TestWithParam<Fault> {};

INSTANTIATE_TEST_SUITE_P(
    Sending, UdpFaultTest,
    testing::Values(Fault{"EAGAIN", EAGAIN, State::WouldBlock, false, &UdpCounters::would_block},
                    Fault{"ENOBUFS", ENOBUFS, State::NoBuffers, false, &UdpCounters::no_buffers},
                    Fault{"ENOMEM", ENOMEM, State::NoBuffers, false, &UdpCounters::no_buffers},
                    Fault{"EMSGSIZE", EMSGSIZE, State::TooLarge, true, &UdpCounters::too_large},
                    Fault{"EPERM", EPERM, State::Unreachable, true, &UdpCounters::unreachable},
                    Fault{"ENETUNREACH", ENETUNREACH, State::Unreachable, true, &UdpCounters::unreachable},
                    Fault{"EHOSTUNREACH", EHOSTUNREACH, State::Unreachable, true, &UdpCounters::unreachable},
                    Fault{"ECONNREFUSED", ECONNREFUSED, State::Done, true, &UdpCounters::unreachable},
                    Fault{"EADDRNOTAVAIL", EADDRNOTAVAIL, State::Unreachable, true,
                          &UdpCounters::unreachable},
                    Fault{"ENETDOWN", ENETDOWN, State::Unreachable, true, &UdpCounters::unreachable},
                    Fault{"ENODEV", ENODEV, State::Unreachable, true, &UdpCounters::unreachable},
                    Fault{"EIO", EIO, State::Done, true, &UdpCounters::unreachable}),
    [](const auto& instance) { return instance.param.name; });

// Goal: each failure of the system call is a loss, a wait, or a word to the caller, and never the end.
// Method: the failure is made by a filter of this thread's system calls; outside of it all is well again.
TEST_P(UdpFaultTest, IsALossOrAWaitAndSendingGoesOn) {
  EventLoop loop;
  UdpSocket server = open_socket(loop, kV4);
  UdpSocket client = open_socket(loop, kV4);
  std::vector<Transmit> transmits{transmit_to(server.local(), 3000, 1000)};
  const Bytes content = noise(3000);
  bool is_refusing = false;
  UdpSendReport report;
  std::thread([&] {
    is_refusing = refuse_sends(GetParam().error);
    if (is_refusing) report = client.send(transmits, content);
  }).join();
  if (!is_refusing) GTEST_SKIP() << "system calls cannot be filtered here";
  EXPECT_EQ(report.state, GetParam().state);
  EXPECT_EQ(report.transmits, GetParam().is_lost ? 1u : 0u);
  EXPECT_EQ(report.bytes, GetParam().is_lost ? 3000u : 0u);
  EXPECT_EQ(client.counters().*GetParam().counter, 1u);
  EXPECT_TRUE(client.features().segmentation);

  transmits = {transmit_to(server.local(), 3000, 1000)};
  EXPECT_EQ(client.send(transmits, content).state, State::Done);
  EXPECT_EQ(loop.run_until_done(receive_datagrams(&loop, &server, 3)).size(), 3u);
}

// Goal: what does not fit now is neither lost nor sent twice.
// Method: a pair of Unix datagram sockets with the smallest buffer stands in for the network.
TEST(UdpSenderTest, AFullQueueStopsInTheMiddleOfATransmitAndGoesOnThere) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
  const int smallest = 1;
  ASSERT_EQ(::setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest), 0);
  UdpDescriptor descriptor;
  descriptor.family = AF_INET;
  descriptor.features.segmentation = false;
  UdpCounters counters;
  UdpSender sender(descriptor, counters, 4);
  const Bytes content = noise(100 * 50);
  // An address that such a socket has no name for: the message goes to the other of the pair.
  std::vector<Transmit> transmits{transmit_to(kV6, 7, 50), transmit_to(kV6, content.size() - 7, 50)};
  std::span<Transmit> rest = transmits;
  ByteView bytes = content;
  Bytes arrived;
  std::size_t waits = 0;
  for (State state = State::WouldBlock; state == State::WouldBlock; ++waits) {
    const UdpSendReport report = sender.send(pair[0], rest, bytes);
    state = report.state;
    rest = rest.subspan(report.transmits);
    bytes = bytes.subspan(report.bytes);
    Bytes part(100);
    for (ssize_t size = 0; (size = ::recv(pair[1], part.data(), part.size(), 0)) > 0;) {
      arrived.insert(arrived.end(), part.begin(), part.begin() + size);
    }
  }
  EXPECT_GT(waits, 1u);
  EXPECT_EQ(counters.would_block, waits - 1);
  EXPECT_EQ(arrived, content);
  ::close(pair[0]);
  ::close(pair[1]);
}

Task<bool> wait_until_closed(UdpSocket* socket) {
  const bool is_readable = co_await socket->readable();
  co_return is_readable && !socket->is_open();
}

TEST(UdpSocketTest, ClosingEndsAWaitAndEverythingAfterIt) {
  EventLoop loop;
  UdpSocket socket = open_socket(loop, kV4);
  loop.post([&] { socket.close(); });
  EXPECT_TRUE(loop.run_until_done(wait_until_closed(&socket)));
  EXPECT_TRUE(loop.run_until_done(wait_until_closed(&socket)));
  EXPECT_FALSE(socket.receive().has_value());
  EXPECT_EQ(send_one(socket, transmit_to(with_port(kV4, 9), 1, 1), noise(1)), State::Closed);
}

TEST(UdpSocketTest, ASocketThatIsMovedGoesOn) {
  EventLoop loop;
  UdpSocket first = open_socket(loop, kV4);
  const IpEndpoint local = first.local();
  UdpSocket second = std::move(first);
  first = open_socket(loop, kV4);
  EXPECT_EQ(send_one(first, transmit_to(local, 2, 2), noise(2)), State::Done);
  EXPECT_EQ(loop.run_until_done(receive_datagrams(&loop, &second, 1)).size(), 1u);
}

}  // namespace
}  // namespace jetway::io
