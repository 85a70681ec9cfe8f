#include <fstream>
#include <vector>

#include <malloc.h>
#include <unistd.h>

#include "bench/ends/ends.h"
#include "jetway/io/task_group.h"

namespace jetway::bench {

namespace {

constexpr int kDialers = 8;
constexpr std::chrono::seconds kSettling{3};

// What the process has of memory, after what it does not need has been given back.
std::uint64_t resident_bytes() {
  ::malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages_in_all = 0;
  std::uint64_t pages_resident = 0;
  statm >> pages_in_all >> pages_resident;
  return pages_resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

io::Task<EndReport> hold_all(io::EventLoop* loop, transport::Listener* listener, int count) {
  std::vector<io::Connection> connections;
  connections.reserve(static_cast<std::size_t>(count));
  const Reading start = Reading::now();
  std::uint64_t before = 0;
  for (int i = 0; i < count; ++i) {
    if (i == kDialers) before = resident_bytes();  // what the first ones cause is not theirs alone
    connections.push_back(co_await accept(listener));
  }
  co_await loop->sleep(kSettling);
  EndReport report{.usage = between(start, Reading::now())};
  report.memory_bytes = (resident_bytes() - before) / static_cast<std::uint64_t>(count - kDialers);
  for (io::Connection& connection : connections) co_await connection.closed();
  co_return report;
}

io::Task<void> dial_share(io::EventLoop* loop, const Layout* layout, JetwayOptions options,
                          std::uint16_t port, int count, std::vector<io::Connection>* connections) {
  for (int i = 0; i < count; ++i) connections->push_back(co_await connect(loop, layout, options, port));
}

io::Task<EndReport> dial_and_hold(io::EventLoop* loop, const Layout* layout, JetwayOptions options,
                                  std::uint16_t port, int count) {
  std::vector<io::Connection> connections;
  connections.reserve(static_cast<std::size_t>(count));
  const Reading start = Reading::now();
  const std::uint64_t before = resident_bytes();
  io::TaskGroup dialers(*loop);
  for (int i = 0; i < kDialers; ++i) {
    const int share = count / kDialers + (i < count % kDialers ? 1 : 0);
    dialers.spawn(dial_share(loop, layout, options, port, share, &connections));
  }
  co_await dialers.join();
  EndReport report{.usage = between(start, Reading::now())};
  co_await loop->sleep(2 * kSettling);
  report.memory_bytes = (resident_bytes() - before) / static_cast<std::uint64_t>(count);
  for (io::Connection& connection : connections) co_await connection.close(0, "");
  co_return report;
}

}  // namespace

BothReports idle_connections(const Layout& layout, const JetwayOptions& options, int count) {
  if (count <= kDialers) throw std::runtime_error("too few connections to tell what one takes");
  JetwayOptions many = options;
  many.keepalive = std::chrono::milliseconds{0};
  many.connections_max = static_cast<std::size_t>(count) + kDialers;
  return run_both_of_jetway(
      layout, many,
      [&](io::EventLoop* loop, transport::Listener* listener) { return hold_all(loop, listener, count); },
      [&](io::EventLoop* loop, std::uint16_t port) {
        return dial_and_hold(loop, &layout, many, port, count);
      });
}

}  // namespace jetway::bench
