#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "jetway/base/bytes.h"
#include "jetway/base/random.h"
#include "jetway/base/time.h"

namespace jetway::sim {

struct BytePipeConfig {
  // Each piece takes a delay between these; order is kept.
  Duration delay_min{0};
  Duration delay_max{0};
  // What is delivered at once: between 1 and this many bytes, whatever was written together.
  std::size_t piece_max_bytes = 64 * 1024;
  // Bytes on the way; a writer waits while there are so many.
  std::size_t capacity_bytes = 1 << 20;
  // The pipe breaks when this many bytes have been delivered.
  std::optional<std::uint64_t> cut_at;
  // Sees, and may change, every piece before it is delivered; `offset` counts from the start of the pipe.
  std::function<void(std::uint64_t offset, MutableBytes piece)> on_piece;
};

// One direction of a reliable, ordered pipe.
class BytePipe {
 public:
  BytePipe(BytePipeConfig config, std::uint64_t seed) : config_(std::move(config)), random_(seed) {}

  std::size_t room() const {
    return is_cut() ? 0 : config_.capacity_bytes - std::min(queued_bytes_, config_.capacity_bytes);
  }
  void write(TimePoint now, ByteView bytes);
  void close() { is_closed_ = true; }

  // The next piece that has arrived by now; nullopt: none.
  std::optional<Bytes> poll_piece(TimePoint now);
  // The reader has had all that there will be.
  bool is_at_end() const { return is_cut() || (is_closed_ && queue_.empty()); }
  bool is_cut() const { return config_.cut_at && delivered_bytes_ >= *config_.cut_at; }
  std::optional<TimePoint> next_arrival() const;

  // All that was written to it.
  const Bytes& captured() const { return captured_; }

 private:
  struct Piece {
    TimePoint arrival;
    Bytes bytes;
  };

  BytePipeConfig config_;
  SeededRandom random_;
  std::deque<Piece> queue_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t delivered_bytes_ = 0;
  bool is_closed_ = false;
  Bytes captured_;
};

}  // namespace jetway::sim
