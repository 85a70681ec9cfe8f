#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <span>
#include <string_view>

#include <sys/socket.h>

#include "tests/lab/linkem/flight.h"
#include "tests/lab/linkem/frame_pool.h"
#include "tests/lab/linkem/lateness.h"
#include "tests/lab/linkem/link_parameters.h"

namespace jetway::lab {

enum class Count : std::uint8_t {
  In,
  InBytes,
  Out,
  OutBytes,
  Duplicated,
  Corrupted,
  Reordered,
  DropLoss,
  DropBurst,
  DropQueue,
  DropMtu,
  DropOutage,
  DropOversize,  // larger than the interface's MTU: its offloads are on
  DropMemory,
  DropSend,
  NoChecksum,  // left to the network card: offloads are on
  QueueMaxBytes,
  FlightMaxFrames,
};

// One direction of the link:
//
//   frame -> MTU clamp -> drop-tail queue -> serialised at `rate` -> the wire -> frame
//                                            outage, random loss, burst loss, corruption,
//                                            delay + jitter, reordering, duplication
//
// It runs in virtual time. A frame's arrival is the kernel's receive timestamp, and every later instant is
// computed from it, so a late wake-up of the process never changes what the link does to a frame: it can only
// make it leave late. That lateness is counted.
class Direction {
 public:
  // `name` is "ab" or "ba"; frames leave through `descriptor`. Borrows all three.
  Direction(std::string_view name, int descriptor, FramePool& pool);

  std::string_view name() const { return name_; }
  LinkParameters& parameters() { return parameters_; }
  const LinkParameters& parameters() const { return parameters_; }

  // Counts and random numbers begin anew.
  void reset(std::uint64_t seed, Nanoseconds now);

  // A frame that arrived at `at` by the kernel's clock; it is `now`.
  void handle_frame(std::span<const std::uint8_t> frame, Nanoseconds at, Nanoseconds now);
  void add(Count what) { ++count(what); }

  // Puts every frame on the wire whose serialisation begins no later than `until`.
  void advance(Nanoseconds until);
  // Sends what is due. Returns whether there was anything.
  bool send_due(Nanoseconds now);
  // When send_due() has something to do at the earliest.
  Nanoseconds next_event() const;
  std::size_t frames_held() const { return queue_.size() + flight_.size(); }

  void begin_outage(Nanoseconds begin, Nanoseconds end);
  void end_outage(Nanoseconds at);

  void report(std::FILE* out) const;
  bool was_late() const;
  bool has_counted(Count what) const { return counts_[static_cast<std::size_t>(what)] > 0; }

 private:
  enum class Draw : std::uint8_t {
    Loss,
    BurstState,
    BurstLoss,
    Corrupt,
    CorruptBit,
    Duplicate,
    Reorder,
    Jitter
  };
  static constexpr std::size_t kCounts = static_cast<std::size_t>(Count::FlightMaxFrames) + 1;

  std::uint64_t& count(Count what) { return counts_[static_cast<std::size_t>(what)]; }
  void drop(Frame* frame, Count why);
  bool is_out_at(Nanoseconds at) const { return at >= outage_begin_ && at < outage_end_; }
  std::uint64_t draw(Draw what, std::uint64_t number) const;
  double chance(Draw what, std::uint64_t number) const;
  bool happens(Draw what, double probability) const;
  bool is_lost_in_burst();
  Nanoseconds jitter_at(Nanoseconds at) const;
  void put_on_wire(Frame* frame, Nanoseconds sent);
  void duplicate(Frame* frame, Nanoseconds due);

  std::string_view name_;
  int descriptor_;
  FramePool& pool_;
  LinkParameters parameters_;

  std::deque<Frame*> queue_;  // waiting for the link
  std::uint64_t queued_bytes_ = 0;
  Nanoseconds free_at_ = 0;  // when the link has finished its last frame
  Flight flight_;
  Nanoseconds last_arrival_ = 0;
  Nanoseconds last_due_ = 0;
  Nanoseconds outage_begin_ = 0;
  Nanoseconds outage_end_ = 0;

  std::uint64_t key_ = 0;           // of all random decisions
  std::uint64_t frame_number_ = 0;  // of the frame that is put on the wire
  Nanoseconds epoch_ = 0;           // of the wandering jitter
  bool is_in_burst_ = false;

  // What one system call sends.
  static constexpr std::size_t kBatch = 64;
  std::array<mmsghdr, kBatch> messages_{};
  std::array<iovec, kBatch> parts_{};
  std::array<Frame*, kBatch> frames_{};

  std::array<std::uint64_t, kCounts> counts_{};
  Lateness lateness_;
};

}  // namespace jetway::lab
