#include "jetway/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace jetway {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "jetway: internal error: %s does not hold (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace jetway
