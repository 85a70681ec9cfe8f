#include "jetway/io/local_address.h"

#include <cstring>
#include <string>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jetway/io/socket_endpoint.h"

namespace jetway::io {

// Whether it is ours is best said by the system itself: a socket can be bound to it.
std::expected<IpEndpoint, std::error_code> find_local_address(std::string_view text) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(std::string{text}.c_str(), "0", &hints, &found) != 0)
    return std::unexpected(std::make_error_code(std::errc::invalid_argument));
  SocketName name{};
  const socklen_t size = found->ai_addrlen;
  std::memcpy(&name, found->ai_addr, size);
  ::freeaddrinfo(found);
  const IpEndpoint address = read_name(name);
  if (has_unspecified_address(address))
    return std::unexpected(std::make_error_code(std::errc::invalid_argument));
  const int descriptor = ::socket(name.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool is_ours = descriptor >= 0 && ::bind(descriptor, &name.any, size) == 0;
  if (descriptor >= 0) ::close(descriptor);
  if (!is_ours) return std::unexpected(std::make_error_code(std::errc::address_not_available));
  return address;
}

}  // namespace jetway::io
