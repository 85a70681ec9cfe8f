// How long a small message takes there and back without a protocol: over UDP, and over TCP with TCP_NODELAY.
//
//   ping_udp serve --transport udp|tcp --address A --port P --cpu C        prints {"port": ...}
//   ping_udp run --transport udp|tcp --address A --port P --size 64 --count N --cpu C
//
// One JSON object on each line; `serve` ends when `run` does. --busy: both ends look again and again instead
// of sleeping.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "bench/ends/measure.h"
#include "bench/jsp/bench_socket.h"
#include "jetway/base/bytes.h"

namespace jetway::bench {
namespace {

constexpr std::size_t kSizeMax = 1200;
constexpr int kWarmUpRounds = 1000;

struct PingOptions {
  std::string transport = "udp";
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  std::size_t size = 64;
  int count = 50'000;
  int cpu = -1;
  bool is_busy = false;

  bool is_udp() const { return transport == "udp"; }
  int type() const { return is_udp() ? SOCK_DGRAM : SOCK_STREAM; }
  int receive_flags() const { return is_busy ? MSG_DONTWAIT : 0; }
};

// The next message, whole; empty at the end.
ByteView receive_message(int descriptor, MutableBytes room, const PingOptions& options) {
  std::size_t filled = 0;
  while (filled < room.size()) {
    const ssize_t size =
        ::recv(descriptor, room.data() + filled, room.size() - filled, options.receive_flags());
    if (size < 0 && errno == EAGAIN) continue;
    if (size <= 0) return {};
    filled += static_cast<std::size_t>(size);
    if (options.is_udp()) break;
  }
  return room.first(filled);
}

void send_message(int descriptor, ByteView message) {
  if (::send(descriptor, message.data(), message.size(), MSG_NOSIGNAL) < 0) {
    throw std::runtime_error("the other end has gone");
  }
}

void serve(const PingOptions& options) {
  int descriptor = bound_socket(options.type(), BenchAddress::of(options.address, options.port));
  if (!options.is_udp()) ::listen(descriptor, 1);
  std::printf("{\"port\": %u}\n", BenchAddress::local_of(descriptor).port());
  std::fflush(stdout);
  if (options.is_udp()) {
    // The first datagram only says who asks.
    BenchAddress peer{};
    peer.v6 = {};
    peer.size = sizeof peer.v6;
    std::byte first{};
    if (::recvfrom(descriptor, &first, sizeof first, 0, &peer.any, &peer.size) < 0) return;
    ::connect(descriptor, &peer.any, peer.size);
    send_message(descriptor, {&first, 1});
  } else {
    descriptor = ::accept(descriptor, nullptr, nullptr);
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  }
  std::vector<std::byte> room(options.size);
  for (;;) {
    const ByteView message = receive_message(descriptor, room, options);
    if (message.size() < options.size) return;  // the end
    send_message(descriptor, message);
  }
}

std::vector<double> round_trips(int descriptor, const PingOptions& options) {
  using Clock = std::chrono::steady_clock;
  std::vector<std::byte> room(options.size);
  const std::vector<std::byte> message(options.size, std::byte{7});
  std::vector<double> microseconds;
  for (int i = -kWarmUpRounds; i < options.count; ++i) {
    const Clock::time_point before = Clock::now();
    send_message(descriptor, message);
    if (receive_message(descriptor, room, options).empty()) throw std::runtime_error("no answer");
    if (i >= 0) {
      microseconds.push_back(std::chrono::duration<double, std::micro>(Clock::now() - before).count());
    }
  }
  std::ranges::sort(microseconds);
  return microseconds;
}

void ping(const PingOptions& options) {
  const int descriptor = connected_socket(options.type(), BenchAddress::of(options.address, options.port));
  const std::byte end{};
  if (options.is_udp()) {
    std::byte answer{};
    send_message(descriptor, {&end, 1});
    static_cast<void>(receive_message(descriptor, {&answer, 1}, options));
  } else {
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  }
  const Reading start = Reading::now();
  const std::vector<double> sorted = round_trips(descriptor, options);
  const Usage usage = between(start, Reading::now());
  if (options.is_udp()) send_message(descriptor, {&end, 1});
  ::close(descriptor);
  const auto quantile = [&sorted](double part) {
    return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
  };
  std::printf(
      "{\"transport\": \"%s\", \"size\": %zu, \"count\": %d, \"p50_us\": %.2f, \"p99_us\": %.2f, "
      "\"max_us\": %.2f, \"cpu_us\": %.2f}\n",
      options.transport.c_str(), options.size, options.count, quantile(0.5), quantile(0.99), sorted.back(),
      usage.cpu_seconds * 1e6 / (options.count + kWarmUpRounds));
}

int run_ping(int argc, char** argv) {
  PingOptions options;
  CLI::App app("How long a small message takes there and back without a protocol");
  app.require_subcommand(1);
  CLI::App* const serve_command = app.add_subcommand("serve");
  CLI::App* const run_command = app.add_subcommand("run");
  for (CLI::App* const command : {serve_command, run_command}) {
    command->add_option("--transport", options.transport)->check(CLI::IsMember({"udp", "tcp"}));
    command->add_option("--address", options.address);
    command->add_option("--port", options.port);
    command->add_option("--size", options.size)->check(CLI::Range(std::size_t{2}, kSizeMax));
    command->add_option("--cpu", options.cpu);
    command->add_flag("--busy", options.is_busy);
  }
  run_command->add_option("--count", options.count)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  if (options.cpu >= 0) pin_to_core(options.cpu);
  serve_command->parsed() ? serve(options) : ping(options);
  return 0;
}

}  // namespace
}  // namespace jetway::bench

int main(int argc, char** argv) {
  try {
    return jetway::bench::run_ping(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ping_udp: %s\n", error.what());
    return 1;
  }
}
