#pragma once

#include <expected>
#include <string_view>
#include <system_error>

#include "jetway/base/ip_endpoint.h"

namespace jetway::io {

// An address without a port: "192.0.2.1", "2001:db8::1", "fe80::1%eth0". invalid_argument: it is none;
// address_not_available: this machine does not have it now.
std::expected<IpEndpoint, std::error_code> find_local_address(std::string_view text);

}  // namespace jetway::io
