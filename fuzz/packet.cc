// A byte pipe that a stranger writes to: whatever comes, in whatever pieces, is cut into packets or refused.
#include <algorithm>

#include "jetway/wire/packet_decoder.h"

using namespace jetway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLimit = 4096;
  if (size == 0) return 0;
  // The first byte says how large the pieces are that the pipe delivers.
  const std::size_t piece = std::size_t{1} + data[0];
  ByteView pipe = std::as_bytes(std::span{data, size}).subspan(1);
  wire::PacketDecoder decoder{kLimit, 64};
  while (!pipe.empty()) {
    const MutableBytes room = decoder.prepare();
    const std::size_t count = std::min({room.size(), pipe.size(), piece});
    copy_bytes(room, pipe.first(count));
    decoder.commit(count);
    pipe = pipe.subspan(count);
    while (true) {
      const auto packet = decoder.poll();
      if (!packet) return 0;
      if (!*packet) break;
      if ((*packet)->payload.size() > kLimit) __builtin_trap();
      const auto again = wire::encode_packet_header((*packet)->header);
      if (again != (*packet)->header_bytes) __builtin_trap();
    }
    if (decoder.buffered_bytes() > kLimit + wire::kPacketHeaderBytes) __builtin_trap();
  }
  return 0;
}
