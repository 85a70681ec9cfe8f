#include "bench/session_tcp/measure.h"

#include <chrono>
#include <cstdlib>
#include <stdexcept>

#include <netinet/in.h>
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

Usage between(const Reading& from, const Reading& to) { return {to.wall - from.wall, to.cpu - from.cpu}; }

void pin_to_core(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(core), &set);
  ::sched_setaffinity(0, sizeof set, &set);  // on a machine with one core there is nothing to pin
}

ListeningSocket ListeningSocket::open() {
  ListeningSocket result{.descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(result.descriptor, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(result.descriptor, 128) != 0 ||
      ::getsockname(result.descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("cannot listen");
  }
  result.port = ntohs(address.sin_port);
  return result;
}

BothUsages run_both(const Server& server, const Client& client) {
  int channel[2];
  if (::pipe(channel) != 0) throw std::runtime_error("pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    pin_to_core(1);
    send_value(channel[1], server([&](std::uint16_t port) { send_value(channel[1], port); }));
    std::_Exit(0);
  }
  pin_to_core(0);
  ::close(channel[1]);
  const Usage of_client = client(receive_value<std::uint16_t>(channel[0]));
  const Usage of_server = receive_value<Usage>(channel[0]);
  ::waitpid(child, nullptr, 0);
  return {.client = of_client, .server = of_server};
}

}  // namespace jetway::bench
