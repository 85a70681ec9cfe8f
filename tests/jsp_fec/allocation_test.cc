#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "jetway/jsp/fec/fec.h"
#include "tests/jsp_fec/group.h"

// Counts what this program allocates.
namespace {

std::size_t allocation_count = 0;

void* allocate(std::size_t size) {
  ++allocation_count;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }    // NOLINT(cppcoreguidelines-no-malloc)
void operator delete[](void* memory) noexcept { std::free(memory); }  // NOLINT(cppcoreguidelines-no-malloc)
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete[](memory); }

namespace jetway::jsp {
namespace {

TEST(FecAllocationTest, ProtectingAndRepairingAllocatesNothingOnceItIsWarm) {
  SeededRandom random{21};
  FecEncoder encoder;
  FecDecoder decoder;
  const Bytes frames = test::random_bytes(random, 1300);
  PacketNumber number = 0;
  std::size_t repaired = 0;
  const auto round = [&] {
    for (int i = 0; i < 10; ++i) {
      const FecSourceFrame mark = encoder.next_source();
      encoder.add_source(0, number, {ByteView{frames}.first(20), ByteView{frames}.subspan(20)}, {10, 2});
      if (i != 3) static_cast<void>(decoder.add_source(mark, 0, number, frames));
      ++number;
    }
    while (const auto repair = encoder.front()) {
      static_cast<void>(decoder.add_repair(*repair));
      while (decoder.poll_repaired()) ++repaired;
      encoder.pop_front();
    }
  };
  for (int i = 0; i < 100; ++i) round();
  const std::size_t before = allocation_count;
  for (int i = 0; i < 1000; ++i) round();
  EXPECT_EQ(allocation_count, before);
  EXPECT_EQ(repaired, 1100u);
}

}  // namespace
}  // namespace jetway::jsp
