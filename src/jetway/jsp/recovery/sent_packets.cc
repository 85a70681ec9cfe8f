#include "jetway/jsp/recovery/sent_packets.h"

#include <utility>

#include "jetway/base/assert.h"

namespace jetway::jsp {
namespace {

constexpr std::size_t kSentPacketsMin = 8;

}  // namespace

std::uint64_t SentPackets::lower_bound(PacketNumber number) const {
  if (begin_ == end_ || number <= slot(begin_).number) return begin_;
  // Where it is when no number between has been left out, and never before where it is.
  const PacketNumber distance = number - slot(begin_).number;
  const std::uint64_t guess = distance < end_ - begin_ ? begin_ + distance : end_;
  if (guess < end_ && slot(guess).number == number) return guess;
  std::uint64_t low = begin_;
  std::uint64_t high = guess;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (slot(middle).number < number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void SentPackets::trim() {
  if (count_ == 0) {
    begin_ = end_;
    return;
  }
  begin_ = next_present(begin_);
  while (!is_present(end_ - 1)) --end_;
}

void SentPackets::sort_last() {
  for (std::uint64_t i = end_ - 1; i > begin_ && slot(i - 1).number > slot(i).number; --i) {
    std::swap(slot(i - 1), slot(i));
    if (is_present(i - 1)) continue;
    // A place whose packet is gone moves up.
    mark(i - 1);
    unmark(i);
  }
  trim();
}

void SentPackets::grow() {
  const std::size_t size = std::max(kSentPacketsMin, 2 * packets_.size());
  std::vector<SentPacket> packets(size);
  std::vector<std::uint64_t> present((size + 63) / 64);
  for (std::uint64_t i = begin_; i < end_; ++i) {
    const std::uint64_t position = i & (size - 1);
    packets[position] = slot(i);
    if (is_present(i)) present[position / 64] |= std::uint64_t{1} << (position % 64);
  }
  packets_ = std::move(packets);
  present_ = std::move(present);
}

void SentPackets::clear() { *this = SentPackets{}; }

void SentPackets::check_invariants() const {
  JETWAY_ASSERT(end_ - begin_ <= packets_.size());
  std::size_t count = 0;
  for (std::uint64_t i = begin_; i < end_; ++i) {
    if (is_present(i)) ++count;
    JETWAY_ASSERT(i == begin_ || slot(i - 1).number < slot(i).number);
  }
  JETWAY_ASSERT(count == count_);
  JETWAY_ASSERT(count == 0 ? begin_ == end_ : is_present(begin_) && is_present(end_ - 1));
}

}  // namespace jetway::jsp
