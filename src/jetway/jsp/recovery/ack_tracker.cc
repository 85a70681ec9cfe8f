#include "jetway/jsp/recovery/ack_tracker.h"

#include <algorithm>

#include "jetway/base/assert.h"

namespace jetway::jsp {
namespace {

// Below it timers are too coarse to tell delays apart.
constexpr std::chrono::milliseconds kAckDelayMin{1};
constexpr std::uint64_t kAckPacketsLimit = 1 << 20;
// So many ranges may be repeated, and so many frames sent, without asking whether they arrive.
constexpr std::size_t kQuietRanges = 8;
constexpr std::uint32_t kQuietFrames = 64;

std::ptrdiff_t offset(std::size_t index) { return static_cast<std::ptrdiff_t>(index); }

}  // namespace

AckTracker::AckTracker(PacketSpace space, const AckConfig& config) : space_(space), config_(config) {
  JETWAY_ASSERT(config.ranges_max >= 1 && config.ranges_max <= kAckRangesMax && config.packets_max >= 1);
}

std::optional<PacketNumber> AckTracker::largest() const {
  return ranges_.empty() ? std::nullopt : std::optional{ranges_.front().last};
}

bool AckTracker::is_duplicate(PacketNumber number) const {
  if (number < floor_) return true;
  for (const PacketRange& range : ranges_) {
    if (number > range.last) return false;
    if (number >= range.first) return true;
  }
  return false;
}

void AckTracker::insert_at(std::size_t index, PacketNumber number) {
  ranges_.insert(ranges_.begin() + offset(index), {.first = number, .last = number});
  if (ranges_.size() <= config_.ranges_max) return;
  floor_ = ranges_.back().last + 1;
  ranges_.pop_back();
}

// False: it was there already.
bool AckTracker::insert(PacketNumber number) {
  if (!ranges_.empty() && number == ranges_.front().last + 1) {
    ++ranges_.front().last;
    return true;
  }
  std::size_t i = 0;
  while (i < ranges_.size() && ranges_[i].first > number + 1) ++i;
  if (i == ranges_.size() || number > ranges_[i].last + 1) {
    insert_at(i, number);
    return true;
  }
  if (number == ranges_[i].last + 1) {
    ranges_[i].last = number;
    return true;
  }
  if (number >= ranges_[i].first) return false;
  ranges_[i].first = number;
  if (i + 1 < ranges_.size() && ranges_[i + 1].last + 1 == number) {
    ranges_[i].first = ranges_[i + 1].first;
    ranges_.erase(ranges_.begin() + offset(i + 1));
  }
  return true;
}

// draft-ietf-quic-ack-frequency section 6.2: whether the peer can now tell by its reordering threshold that a
// packet is lost, which it could not by our last frame; or that one is not lost which it may have given up.
bool AckTracker::shows_reordering(PacketNumber number) const {
  const std::uint64_t threshold = reordering_threshold_;
  if (threshold == 0) return false;
  const PacketNumber told = largest_told_.value_or(0);
  if (number + threshold <= told) return true;

  const PacketNumber unreported = largest_told_ && told >= threshold ? told - threshold + 1 : 0;
  std::optional<PacketNumber> missing;
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    const PacketNumber gap_first = i + 1 < ranges_.size() ? ranges_[i + 1].last + 1 : floor_;
    if (ranges_[i].first <= std::max(gap_first, unreported)) break;
    missing = std::max(gap_first, unreported);
  }
  return missing && ranges_.front().last - *missing >= threshold;
}

void AckTracker::on_packet_received(TimePoint now, PacketNumber number, bool is_ack_eliciting, Ecn ecn) {
  if (number < floor_ || !insert(number)) return;
  if (number == ranges_.front().last) largest_received_at_ = now;
  told_below_ = std::min(told_below_, number);
  if (told_) told_->lowest_since = std::min(told_->lowest_since, number);

  switch (ecn) {
    case Ecn::NotCapable:
      break;
    case Ecn::Ect0:
      ++ecn_.ect0;
      break;
    case Ecn::Ect1:
      ++ecn_.ect1;
      break;
    case Ecn::CongestionExperienced:
      ++ecn_.congestion_experienced;
      break;
  }
  const bool is_marked = ecn == Ecn::CongestionExperienced;
  const bool mark_changed = is_marked != was_congestion_marked_;
  was_congestion_marked_ = is_marked;

  if (!is_ack_eliciting) return;
  if (unacknowledged_++ == 0) deadline_ = now + config_.max_ack_delay;
  if (space_ != PacketSpace::Application || unacknowledged_ >= config_.packets_max || mark_changed ||
      shows_reordering(number)) {
    is_wanted_now_ = true;
  }
}

void AckTracker::on_ack_frequency(const AckFrequencyFrame& frame) {
  if (frame.sequence < next_frequency_sequence_) return;
  next_frequency_sequence_ = frame.sequence + 1;
  config_.packets_max =
      static_cast<std::uint32_t>(std::min(frame.ack_eliciting_threshold, kAckPacketsLimit) + 1);
  config_.max_ack_delay =
      std::chrono::ceil<std::chrono::microseconds>(std::max<Duration>(frame.max_ack_delay, kAckDelayMin));
  reordering_threshold_ = frame.reordering_threshold;
}

bool AckTracker::is_wanted(TimePoint now) const {
  return !ranges_.empty() && (is_wanted_now_ || now >= deadline_);
}

std::optional<TimePoint> AckTracker::next_timeout() const {
  return deadline_ == kNever ? std::nullopt : std::optional{deadline_};
}

AckFrame AckTracker::make_frame(TimePoint now) const {
  JETWAY_ASSERT(!ranges_.empty());
  std::size_t count = 1;
  while (count < ranges_.size() && ranges_[count].last >= told_below_) ++count;
  AckFrame frame;
  frame.delay = std::max(now - largest_received_at_, Duration::zero());
  frame.ranges = PacketRanges{ranges_}.first(count);
  if (ecn_ != EcnCounts{}) frame.ecn = ecn_;
  return frame;
}

bool AckTracker::wants_ping() const {
  if (told_) return false;
  return frames_since_told_ >= kQuietFrames ||
         (ranges_.size() > kQuietRanges && ranges_[kQuietRanges].last >= told_below_);
}

void AckTracker::on_frame_sent(const AckFrame& frame, std::uint64_t record, bool is_ack_eliciting) {
  unacknowledged_ = 0;
  deadline_ = kNever;
  is_wanted_now_ = false;
  largest_told_ = frame.largest();
  if (frames_since_told_ < kQuietFrames) ++frames_since_told_;
  const std::size_t count = frame.ranges.size();
  const bool tells_all = count == ranges_.size() || ranges_[count].last < told_below_;
  if (is_ack_eliciting && tells_all && !told_) {
    frames_since_told_ = 0;
    told_ = Told{.record = record, .largest = frame.largest(), .lowest_since = frame.largest() + 1};
  }
}

void AckTracker::on_packet_acked(std::uint64_t record) {
  if (!told_ || told_->record != record) return;
  told_below_ = std::max(told_below_, std::min(told_->largest + 1, told_->lowest_since));
  told_.reset();
}

void AckTracker::on_packet_lost(std::uint64_t record) {
  if (told_ && told_->record == record) told_.reset();
}

void AckTracker::check_invariants() const {
  JETWAY_ASSERT(ranges_.size() <= config_.ranges_max);
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    JETWAY_ASSERT(ranges_[i].first <= ranges_[i].last && ranges_[i].first >= floor_);
    JETWAY_ASSERT(i == 0 || ranges_[i].last + 1 < ranges_[i - 1].first);
  }
  JETWAY_ASSERT((deadline_ == kNever) == (unacknowledged_ == 0));
}

}  // namespace jetway::jsp
