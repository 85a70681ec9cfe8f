#include <gtest/gtest.h>

#include "jetway/jsp/fec/fec.h"
#include "tests/heap/heap_use.h"
#include "tests/jsp_fec/group.h"

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
  const std::uint64_t before = heap_use().allocations;
  for (int i = 0; i < 1000; ++i) round();
  EXPECT_EQ(heap_use().allocations, before);
  EXPECT_EQ(repaired, 1100u);
}

}  // namespace
}  // namespace jetway::jsp
