// The content of a packet: frames or an error; and what was decoded is what its encoding says.
#include "jetway/wire/frame.h"

using namespace jetway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  wire::Reader in{std::as_bytes(std::span{data, size})};
  Bytes first;
  Bytes second;
  for (wire::skip_padding(in); !in.is_empty(); wire::skip_padding(in)) {
    const auto frame = wire::decode_frame(in);
    if (!frame) return 0;
    first.resize(wire::frame_size(*frame));
    wire::Writer out{first};
    wire::encode_frame(out, *frame);
    wire::Reader encoded{first};
    const auto again = wire::decode_frame(encoded);
    if (!again || !encoded.is_complete()) __builtin_trap();
    second.resize(wire::frame_size(*again));
    wire::Writer out_again{second};
    wire::encode_frame(out_again, *again);
    if (first != second) __builtin_trap();
  }
  return 0;
}
