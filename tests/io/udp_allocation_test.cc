#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/io/event_loop.h"
#include "jetway/io/udp_socket.h"

// A program of its own, since it counts what every part of it takes from the heap.
namespace {

std::atomic<std::uint64_t> allocations = 0;

void* allocate(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  // NOLINTNEXTLINE(cppcoreguidelines-no-malloc): it is what new is made of
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }    // NOLINT(cppcoreguidelines-no-malloc)
void operator delete[](void* memory) noexcept { std::free(memory); }  // NOLINT(cppcoreguidelines-no-malloc)
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete[](memory); }

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

// Sends groups and waits for them, both ends on one loop. Returns what `rounds` of that took from the heap.
Task<std::uint64_t> allocations_of(UdpSocket* from, UdpSocket* to, int rounds) {
  static const Bytes content(2 * kGroupBytes);
  const std::uint64_t before = allocations;
  for (int round = 0; round < rounds; ++round) {
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
  co_return allocations - before;
}

class UdpAllocationTest : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(WithAndWithoutFeatures, UdpAllocationTest, testing::Bool());

TEST_P(UdpAllocationTest, SendingReceivingAndWaitingTakeNothingFromTheHeap) {
  EventLoop loop;
  UdpSocket from = open_on_loopback(loop, GetParam());
  UdpSocket to = open_on_loopback(loop, GetParam());
  loop.run_until_done(allocations_of(&from, &to, 3));  // Asio keeps what its first waits have taken
  EXPECT_EQ(loop.run_until_done(allocations_of(&from, &to, 100)), 0u);
  EXPECT_GT(allocations, 0u);
}

}  // namespace
}  // namespace jetway::io
