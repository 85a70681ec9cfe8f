#include "jetway/io/udp_steering.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/udp_socket.h"

namespace jetway::io {
namespace {

constexpr IpEndpoint kLoopbackV4 = IpEndpoint::v4({127, 0, 0, 1}, 0);
constexpr IpEndpoint loopback_v6() {
  IpEndpoint endpoint;
  endpoint.address[15] = 1;
  return endpoint;
}

Bytes packet(std::initializer_list<int> head, std::size_t size = 40) {
  Bytes bytes(size);
  std::ranges::transform(head, bytes.begin(), [](int value) { return static_cast<std::byte>(value); });
  return bytes;
}

TEST(UdpSteeringTest, TheFirstByteOfOurConnectionIdNamesTheShard) {
  EXPECT_EQ(shard_named_by(packet({0x80, 6}), 4), 2u);
  EXPECT_EQ(shard_named_by(packet({0x9f, 3}), 4), 3u);  // whatever is protected
  EXPECT_EQ(shard_named_by(packet({0x80, 255}, 2), 256), 255u);
  EXPECT_EQ(shard_named_by(packet({0xb4, 0, 1, 8, 5}), 4), 1u);  // Handshake of a dialer
  EXPECT_EQ(shard_named_by(packet({0xa0, 0, 1, 8, 3}), 4), 3u);  // Initial towards a dialer
  EXPECT_EQ(shard_named_by(packet({0xb8, 0, 1, 8, 3}), 4), 3u);  // Retry
  EXPECT_EQ(shard_named_by(packet({0xa0, 0, 0, 8, 2}), 4), 2u);  // version negotiation
}

TEST(UdpSteeringTest, WhatNamesNoShardStaysWithItsSender) {
  const std::array<Bytes, 8> nameless{packet({0xa4, 0, 1, 8, 5}),  // Initial of a dialer
                                      packet({0xac, 0, 1, 8, 5}),  // Early
                                      packet({0xb0, 0, 1, 0, 5}),  // towards a dialer without IDs
                                      packet({0xb4, 0, 1, 8}, 4),  // cut short
                                      packet({0x80}, 1),
                                      packet({0x00, 1}),  // STUN
                                      packet({0xc0, 1}),  // QUIC
                                      Bytes{}};
  const IpEndpoint remote = IpEndpoint::v4({192, 0, 2, 7}, 4000);
  const std::size_t shard = shard_of({}, remote, 16);
  for (const Bytes& datagram : nameless) {
    EXPECT_EQ(shard_named_by(datagram, 16), std::nullopt);
    EXPECT_EQ(shard_of(datagram, remote, 16), shard);
  }
}

TEST(UdpSteeringTest, SendersAreSpreadOverTheShards) {
  for (const bool is_v4 : {true, false}) {
    std::array<int, 8> senders{};
    for (std::uint16_t i = 0; i < 8000; ++i) {
      IpEndpoint remote = IpEndpoint::v4({10, 1, static_cast<std::uint8_t>(i % 7), 9}, 0);
      if (!is_v4) remote.address = {0x20, 1, 0xd, 0xb8, 0, 0, 0, static_cast<std::uint8_t>(i % 7)};
      remote.port = static_cast<std::uint16_t>(30'000 + i);
      ++senders[shard_of({}, remote, 8)];
    }
    EXPECT_GT(std::ranges::min(senders), 800);
    EXPECT_LT(std::ranges::max(senders), 1200);
  }
}

// Which socket of a group gets what, by its first byte of content.
class UdpGroupTest
    : public testing::TestWithParam<std::pair<std::string, std::pair<IpEndpoint, IpEndpoint>>> {
 protected:
  static constexpr std::size_t kShards = 5;

  void SetUp() override {
    config_.is_port_shared = true;
    config_.receive_buffers = 4;
    IpEndpoint local = GetParam().second.first;
    for (std::size_t i = 0; i < kShards; ++i) {
      auto socket = UdpSocket::open(loop_, local, config_);
      if (!socket) GTEST_SKIP() << socket.error().message();
      local = socket->local();
      group_.push_back(std::move(*socket));
    }
    target_ = GetParam().second.second;
    target_.port = local.port;
    ASSERT_EQ(steer_by_connection_id(group_.front().descriptor(), kShards), std::error_code{});
  }

  static Task<void> wait_for_any(std::vector<UdpSocket>* group, std::size_t* at, IpEndpoint* remote) {
    for (*at = 0;; *at = (*at + 1) % group->size()) {
      const auto batch = (*group)[*at].receive();
      if (!batch || batch->empty()) continue;
      *remote = batch->front().remote;
      co_return;
    }
  }

  EventLoop loop_;
  UdpConfig config_;
  std::vector<UdpSocket> group_;
  IpEndpoint target_;
};

INSTANTIATE_TEST_SUITE_P(Loopback, UdpGroupTest,
                         testing::Values(std::pair{"V4", std::pair{kLoopbackV4, kLoopbackV4}},
                                         std::pair{"V6", std::pair{loopback_v6(), loopback_v6()}},
                                         std::pair{"DualByV4", std::pair{IpEndpoint{}, kLoopbackV4}},
                                         std::pair{"DualByV6", std::pair{IpEndpoint{}, loopback_v6()}}),
                         [](const auto& instance) { return instance.param.first; });

// Goal: the program in the kernel decides as shard_of() does.
// Method: datagrams of random heads and sizes, from several senders, over the real loopback interface.
TEST_P(UdpGroupTest, TheSystemChoosesAsShardOfDoes) {
  constexpr int kSenders = 8;
  SeededRandom random(7);
  std::vector<std::size_t> used;
  for (int sender = 0; sender < kSenders; ++sender) {
    const IpEndpoint from = target_.is_v4() ? kLoopbackV4 : loopback_v6();
    auto client = UdpSocket::open(loop_, from, config_);
    ASSERT_TRUE(client.has_value());
    for (int i = 0; i < 200; ++i) {
      std::array<std::byte, 12> noise{};
      random.fill(noise);
      Bytes datagram = to_bytes(noise);
      datagram[0] = (datagram[0] & std::byte{0x7f}) | std::byte{0x80};
      if (i % 8 == 0) datagram[0] = noise[0];
      if (i % 2 == 0) datagram[3] = std::byte{8};
      datagram.resize(1 + static_cast<std::size_t>(i) % datagram.size());
      jsp::Transmit transmit{
          .local = {}, .remote = target_, .bytes = datagram.size(), .segment_bytes = datagram.size()};
      ASSERT_EQ(client->send({&transmit, 1}, datagram).state, UdpSendReport::State::Done);
      std::size_t shard = 0;
      IpEndpoint remote;
      loop_.run_until_done(wait_for_any(&group_, &shard, &remote));
      ASSERT_EQ(shard, shard_of(datagram, remote, kShards)) << i << " of " << remote.to_text();
      used.push_back(shard);
    }
  }
  for (std::size_t shard = 0; shard < kShards; ++shard) {
    EXPECT_GT(std::ranges::count(used, shard), 20) << shard;
  }
}

TEST(UdpSteeringTest, ADescriptorThatIsNoneIsAnError) {
  EXPECT_EQ(steer_by_connection_id(-1, 2), std::errc::bad_file_descriptor);
}

}  // namespace
}  // namespace jetway::io
