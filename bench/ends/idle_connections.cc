#include <fstream>
#include <vector>

#include <malloc.h>
#include <unistd.h>

#include "bench/ends/ends.h"
#include "jetway/crypto/system_random.h"
#include "jetway/io/task_group.h"
#include "jetway/io/udp_endpoint.h"

namespace jetway::bench {

namespace {

constexpr int kDialers = 8;
constexpr std::chrono::seconds kSettling{4};

// What the process has of memory, after what it does not need has been given back.
struct Memory {
  std::uint64_t resident_bytes = 0;
  std::uint64_t heap_bytes = 0;

  static Memory now() {
    ::malloc_trim(0);
    std::ifstream statm("/proc/self/statm");
    std::uint64_t pages_in_all = 0;
    std::uint64_t pages_resident = 0;
    statm >> pages_in_all >> pages_resident;
    const struct mallinfo2 heap = ::mallinfo2();
    return {.resident_bytes = pages_resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)),
            .heap_bytes = heap.uordblks + heap.hblkhd};
  }
};

void report_memory(EndReport& report, const Memory& before, int count) {
  const Memory after = Memory::now();
  const auto connections = static_cast<std::uint64_t>(count);
  report.memory_bytes = (after.resident_bytes - before.resident_bytes) / connections;
  report.heap_bytes = (after.heap_bytes - before.heap_bytes) / connections;
}

io::Task<EndReport> hold_all(io::EventLoop* loop, transport::Listener* listener, int count) {
  std::vector<io::Connection> connections;
  connections.reserve(static_cast<std::size_t>(count));
  const Reading start = Reading::now();
  Memory before;
  for (int i = 0; i < count; ++i) {
    if (i == kDialers) before = Memory::now();  // what the first ones cause is not theirs alone
    connections.push_back(co_await accept(listener));
  }
  co_await loop->sleep(kSettling);
  EndReport report{.usage = between(start, Reading::now())};
  report_memory(report, before, count - kDialers);
  for (io::Connection& connection : connections) co_await connection.closed();
  co_return report;
}

// Dials. Over JSP many connections share a socket, so that the system's limit on descriptors is none to them;
// like any dialer's they have no connection IDs: each goes to another address of the machine.
class Dialer {
 public:
  Dialer(io::EventLoop& loop, const Layout& layout, const JetwayOptions& options, std::uint16_t port)
      : loop_(loop), layout_(layout), options_(options), port_(port), config_(make_config(options)) {}

  io::Task<io::Connection> dial() {
    if (options_.transport != "jsp") co_return co_await connect(&loop_, &layout_, options_, port_);
    if (on_socket_ == kAddresses) next_socket();
    jsp::JspConfig config = options_.jsp;
    config.handshake = config_.handshake;
    config.session = config_.session;
    auto core = sockets_.back()->connect(std::move(config), remote(on_socket_++), {});
    auto connection = co_await io::ConnectionCore::admitted(std::move(core));
    if (!connection) throw std::runtime_error("not admitted: " + connection.error().reason.text);
    co_return *std::move(connection);
  }
  // No more will be dialed.
  void finish() {
    for (const auto& socket : sockets_) socket->finish();
    sockets_.clear();
  }

 private:
  static constexpr std::uint8_t kAddresses = 200;

  void next_socket() {
    const auto random = std::make_shared<crypto::SystemRandom>();
    auto opened = io::UdpEndpoint::open(loop_, IpEndpoint::v4({0, 0, 0, 0}, 0),
                                        {.udp = {}, .jsp = {.is_shared = false}}, *random, random);
    if (!opened) throw std::runtime_error(opened.error().message());
    sockets_.push_back(*std::move(opened));
    on_socket_ = 0;
  }
  IpEndpoint remote(std::uint8_t number) const {
    return IpEndpoint::v4({127, 0, 1, static_cast<std::uint8_t>(1 + number)}, port_);
  }

  io::EventLoop& loop_;
  const Layout& layout_;
  const JetwayOptions& options_;
  std::uint16_t port_;
  transport::TransportConfig config_;
  std::vector<std::shared_ptr<io::UdpEndpoint>> sockets_;
  std::uint8_t on_socket_ = kAddresses;  // connections on the last of them
};

io::Task<void> dial_share(Dialer* dialer, int count, std::vector<io::Connection>* connections) {
  for (int i = 0; i < count; ++i) connections->push_back(co_await dialer->dial());
}

io::Task<void> say_goodbye(io::Connection connection) { co_await connection.close(0, ""); }

io::Task<EndReport> dial_and_hold(io::EventLoop* loop, const Layout* layout, const JetwayOptions* options,
                                  std::uint16_t port, int count) {
  Dialer dialer(*loop, *layout, *options, port);
  std::vector<io::Connection> connections;
  connections.reserve(static_cast<std::size_t>(count));
  const Reading start = Reading::now();
  const Memory before = Memory::now();
  io::TaskGroup dialers(*loop);
  for (int i = 0; i < kDialers; ++i) {
    const int share = count / kDialers + (i < count % kDialers ? 1 : 0);
    dialers.spawn(dial_share(&dialer, share, &connections));
  }
  co_await dialers.join();
  EndReport report{.usage = between(start, Reading::now())};
  co_await loop->sleep(2 * kSettling);
  report_memory(report, before, count);
  io::TaskGroup goodbyes(*loop);
  for (io::Connection& connection : connections) goodbyes.spawn(say_goodbye(std::move(connection)));
  co_await goodbyes.join();
  dialer.finish();
  co_return report;
}

}  // namespace

BothReports idle_connections(const Layout& layout, const JetwayOptions& options, int count) {
  if (count <= kDialers) throw std::runtime_error("too few connections to tell what one takes");
  JetwayOptions many = options;
  many.keepalive = many.idle_timeout = std::chrono::milliseconds{0};
  many.connections_max = static_cast<std::size_t>(count) + kDialers;
  Layout everywhere = layout;
  if (options.transport == "jsp") everywhere.server_address = "0.0.0.0";
  return run_both_of_jetway(
      everywhere, many,
      [&](io::EventLoop* loop, transport::Listener* listener) { return hold_all(loop, listener, count); },
      [&](io::EventLoop* loop, std::uint16_t port) {
        return dial_and_hold(loop, &layout, &many, port, count);
      });
}

}  // namespace jetway::bench
