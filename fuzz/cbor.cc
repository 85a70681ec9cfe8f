// A control message: read or refused; and since its encoding is deterministic, what was read has no other
// one.
#include "jetway/wire/cbor.h"

using namespace jetway;

namespace {

// Reads any value whose maps have integer keys and writes it again.
void copy_value(wire::CborReader& in, wire::CborWriter& out, ByteView input, unsigned choice) {
  switch (choice % 6) {
    case 0:
      out.uint(in.uint());
      break;
    case 1:
      out.integer(in.integer());
      break;
    case 2:
      out.boolean(in.boolean());
      break;
    case 3:
      out.bytes(in.bytes(input.size()));
      break;
    case 4:
      out.text(in.text(input.size()));
      break;
    default:
      out.array([&] { in.array(16, [&](std::size_t) { copy_value(in, out, input, choice / 6); }); });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView input = std::as_bytes(std::span{data, size}).subspan(1);
  {
    wire::CborReader in{input};
    in.skip();
    (void)in.finish();
  }
  wire::CborReader in{input};
  wire::CborWriter out;
  out.map([&] {
    in.map([&](std::uint64_t key) {
      out.key(key);
      copy_value(in, out, input, data[0] + static_cast<unsigned>(key));
    });
  });
  if (in.finish() && !equal_bytes(out.take(), input)) __builtin_trap();
  return 0;
}
