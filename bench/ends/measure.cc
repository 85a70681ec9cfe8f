#include "bench/ends/measure.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace jetway::bench {

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

void enter_namespace(const std::string& name) {
  if (name.empty()) return;
  const int descriptor = ::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 || ::setns(descriptor, CLONE_NEWNET) != 0) {
    throw std::runtime_error("network namespace " + name + ": " + std::strerror(errno));
  }
  ::close(descriptor);
}

sockaddr_in socket_address(const std::string& address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &result.sin_addr) != 1) {
    throw std::runtime_error(address + " is no IPv4 address");
  }
  return result;
}

template <class T>
void send_value(int descriptor, const T& value) {
  if (::write(descriptor, &value, sizeof value) != sizeof value) throw std::runtime_error("pipe");
}

template <class T>
T receive_value(int descriptor) {
  T value{};
  if (::read(descriptor, &value, sizeof value) != sizeof value) throw std::runtime_error("the server failed");
  return value;
}

}  // namespace

Reading Reading::now() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return {.wall = std::chrono::duration<double>(since).count(),
          .cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime)};
}

double now_us() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::micro>(since).count();
}

Usage between(const Reading& from, const Reading& to) { return {to.wall - from.wall, to.cpu - from.cpu}; }

void pin_to_core(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(core), &set);
  ::sched_setaffinity(0, sizeof set, &set);  // on a machine with one core there is nothing to pin
}

Latency summarize(std::vector<double> samples_us) {
  if (samples_us.empty()) return {};
  std::ranges::sort(samples_us);
  const auto quantile = [&](double share) {
    return samples_us[static_cast<std::size_t>(share * static_cast<double>(samples_us.size() - 1))];
  };
  return {.p50_us = quantile(0.5),
          .p99_us = quantile(0.99),
          .max_us = samples_us.back(),
          .samples = samples_us.size()};
}

ListeningSocket ListeningSocket::open(const std::string& address) {
  ListeningSocket result{.descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in local = socket_address(address, 0);
  socklen_t size = sizeof local;
  if (result.descriptor < 0 ||
      ::bind(result.descriptor, reinterpret_cast<const sockaddr*>(&local), size) != 0 ||
      ::listen(result.descriptor, 128) != 0 ||
      ::getsockname(result.descriptor, reinterpret_cast<sockaddr*>(&local), &size) != 0) {
    throw std::runtime_error("cannot listen on " + address);
  }
  result.port = ntohs(local.sin_port);
  return result;
}

int dial_tcp(const std::string& address, std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in remote = socket_address(address, port);
  if (descriptor < 0 ||
      ::connect(descriptor, reinterpret_cast<const sockaddr*>(&remote), sizeof remote) != 0) {
    throw std::runtime_error("cannot connect to " + address);
  }
  set_no_delay(descriptor);
  return descriptor;
}

void set_no_delay(int descriptor) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

BothReports run_both(const Layout& layout, const Server& server, const Client& client) {
  int channel[2];
  if (::pipe(channel) != 0) throw std::runtime_error("pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    enter_namespace(layout.server_namespace);
    pin_to_core(layout.server_core);
    send_value(channel[1], server([&](std::uint16_t port) { send_value(channel[1], port); }));
    std::_Exit(0);
  }
  enter_namespace(layout.client_namespace);
  pin_to_core(layout.client_core);
  ::close(channel[1]);
  const EndReport of_client = client(receive_value<std::uint16_t>(channel[0]));
  const EndReport of_server = receive_value<EndReport>(channel[0]);
  ::waitpid(child, nullptr, 0);
  return {.client = of_client, .server = of_server};
}

}  // namespace jetway::bench
