#include "apps/jetway/reachable_host.h"

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

namespace jetway::command {

namespace {

// Of an interface that is up and no loopback; link-local IPv6 needs a zone and is left out.
std::optional<std::string> address_text(const ifaddrs& entry, int family) {
  constexpr unsigned kUp = IFF_UP | IFF_RUNNING;
  const bool is_candidate = entry.ifa_addr != nullptr && entry.ifa_addr->sa_family == family &&
                            (entry.ifa_flags & kUp) == kUp && (entry.ifa_flags & IFF_LOOPBACK) == 0;
  if (!is_candidate) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* address = nullptr;
  if (family == AF_INET) {
    address = &reinterpret_cast<const sockaddr_in*>(entry.ifa_addr)->sin_addr;
  } else {
    const in6_addr& in6 = reinterpret_cast<const sockaddr_in6*>(entry.ifa_addr)->sin6_addr;
    if (IN6_IS_ADDR_LINKLOCAL(&in6)) return std::nullopt;
    address = &in6;
  }
  if (::inet_ntop(family, address, text.data(), text.size()) == nullptr) return std::nullopt;
  return std::string{text.data()};
}

std::string own_host() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return "localhost";
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner{list, ::freeifaddrs};
  for (const int family : {AF_INET, AF_INET6}) {
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
      if (auto text = address_text(*entry, family)) return *std::move(text);
    }
  }
  return "localhost";
}

}  // namespace

transport::Address reachable_address(const transport::Address& bound) {
  transport::Address address = bound;
  if (auto* host = std::get_if<transport::HostEndpoint>(&address.endpoint)) {
    const bool is_everywhere = host->host.empty() || host->host == "0.0.0.0" || host->host == "::";
    if (is_everywhere) host->host = own_host();
  }
  return address;
}

}  // namespace jetway::command
