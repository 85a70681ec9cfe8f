#pragma once

#include "jetway/base/log.h"

namespace jetway::transport {

inline constexpr Logger kLog{"transport"};

}  // namespace jetway::transport
