#pragma once

#include "jetway/session/path_statistics.h"

namespace jetway::transport {

// What the kernel knows about the path of a TCP connection (TCP_INFO).
session::PathStatistics measure_tcp_path(int descriptor);

}  // namespace jetway::transport
