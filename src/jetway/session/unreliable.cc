#include "jetway/session/unreliable.h"

#include <algorithm>

namespace jetway::session {

namespace {
// Writes whose deadlines are closer together than this part of the time that they have share one.
constexpr int kDeadlineParts = 64;
}  // namespace

void Unreliable::on_written(std::uint64_t end) {
  if (options_.deadline > Duration::zero()) written_end_ = end;
}

void Unreliable::date(TimePoint now) {
  if (!is_undated()) return;
  dated_end_ = written_end_;
  const TimePoint at = now + options_.deadline;
  if (!deadlines_.empty() && at - deadlines_.back().at < options_.deadline / kDeadlineParts) {
    deadlines_.back().end = dated_end_;
  } else {
    deadlines_.push_back({.end = dated_end_, .at = at});
  }
}

std::uint64_t Unreliable::expired_end(TimePoint now) {
  for (; !deadlines_.empty() && deadlines_.front().at <= now; deadlines_.pop_front()) {
    expired_end_ = deadlines_.front().end;
  }
  return expired_end_;
}

bool Unreliable::may_be_sent_again(std::uint8_t tries) const {
  if (options_.mode == DeliveryMode::BestEffort) return false;
  return options_.tries_max == 0 || tries < options_.tries_max;
}

std::vector<Unreliable::Lost>::iterator Unreliable::lost_behind(std::uint64_t offset) {
  return std::ranges::upper_bound(lost_, offset, {}, [](const Lost& lost) { return lost.range.end; });
}

void Unreliable::on_lost(Range range, std::uint8_t tries) {
  if (range.size() > 0) lost_.insert(lost_behind(range.begin), {.range = range, .tries = tries});
}

Range Unreliable::uniform_front(Range range) const {
  for (const Lost& lost : lost_) {
    if (lost.range.end <= range.begin) continue;
    const bool has_begun = lost.range.begin <= range.begin;
    return {range.begin, std::min(range.end, has_begun ? lost.range.end : lost.range.begin)};
  }
  return range;
}

std::uint8_t Unreliable::on_sent_again(Range range) {
  const auto lost = lost_behind(range.begin);
  if (lost == lost_.end() || lost->range.begin > range.begin) return 1;
  const std::uint8_t tries = lost->tries;
  lost->range.begin = range.end;
  if (lost->range.begin >= lost->range.end) lost_.erase(lost);
  return tries == UINT8_MAX ? tries : static_cast<std::uint8_t>(tries + 1);
}

void Unreliable::on_given_up(Range range) {
  given_up_.add(range);
  for (auto lost = lost_behind(range.begin); lost != lost_.end() && lost->range.begin < range.end;) {
    if (lost->range.end > range.end) {
      lost->range.begin = range.end;
      return;
    }
    lost = lost_.erase(lost);
  }
}

bool Unreliable::on_settled_until(std::uint64_t offset) {
  if (given_up_.is_empty() || given_up_.front().begin >= offset) return false;
  given_up_.remove_below(offset);
  gap_end_ = offset;
  gap_.request();
  return true;
}

void Unreliable::clear() {
  lost_.clear();
  given_up_.clear();
  gap_.cancel();
}

}  // namespace jetway::session
