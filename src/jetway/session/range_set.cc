#include "jetway/session/range_set.h"

#include <algorithm>

namespace jetway::session {

void RangeSet::add(Range range) {
  if (range.begin >= range.end) return;
  if (ranges_.empty() || ranges_.back().end < range.begin) {
    ranges_.push_back(range);
    return;
  }
  // The ranges that overlap or touch the new one become one with it.
  const auto first = std::ranges::lower_bound(ranges_, range.begin, {}, &Range::end);
  auto last = first;
  for (; last != ranges_.end() && last->begin <= range.end; ++last) {
    range.begin = std::min(range.begin, last->begin);
    range.end = std::max(range.end, last->end);
  }
  if (first == last) {
    ranges_.insert(first, range);
  } else {
    *first = range;
    ranges_.erase(first + 1, last);
  }
}

void RangeSet::remove(Range range) {
  if (range.begin >= range.end) return;
  auto first = std::ranges::upper_bound(ranges_, range.begin, {}, &Range::end);
  if (first == ranges_.end() || first->begin >= range.end) return;
  if (first->begin < range.begin && first->end > range.end) {
    const Range behind{range.end, first->end};
    first->end = range.begin;
    ranges_.insert(first + 1, behind);
    return;
  }
  if (first->begin < range.begin) {
    first->end = range.begin;
    ++first;
  }
  auto last = first;
  while (last != ranges_.end() && last->end <= range.end) ++last;
  if (last != ranges_.end() && last->begin < range.end) last->begin = range.end;
  ranges_.erase(first, last);
}

bool RangeSet::contains(std::uint64_t offset) const { return end_of(offset) > offset; }

std::uint64_t RangeSet::end_of(std::uint64_t offset) const {
  const auto found = std::ranges::upper_bound(ranges_, offset, {}, &Range::end);
  return found != ranges_.end() && found->begin <= offset ? found->end : offset;
}

}  // namespace jetway::session
