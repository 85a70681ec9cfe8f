#pragma once

#include <string>

#include "jetway/transport/address.h"

namespace jetway::command {

// A listening address as others may dial it: where it is bound to all interfaces, the first address of this
// machine that is not its loopback. A guess: there may be a NAT in between.
transport::Address reachable_address(const transport::Address& bound);

}  // namespace jetway::command
