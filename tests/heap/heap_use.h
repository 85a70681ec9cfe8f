#pragma once

#include <cstdint>

namespace jetway {

// What the whole program has taken from the heap, the libraries in C among it.
struct HeapUse {
  std::uint64_t allocations = 0;  // ever
  std::int64_t bytes = 0;         // now, with what the allocator needs for each piece
};

// A program that calls this has its memory counted, from its first moment on.
HeapUse heap_use();

}  // namespace jetway
