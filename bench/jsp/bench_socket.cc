#include "bench/jsp/bench_socket.h"

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>

namespace jetway::bench {

namespace {

int open_socket(int family, int type) {
  const int descriptor = ::socket(family, type | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw std::system_error(errno, std::system_category(), "socket");
  set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  return descriptor;
}

}  // namespace

BenchAddress BenchAddress::of(const std::string& host, std::uint16_t port) {
  BenchAddress address{};
  if (::inet_pton(AF_INET, host.c_str(), &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
    address.size = sizeof address.v4;
    return address;
  }
  address.v6 = {};
  if (::inet_pton(AF_INET6, host.c_str(), &address.v6.sin6_addr) != 1) {
    throw std::runtime_error(host + ": not an address");
  }
  address.v6.sin6_family = AF_INET6;
  address.v6.sin6_port = htons(port);
  address.size = sizeof address.v6;
  return address;
}

BenchAddress BenchAddress::local_of(int descriptor) {
  BenchAddress address{};
  address.v6 = {};
  address.size = sizeof address.v6;
  ::getsockname(descriptor, &address.any, &address.size);
  return address;
}

// Stands in the same place in both.
std::uint16_t BenchAddress::port() const { return ntohs(v4.sin_port); }

void set_option(int descriptor, int level, int name, int value) {
  if (::setsockopt(descriptor, level, name, &value, sizeof value) == 0) return;
  throw std::system_error(errno, std::system_category(), "setsockopt");
}

int bound_socket(int type, const BenchAddress& address) {
  const int descriptor = open_socket(address.any.sa_family, type);
  if (::bind(descriptor, &address.any, address.size) == 0) return descriptor;
  throw std::system_error(errno, std::system_category(), "bind");
}

int connected_socket(int type, const BenchAddress& address) {
  const int descriptor = open_socket(address.any.sa_family, type);
  if (::connect(descriptor, &address.any, address.size) == 0) return descriptor;
  throw std::system_error(errno, std::system_category(), "connect");
}

}  // namespace jetway::bench
