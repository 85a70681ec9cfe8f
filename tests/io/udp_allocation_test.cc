#include <array>
#include <chrono>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/io/event_loop.h"
#include "jetway/io/udp_socket.h"
#include "tests/heap/heap_use.h"
#include "tests/io/udp_pair.h"

namespace jetway::io {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kGroupBytes = 40 * 1200;

UdpSocket open_on_loopback(EventLoop& loop, bool has_features) {
  UdpConfig config;
  if (!has_features) config.features = {.segmentation = false, .coalescing = false};
  auto socket = UdpSocket::open(loop, IpEndpoint::v4({127, 0, 0, 1}, 0), config);
  if (!socket) throw std::runtime_error(socket.error().message());
  return std::move(*socket);
}

// Sends groups and waits for them, both ends on one loop. Returns what `rounds` of that took from the heap,
// after a few more: Asio keeps what the first waits of a run have taken.
Task<std::uint64_t> allocations_of(UdpSocket* from, UdpSocket* to, int rounds) {
  static const Bytes content(2 * kGroupBytes);
  std::uint64_t before = 0;
  for (int round = -3; round < rounds; ++round) {
    if (round == 0) before = heap_use().allocations;
    const jsp::Transmit group{.local = from->local(),
                              .remote = to->local(),
                              .ecn = jsp::Ecn::Ect0,
                              .bytes = kGroupBytes,
                              .segment_bytes = 1200};
    std::array transmits{group, group};
    const UdpSendReport report = from->send(transmits, content);
    if (report.state != UdpSendReport::State::Done) throw std::runtime_error("not sent");
    for (std::size_t bytes = 0; bytes < content.size();) {
      co_await to->readable();
      const auto batch = to->receive();
      for (const UdpReceived& received : batch.value()) {
        for (std::size_t i = 0; i < received.segments(); ++i) bytes += received.segment(i).bytes.size();
      }
    }
  }
  co_return heap_use().allocations - before;
}

class UdpSocketAllocationTest : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(WithAndWithoutFeatures, UdpSocketAllocationTest, testing::Bool());

TEST_P(UdpSocketAllocationTest, SendingReceivingAndWaitingTakeNothingFromTheHeap) {
  EventLoop loop;
  UdpSocket from = open_on_loopback(loop, GetParam());
  UdpSocket to = open_on_loopback(loop, GetParam());
  EXPECT_EQ(loop.run_until_done(allocations_of(&from, &to, 100)), 0u);
  EXPECT_GT(heap_use().allocations, 0u);
}

// ---- connections ----

// Writes and reads streams of one connection, and measures once everything has its size.
class Established {
 public:
  explicit Established(UdpPair& pair) : pair_(pair) {}

  Task<void> run() {
    auto [dialer, listener] = co_await UdpPair::connect(&pair_);
    auto out = co_await dialer.open_stream(session::Direction::OneWay);
    pair_.loop.spawn(write_all(std::move(*out)));
    auto in = co_await listener.accept_stream();
    static Bytes part(256 * 1024);
    std::uint64_t received = 0;
    while (received < kWarmUpBytes + kMeasuredBytes) {
      if (received >= kWarmUpBytes && packets_ == 0) {
        packets_ = packets();
        allocations_ = heap_use().allocations;
      }
      const auto result = co_await in->stream.read(part);
      if (!result) throw std::runtime_error("the stream broke off");
      received += result->bytes;
    }
    packets_ = packets() - packets_;
    allocations_ = heap_use().allocations - allocations_;
  }

  std::uint64_t measured_packets() const { return packets_; }
  std::uint64_t measured_allocations() const { return allocations_; }

 private:
  static constexpr std::uint64_t kWarmUpBytes = 40'000'000;
  static constexpr std::uint64_t kMeasuredBytes = 20'000'000;

  static Task<void> write_all(Stream stream) {
    static const Bytes content(kWarmUpBytes + kMeasuredBytes);
    static_cast<void>(co_await stream.write(ByteView{content}));
    static_cast<void>(stream.finish());
    static_cast<void>(co_await stream.drained());
  }
  std::uint64_t packets() const {
    const UdpCounters& counters = pair_.listener->socket().counters();
    return counters.sent_datagrams + counters.received_datagrams;
  }

  UdpPair& pair_;
  std::uint64_t packets_ = 0;
  std::uint64_t allocations_ = 0;
};

// Goal: on the established path a packet costs no allocation, from the stream's write to its read.
// Method: datagrams of 1,200 bytes, both ends on one loop; what is counted is the program's whole heap. What
// is left does not go with packets: coroutines of reads, and blocks of 32 KiB for what waits to be read.
TEST(UdpAllocationTest, PacketsOfAnEstablishedConnectionTakeNothingFromTheHeap) {
  UdpPair pair({}, false);
  Established connection(pair);
  pair.loop.run_until_done(connection.run());
  EXPECT_GT(connection.measured_packets(), 10'000u);
  EXPECT_LT(connection.measured_allocations(), connection.measured_packets() / 20);
}

}  // namespace
}  // namespace jetway::io
