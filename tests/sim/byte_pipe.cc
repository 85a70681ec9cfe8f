#include "tests/sim/byte_pipe.h"

#include <algorithm>

namespace jetway::sim {

void BytePipe::write(TimePoint now, ByteView bytes) {
  captured_.insert(captured_.end(), bytes.begin(), bytes.end());
  queued_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const std::size_t most = std::min(bytes.size(), config_.piece_max_bytes);
    const std::size_t size = 1 + static_cast<std::size_t>(random_.below(most));
    const auto spread = static_cast<std::uint64_t>((config_.delay_max - config_.delay_min).count());
    TimePoint arrival =
        now + config_.delay_min + Duration(static_cast<Duration::rep>(random_.below(spread + 1)));
    if (!queue_.empty()) arrival = std::max(arrival, queue_.back().arrival);
    queue_.push_back({.arrival = arrival, .bytes = to_bytes(bytes.first(size))});
    bytes = bytes.subspan(size);
  }
}

std::optional<Bytes> BytePipe::poll_piece(TimePoint now) {
  if (queue_.empty() || is_cut() || queue_.front().arrival > now) return std::nullopt;
  Bytes piece = std::move(queue_.front().bytes);
  queue_.pop_front();
  queued_bytes_ -= piece.size();
  if (config_.cut_at) piece.resize(std::min<std::uint64_t>(piece.size(), *config_.cut_at - delivered_bytes_));
  if (config_.on_piece) config_.on_piece(delivered_bytes_, piece);
  delivered_bytes_ += piece.size();
  return piece;
}

std::optional<TimePoint> BytePipe::next_arrival() const {
  if (queue_.empty() || is_cut()) return std::nullopt;
  return queue_.front().arrival;
}

}  // namespace jetway::sim
