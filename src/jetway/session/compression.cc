#include "jetway/session/compression.h"

#include <algorithm>
#include <limits>

#include <zstd.h>

#include <lz4.h>

#include "jetway/base/assert.h"
#include "jetway/wire/reader.h"
#include "jetway/wire/varint.h"
#include "jetway/wire/writer.h"

namespace jetway::session {

namespace {

constexpr int kLz4Acceleration = 1;

// A way on which every byte counts.
constexpr Duration kLongRtt = std::chrono::milliseconds(200);
constexpr double kMuchLoss = 0.02;
constexpr int kMoreLevels = 2;

constexpr std::size_t kSamplePieces = 16;
constexpr std::size_t kSamplePieceBytes = 256;

}  // namespace

struct Codec::Contexts {
  struct FreeZstd {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, FreeZstd> zstd_compress;
  std::unique_ptr<ZSTD_DCtx, FreeZstd> zstd_decompress;
  Bytes lz4_state;
};

Codec::Codec() = default;
Codec::~Codec() = default;

Codec::Contexts& Codec::contexts() {
  if (!contexts_) contexts_ = std::make_unique<Contexts>();
  return *contexts_;
}

void Codec::release_memory() {
  contexts_.reset();
  scratch_ = Bytes();
}

CompressionEffort compression_effort(NetworkStatus network, std::optional<Duration> rtt, double loss) {
  CompressionEffort effort;
  if (network == NetworkStatus::Wifi) effort.gain_parts = 16;
  if (network == NetworkStatus::Cellular) effort = {.zstd_level = 6, .gain_parts = 64};
  if (rtt.value_or(Duration::zero()) >= kLongRtt || loss >= kMuchLoss) effort.zstd_level += kMoreLevels;
  return effort;
}

std::optional<ByteView> Codec::compress(Compression algorithm, ByteView raw,
                                        const CompressionEffort& effort) {
  JETWAY_ASSERT(raw.size() <= kUnitMaxBytes);
  const std::size_t limit = raw.size() - raw.size() / effort.gain_parts;
  if (limit == raw.size()) return std::nullopt;
  if (scratch_.size() < limit) scratch_.resize(limit);
  if (algorithm == Compression::Zstd) {
    if (!contexts().zstd_compress) contexts().zstd_compress.reset(ZSTD_createCCtx());
    const std::size_t size = ZSTD_compressCCtx(contexts().zstd_compress.get(), scratch_.data(), limit,
                                               raw.data(), raw.size(), effort.zstd_level);
    if (ZSTD_isError(size) != 0) return std::nullopt;  // it does not fit
    return ByteView{scratch_}.first(size);
  }
  JETWAY_ASSERT(algorithm == Compression::Lz4);
  contexts().lz4_state.resize(static_cast<std::size_t>(LZ4_sizeofState()));
  const int size =
      LZ4_compress_fast_extState(contexts().lz4_state.data(), reinterpret_cast<const char*>(raw.data()),
                                 reinterpret_cast<char*>(scratch_.data()), static_cast<int>(raw.size()),
                                 static_cast<int>(limit), kLz4Acceleration);
  if (size <= 0) return std::nullopt;
  return ByteView{scratch_}.first(static_cast<std::size_t>(size));
}

bool Codec::decompress(Compression algorithm, ByteView stored, MutableBytes raw) {
  if (algorithm == Compression::Zstd) {
    if (!contexts().zstd_decompress) contexts().zstd_decompress.reset(ZSTD_createDCtx());
    const std::size_t size = ZSTD_decompressDCtx(contexts().zstd_decompress.get(), raw.data(), raw.size(),
                                                 stored.data(), stored.size());
    return ZSTD_isError(size) == 0 && size == raw.size();
  }
  JETWAY_ASSERT(algorithm == Compression::Lz4);
  const int size =
      LZ4_decompress_safe(reinterpret_cast<const char*>(stored.data()), reinterpret_cast<char*>(raw.data()),
                          static_cast<int>(stored.size()), static_cast<int>(raw.size()));
  return size >= 0 && static_cast<std::size_t>(size) == raw.size();
}

// How often two bytes of a sample are equal: for noise that is 1 in 256, and one sixth more is taken for
// noise still. Unlike an estimate of the entropy this needs no logarithm and is not biased by the size of the
// sample.
bool looks_incompressible(ByteView raw) {
  std::array<std::uint32_t, 256> counts{};
  std::uint64_t total = 0;
  const std::size_t pieces = std::clamp<std::size_t>(raw.size() / kSamplePieceBytes, 1, kSamplePieces);
  const std::size_t stride = raw.size() / pieces;
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    const ByteView sample = raw.subspan(piece * stride, std::min(kSamplePieceBytes, stride));
    for (const std::byte byte : sample) ++counts[std::to_integer<std::size_t>(byte)];
    total += sample.size();
  }
  std::uint64_t equal_pairs = 0;
  for (const std::uint64_t count : counts) equal_pairs += count * (count - (count > 0 ? 1 : 0));
  return total > 1 && equal_pairs * 256 * 6 < total * (total - 1) * 7;
}

UnitHeader encode_unit_header(std::size_t raw_bytes, std::size_t stored_bytes) {
  UnitHeader header;
  wire::Writer out{header.memory};
  out.varint(raw_bytes);
  out.varint(stored_bytes);
  header.size = out.size();
  return header;
}

std::expected<UnitDecoder::Progress, std::string_view> UnitDecoder::decode(ByteView in, MutableBytes out) {
  Progress progress;
  while (true) {
    const MutableBytes room = out.subspan(progress.produced);
    const ByteView left = in.subspan(progress.taken);
    if (has_output()) {
      const std::size_t count = std::min(room.size(), output_.size() - output_read_);
      copy_bytes(room, ByteView{output_}.subspan(output_read_, count));
      output_read_ += count;
      progress.produced += count;
      if (has_output()) return progress;
    } else if (plain_left_ > 0) {
      const std::size_t count = std::min({room.size(), left.size(), plain_left_});
      if (count == 0) return progress;
      copy_bytes(room, left.first(count));
      plain_left_ -= count;
      progress.taken += count;
      progress.produced += count;
    } else if (left.empty()) {
      return progress;
    } else {
      const auto taken = stored_bytes_ > 0 ? take_stored(left) : take_header(left);
      if (!taken) return std::unexpected(taken.error());
      progress.taken += *taken;
    }
  }
}

std::expected<std::size_t, std::string_view> UnitDecoder::take_header(ByteView in) {
  std::size_t taken = 0;
  while (taken < in.size()) {
    header_.memory[header_.size++] = in[taken++];
    wire::Reader reader{header_.view()};
    const std::uint64_t raw = reader.varint();
    const std::uint64_t stored = reader.varint();
    if (!reader.ok()) {
      if (header_.size == header_.memory.size()) return std::unexpected("unit header is too long");
      continue;
    }
    header_.size = 0;
    if (raw == 0 || stored == 0 || stored > raw) return std::unexpected("unit of an impossible size");
    if (raw > kUnitMaxBytes) return std::unexpected("unit is too large");
    if (stored == raw) {
      plain_left_ = static_cast<std::size_t>(raw);
    } else {
      if (raw > compressed_max_bytes_) return std::unexpected("compressed unit is too large");
      raw_bytes_ = static_cast<std::size_t>(raw);
      stored_bytes_ = static_cast<std::size_t>(stored);
    }
    return taken;
  }
  return taken;
}

std::expected<std::size_t, std::string_view> UnitDecoder::take_stored(ByteView in) {
  const std::size_t count = std::min(in.size(), stored_bytes_ - stored_.size());
  ByteView unit = in.first(count);
  if (count < stored_bytes_) {  // in pieces
    stored_.insert(stored_.end(), unit.begin(), unit.end());
    if (stored_.size() < stored_bytes_) return count;
    unit = stored_;
  }
  output_.resize(raw_bytes_);
  output_read_ = 0;
  const bool is_good = codec_->decompress(algorithm_, unit, output_);
  stored_.clear();
  stored_bytes_ = 0;
  if (!is_good) return std::unexpected("unit does not decompress to its size");
  return count;
}

}  // namespace jetway::session
