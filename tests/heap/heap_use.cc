#include "tests/heap/heap_use.h"

#include <atomic>
#include <cerrno>
#include <cstddef>

#include <malloc.h>

// Glibc's own names for its own.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)

namespace {

std::atomic<std::uint64_t> allocations = 0;
std::atomic<std::int64_t> bytes = 0;

// Glibc keeps the size of each piece in front of it.
std::int64_t taken_by(void* memory) {
  return static_cast<std::int64_t>(::malloc_usable_size(memory) + sizeof(std::size_t));
}

void* counted(void* memory) {
  if (memory == nullptr) return nullptr;
  allocations.fetch_add(1, std::memory_order_relaxed);
  bytes.fetch_add(taken_by(memory), std::memory_order_relaxed);
  return memory;
}

void count_given_back(void* memory) {
  if (memory != nullptr) bytes.fetch_sub(taken_by(memory), std::memory_order_relaxed);
}

}  // namespace

// What new and delete are made of, and what libraries in C call.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): glibc's have no names of meaning
extern "C" {
void* malloc(std::size_t size) { return counted(__libc_malloc(size)); }
void* calloc(std::size_t count, std::size_t size) { return counted(__libc_calloc(count, size)); }
void* memalign(std::size_t alignment, std::size_t size) { return counted(__libc_memalign(alignment, size)); }
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  void* const memory = memalign(alignment, size);
  if (memory == nullptr) return ENOMEM;
  *out = memory;
  return 0;
}
void* realloc(void* memory, std::size_t size) {
  const std::int64_t before = memory == nullptr ? 0 : taken_by(memory);
  void* const moved = __libc_realloc(memory, size);
  if (moved != nullptr || size == 0) bytes.fetch_sub(before, std::memory_order_relaxed);
  return counted(moved);
}
void free(void* memory) {
  count_given_back(memory);
  __libc_free(memory);
}
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)

namespace jetway {

HeapUse heap_use() {
  return {.allocations = allocations.load(std::memory_order_relaxed),
          .bytes = bytes.load(std::memory_order_relaxed)};
}

}  // namespace jetway
