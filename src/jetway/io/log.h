#pragma once

#include "jetway/base/log.h"

namespace jetway::io {

inline constexpr Logger kLog{"io"};

}  // namespace jetway::io
