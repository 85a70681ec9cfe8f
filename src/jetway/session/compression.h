#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>

#include "jetway/base/buffer.h"
#include "jetway/session/types.h"

// Compression of stream content (docs/protocol/session.md section 6). Content is a sequence of units
//
//   raw size (varint) | stored size (varint) | that many bytes
//
// each compressed by itself, so that nothing of one unit shows in another; stored size == raw size means that
// the bytes are as they were.
namespace jetway::session {

// The largest unit, whatever it holds; and the largest one that is compressed in a stream, which a receiver
// has to hold twice for a moment. A message is one unit up to the limit for messages.
inline constexpr std::size_t kUnitMaxBytes = std::size_t{16} << 20;
inline constexpr std::size_t kStreamUnitMaxBytes = 256 * 1024;

// How hard to compress. LZ4, chosen for its speed, knows no effort.
struct CompressionEffort {
  // 1 keeps up with a gigabit, and what is slower than that gains little more.
  int zstd_level = 1;
  // What does not become smaller by one part of so many is sent as it is.
  std::size_t gain_parts = 32;

  bool operator==(const CompressionEffort&) const = default;
};

// By what is known of the way: on Wi-Fi the processor is what is short, on a cellular network bytes are dear;
// without knowing, somewhere between. A way that is long or loses much makes each byte dearer. `loss` is the
// share of packets.
CompressionEffort compression_effort(NetworkStatus network, std::optional<Duration> rtt, double loss);

// Contexts of the algorithms, reused for every unit of a connection; none remembers anything of the unit
// before.
class Codec {
 public:
  Codec();
  ~Codec();

  // The compressed form, in memory that stays until the next call; nullopt when it would not be smaller by as
  // much as makes it worthwhile.
  std::optional<ByteView> compress(Compression algorithm, ByteView raw, const CompressionEffort& effort = {});
  // Fills `raw` from `stored`; false when that is not what comes out, without ever writing beyond `raw`.
  bool decompress(Compression algorithm, ByteView stored, MutableBytes raw);

  // What the last compress() returned goes too.
  void release_memory();

 private:
  struct Contexts;
  Contexts& contexts();

  std::unique_ptr<Contexts> contexts_;  // made when something is compressed
  Bytes scratch_;
};

// Whether compression is a waste of time: a sample of the bytes looks like noise.
bool looks_incompressible(ByteView raw);

inline constexpr std::size_t kUnitHeaderMaxBytes = 8;
struct UnitHeader {
  std::array<std::byte, kUnitHeaderMaxBytes> memory{};
  std::size_t size = 0;
  ByteView view() const { return ByteView{memory}.first(size); }
};
UnitHeader encode_unit_header(std::size_t raw_bytes, std::size_t stored_bytes);

// Takes units apart, in pieces of any size. Holds at most one compressed unit and what came out of it.
class UnitDecoder {
 public:
  // No compressed unit may be larger than `compressed_max_bytes`, which is checked before it is taken in.
  UnitDecoder(Compression algorithm, std::size_t compressed_max_bytes, Codec& codec)
      : algorithm_(algorithm), compressed_max_bytes_(compressed_max_bytes), codec_(&codec) {}

  struct Progress {
    std::size_t taken = 0;     // of `in`
    std::size_t produced = 0;  // in `out`
  };
  // Nothing taken and nothing produced: `in` or `out` is used up. The error is a static reason.
  std::expected<Progress, std::string_view> decode(ByteView in, MutableBytes out);

  bool has_output() const { return output_read_ < output_.size(); }
  // Between two units: where a stream may end.
  bool is_between_units() const {
    return !has_output() && plain_left_ == 0 && stored_bytes_ == 0 && header_.size == 0;
  }

 private:
  std::expected<std::size_t, std::string_view> take_header(ByteView in);
  std::expected<std::size_t, std::string_view> take_stored(ByteView in);

  Compression algorithm_;
  std::size_t compressed_max_bytes_;
  Codec* codec_;
  UnitHeader header_;
  std::size_t plain_left_ = 0;    // bytes of a unit that is stored as it was
  std::size_t raw_bytes_ = 0;     // of the compressed unit that is coming in
  std::size_t stored_bytes_ = 0;  // 0: none is
  Bytes stored_;
  Bytes output_;
  std::size_t output_read_ = 0;
};

}  // namespace jetway::session
