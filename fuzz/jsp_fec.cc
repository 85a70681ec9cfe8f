// Bytes become the FEC frames of a peer, which may say anything, mixed with those of an honest one: memory
// stays bounded, nothing is repaired twice, and what the honest one protects comes back as it was.
#include <algorithm>
#include <map>

#include "jetway/jsp/fec/decoder.h"
#include "jetway/jsp/fec/encoder.h"
#include "jetway/wire/reader.h"

using namespace jetway;
using namespace jetway::jsp;

namespace {

constexpr FecDecoderConfig kSmall{.groups_max = 8, .bytes_max = 64 * 1024};

[[noreturn]] void fail() { __builtin_trap(); }

void drain(FecDecoder& decoder) {
  while (const auto repaired = decoder.poll_repaired()) {
    if (repaired->frames.empty() || repaired->frames.size() > kFecFramesMaxBytes) fail();
  }
  decoder.check_invariants();
  if (decoder.held_bytes() > kSmall.bytes_max) fail();
}

// Whatever a peer says.
void hostile(wire::Reader& in) {
  FecDecoder decoder{kSmall};
  while (!in.is_empty()) {
    const bool is_source = (in.u8() & 1) == 0;
    const std::uint64_t group = in.u8() % 16;
    const std::uint64_t index = in.u8() % 72;
    const std::uint64_t source_count = in.u8() % 72;
    const ByteView content = in.bytes(std::min<std::size_t>(in.u8(), in.remaining()));
    if (is_source) {
      (void)decoder.add_source({group, index}, 0, index, content);
    } else {
      (void)decoder.add_repair({group, source_count, index, content});
    }
    drain(decoder);
  }
}

// Groups of packets of which the input says which arrive: those that can be are repaired.
void honest(wire::Reader& in) {
  FecEncoder encoder;
  FecDecoder decoder{kSmall};
  PacketNumber number = 0;
  while (!in.is_empty()) {
    const std::size_t sources = 1 + in.u8() % 16;
    const std::size_t repairs = 1 + in.u8() % 8;
    const std::uint32_t arriving = in.u32();
    std::map<PacketNumber, Bytes> missing;
    std::size_t arrived = 0;
    for (std::size_t i = 0; i < sources; ++i, ++number) {
      Bytes frames(1 + in.u8(), static_cast<std::byte>(i + 1));
      const FecSourceFrame mark = encoder.next_source();
      encoder.add_source(1, number, {ByteView{frames}, {}}, {sources, repairs});
      if ((arriving >> i & 1) == 0) {
        missing.emplace(number, std::move(frames));
      } else {
        ++arrived;
        if (!decoder.add_source(mark, 1, number, frames)) fail();
      }
    }
    for (std::size_t i = 0; encoder.front(); ++i, encoder.pop_front()) {
      if ((arriving >> (16 + i) & 1) == 0) continue;
      ++arrived;
      if (!decoder.add_repair(*encoder.front())) fail();
      while (const auto repaired = decoder.poll_repaired()) {
        const auto found = missing.find(repaired->number);
        if (found == missing.end() || !equal_bytes(found->second, repaired->frames)) fail();
        missing.erase(found);
      }
    }
    if (arrived >= sources && !missing.empty()) fail();
    encoder.check_invariants();
    drain(decoder);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  wire::Reader in{std::as_bytes(std::span{data, size})};
  in.u8() % 2 == 0 ? hostile(in) : honest(in);
  return 0;
}
