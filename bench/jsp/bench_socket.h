#pragma once

#include <cstdint>
#include <string>

#include <netinet/in.h>
#include <sys/socket.h>

// Blocking sockets for the programs that measure what there is without any protocol of ours.
namespace jetway::bench {

struct BenchAddress {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t size = 0;

  // A numeric address; throws std::runtime_error when it is none.
  static BenchAddress of(const std::string& host, std::uint16_t port);
  static BenchAddress local_of(int descriptor);
  std::uint16_t port() const;
};

// All throw std::system_error.
int bound_socket(int type, const BenchAddress& address);
int connected_socket(int type, const BenchAddress& address);
void set_option(int descriptor, int level, int name, int value);

}  // namespace jetway::bench
