#pragma once

namespace jetway {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace jetway

// For our own mistakes, in every build. What a peer or a user did wrong is never asserted.
#define JETWAY_ASSERT(expression) \
  (static_cast<bool>(expression) ? void(0) : ::jetway::assertion_failed(#expression, __FILE__, __LINE__))
