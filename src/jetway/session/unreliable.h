#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "jetway/session/delivery.h"
#include "jetway/session/range_set.h"
#include "jetway/session/types.h"

namespace jetway::session {

// What the sending side of a stream remembers when it is not reliable: until when its bytes are worth sending
// and how often those that are lost have been sent; and what it has to tell the peer about those given up
// (docs/protocol/session.md section 10). Offsets are those of the stream. Nothing here ever concerns offset
// 0: the preamble is always delivered.
class Unreliable {
 public:
  explicit Unreliable(const DeliveryOptions& options) : options_(options) {}

  const DeliveryOptions& options() const { return options_; }

  // --- deadlines ---

  // The application has written up to `end`. Its deadline counts from the next time that is known: date().
  void on_written(std::uint64_t end);
  bool is_undated() const { return dated_end_ < written_end_; }
  void date(TimePoint now);
  // All before this offset is too late.
  std::uint64_t expired_end(TimePoint now);

  // --- tries ---

  // Whether bytes that have been sent so often, and were lost, are sent again.
  bool may_be_sent_again(std::uint8_t tries) const;
  void on_lost(Range range, std::uint8_t tries);
  // The front part of a lost range that has been sent equally often.
  Range uniform_front(Range range) const;
  // `range`, as uniform_front() gave it, is sent again: for the how many-th time.
  std::uint8_t on_sent_again(Range range);

  // --- what was given up ---

  void on_given_up(Range range);
  // All before `offset` is acknowledged or given up. True when the peer has to be told of that.
  bool on_settled_until(std::uint64_t offset);
  // For STREAM_GAP.
  std::uint64_t gap_end() const { return gap_end_; }
  Delivery& gap() { return gap_; }
  const Delivery& gap() const { return gap_; }

  void clear();

 private:
  struct Deadline {
    std::uint64_t end = 0;
    TimePoint at{};
  };
  struct Lost {
    Range range;
    std::uint8_t tries = 0;
  };
  std::vector<Lost>::iterator lost_behind(std::uint64_t offset);

  DeliveryOptions options_;
  std::uint64_t written_end_ = 0;
  std::uint64_t dated_end_ = 0;
  std::deque<Deadline> deadlines_;  // both rise
  std::uint64_t expired_end_ = 0;
  std::vector<Lost> lost_;  // disjoint, rising
  RangeSet given_up_;       // of which the peer has not been told
  std::uint64_t gap_end_ = 0;
  Delivery gap_;
};

}  // namespace jetway::session
