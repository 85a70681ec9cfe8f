// JSP's own frames of a packet, or an error; and what was decoded is what its encoding says.
#include "jetway/jsp/early_data.h"
#include "jetway/jsp/frame.h"

using namespace jetway;

namespace {

Bytes encode(const jsp::Frame& frame) {
  Bytes bytes(jsp::frame_size(frame));
  wire::Writer out{bytes};
  jsp::encode_frame(out, frame);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = std::as_bytes(std::span{data, size});
  static_cast<void>(jsp::find_forbidden_early(bytes));
  wire::Reader in{bytes};
  jsp::RangeBuffer ranges;
  jsp::RangeBuffer ranges_again;
  for (wire::skip_padding(in); !in.is_empty(); wire::skip_padding(in)) {
    const auto frame = jsp::decode_frame(in, ranges);
    if (!frame) return 0;
    const Bytes first = encode(*frame);
    wire::Reader encoded{first};
    const auto again = jsp::decode_frame(encoded, ranges_again);
    if (!again || !encoded.is_complete() || again->index() != frame->index()) __builtin_trap();
    if (encode(*again) != first) __builtin_trap();
  }
  return 0;
}
