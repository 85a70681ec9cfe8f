#include "jetway/jsp/fec/encoder.h"

#include <algorithm>
#include <span>

#include "jetway/base/assert.h"
#include "jetway/wire/writer.h"

namespace jetway::jsp {

FecEncoder::FecEncoder() : free_count_(kBuffersMax) {
  for (std::size_t i = 0; i < kBuffersMax; ++i) free_[i] = i;
}

void FecEncoder::add_source(PathId path, PacketNumber number, const std::array<ByteView, 2>& frames,
                            const FecShape& shape) {
  if (source_count_ == 0) open_group(shape);
  const ByteView symbol = make_symbol(path, number, frames);
  extend_sums(symbol.size());
  std::array<std::byte*, kFecRepairsMax> sums{};
  for (std::size_t i = 0; i < shape_.repairs; ++i) sums[i] = buffers_[sums_[i]].data();
  fec_accumulate(source_count_, symbol, std::span{sums}.first(shape_.repairs));
  ++source_count_;
  if (source_count_ == shape_.sources) close_group();
}

void FecEncoder::open_group(const FecShape& shape) {
  shape_ = {.sources = std::clamp<std::size_t>(shape.sources, 1, kFecSourcesMax),
            .repairs = std::clamp<std::size_t>(shape.repairs, 1, kFecRepairsMax)};
  symbol_bytes_ = 0;
  for (std::size_t i = 0; i < shape_.repairs; ++i) sums_[i] = take_buffer();
}

std::size_t FecEncoder::take_buffer() {
  if (free_count_ == 0) pop_front();
  return free_[--free_count_];
}

ByteView FecEncoder::make_symbol(PathId path, PacketNumber number, const std::array<ByteView, 2>& frames) {
  const std::size_t frames_bytes = frames[0].size() + frames[1].size();
  JETWAY_ASSERT(frames_bytes > 0 && frames_bytes <= kFecFramesMaxBytes);
  const std::size_t bytes = kFecSymbolHeaderBytes + frames_bytes;
  if (symbol_.size() < bytes) symbol_.resize(bytes);
  wire::Writer out{symbol_};
  out.u32(path);
  out.u64(number);
  out.u16(static_cast<std::uint16_t>(frames_bytes));
  for (const ByteView part : frames) out.bytes(part);
  return out.written();
}

// A longer source than those before: they count as padded with zeros.
void FecEncoder::extend_sums(std::size_t bytes) {
  if (bytes <= symbol_bytes_) return;
  for (std::size_t i = 0; i < shape_.repairs; ++i) {
    Bytes& sum = buffers_[sums_[i]];
    if (sum.size() < bytes) sum.resize(bytes);
    std::ranges::fill(MutableBytes{sum}.subspan(symbol_bytes_, bytes - symbol_bytes_), std::byte{0});
  }
  symbol_bytes_ = bytes;
}

void FecEncoder::close_group() {
  if (source_count_ == 0) return;
  for (std::size_t i = 0; i < shape_.repairs; ++i) {
    waiting_[(first_waiting_ + waiting_count_) % kBuffersMax] = {.group = group_,
                                                                 .source_count = source_count_,
                                                                 .index = i,
                                                                 .bytes = symbol_bytes_,
                                                                 .buffer = sums_[i]};
    ++waiting_count_;
  }
  ++group_;
  source_count_ = 0;
}

std::optional<FecRepairFrame> FecEncoder::front() const {
  if (waiting_count_ == 0) return std::nullopt;
  const Waiting& first = waiting_at(0);
  return FecRepairFrame{.group = first.group,
                        .source_count = first.source_count,
                        .index = first.index,
                        .symbol = ByteView{buffers_[first.buffer]}.first(first.bytes)};
}

void FecEncoder::pop_front() {
  JETWAY_ASSERT(waiting_count_ > 0);
  free_[free_count_++] = waiting_at(0).buffer;
  first_waiting_ = (first_waiting_ + 1) % kBuffersMax;
  --waiting_count_;
}

void FecEncoder::release_memory() {
  if (has_open_group() || waiting_count_ > 0) return;
  for (Bytes& buffer : buffers_) buffer = Bytes{};
  symbol_ = Bytes{};
}

void FecEncoder::check_invariants() const {
  const std::size_t open = source_count_ > 0 ? shape_.repairs : 0;
  JETWAY_ASSERT(free_count_ + waiting_count_ + open == kBuffersMax);
  JETWAY_ASSERT(source_count_ < kFecSourcesMax);
  for (std::size_t i = 0; i < waiting_count_; ++i) {
    JETWAY_ASSERT(waiting_at(i).bytes <= buffers_[waiting_at(i).buffer].size());
  }
}

}  // namespace jetway::jsp
