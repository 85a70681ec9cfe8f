#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "jetway/session/range_set.h"
#include "jetway/session/types.h"

namespace jetway::session {

// A frame of a stream that is on its way in a packet.
struct SentFrame {
  enum class Kind : std::uint8_t { Data, Reset, StopSending, MaxStreamData, StreamDataBlocked, Gap };

  std::uint64_t packet_number = 0;
  StreamId stream_id = 0;
  Range range;  // Data
  Kind kind = Kind::Data;
  std::uint8_t tries = 1;   // Data of an unreliable stream: how often it has been sent, with this
  bool is_final = false;    // Data
  bool is_settled = false;  // acknowledged or lost
};

// The frames of all streams that are on their way, by packet number, until their packets are acknowledged or
// lost. On a pipe that does not lose it holds one packet's frames at a time and allocates nothing.
class SentFrames {
 public:
  void add(const SentFrame& frame) { frames_.push_back(frame); }

  // Takes the frames of one packet out and shows each to `visit`.
  template <class Visit>
  void settle(std::uint64_t packet_number, Visit&& visit) {
    auto frame = std::ranges::lower_bound(frames_.begin() + static_cast<std::ptrdiff_t>(first_),
                                          frames_.end(), packet_number, {}, &SentFrame::packet_number);
    for (; frame != frames_.end() && frame->packet_number == packet_number; ++frame) {
      if (frame->is_settled) continue;
      frame->is_settled = true;
      visit(static_cast<const SentFrame&>(*frame));
    }
    drop_settled();
  }

  std::size_t size() const { return frames_.size() - first_; }
  void release_memory() {
    if (size() == 0) frames_ = std::vector<SentFrame>();
  }

 private:
  void drop_settled() {
    while (first_ < frames_.size() && frames_[first_].is_settled) ++first_;
    if (first_ == frames_.size()) {
      frames_.clear();
      first_ = 0;
    } else if (first_ > frames_.size() / 2) {
      frames_.erase(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
  }

  std::vector<SentFrame> frames_;  // packet numbers rise
  std::size_t first_ = 0;          // those before are settled
};

}  // namespace jetway::session
