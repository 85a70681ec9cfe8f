#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "jetway/base/time.h"
#include "jetway/jsp/types.h"

namespace jetway::jsp {

struct MtuConfig {
  // Nothing larger is tried; kBaseDatagramBytes: nothing at all.
  std::size_t maximum_bytes = 65'507;
  // After a finished search, and after a fall back to the base: the path may be another one by now.
  Duration raise_interval = std::chrono::minutes(10);
};

//   Base ─Start→ Searching ─Exhausted→ Complete ─RaiseDue→ Searching
//     ↑ └───────── RaiseDue ─────────────↑  │
//     └──────── BlackHole ───────┴──────────┘
enum class MtuState : std::uint8_t {
  Base,       // 1,200 bytes: not started, or fallen back
  Searching,  // larger sizes are being tried
  Complete,   // the largest that works is known
};
enum class MtuEvent : std::uint8_t { Start, Exhausted, RaiseDue, BlackHole };

constexpr std::optional<MtuState> next(MtuState from, MtuEvent event) {
  using enum MtuState;
  switch (event) {
    case MtuEvent::Start:
      return from == Base ? std::optional{Searching} : std::nullopt;
    case MtuEvent::Exhausted:
      return from == Searching ? std::optional{Complete} : std::nullopt;
    case MtuEvent::RaiseDue:
      return from != Searching ? std::optional{Searching} : std::nullopt;
    case MtuEvent::BlackHole:
      return Base;
  }
  return std::nullopt;
}

// How large a datagram the path carries (docs/protocol/jsp.md section 10, RFC 8899): tries the sizes that
// links have, one probe at a time, upwards from the commonest; falls back when large packets vanish and
// small ones do not. Probes are packets of PING and PADDING, whose loss means nothing else.
class MtuDiscovery {
 public:
  explicit MtuDiscovery(const MtuConfig& config = {});

  // What the peer takes.
  void set_peer_maximum(std::uint64_t bytes);
  // The path is validated and in use.
  void start(TimePoint now);
  // Another path under the same name.
  void reset(TimePoint now);

  // For everything that is not a probe.
  std::size_t max_datagram_bytes() const { return current_; }

  // A probe of this size is to be sent now.
  std::optional<std::size_t> probe_size(TimePoint now) const;
  void on_probe_sent(TimePoint now, std::uint64_t record);
  // Of every packet of the application space.
  void on_packet_acked(TimePoint now, std::uint64_t record, std::size_t bytes);
  void on_packet_lost(TimePoint now, std::uint64_t record, std::size_t bytes, bool is_probe);
  // The system would not send so much (EMSGSIZE).
  void on_message_too_large(TimePoint now, std::size_t bytes);

  std::optional<TimePoint> next_timeout() const;
  void handle_timeout(TimePoint now);

  MtuState state() const { return state_; }
  void check_invariants() const;

 private:
  void enter(MtuEvent event);
  void choose_next(TimePoint now);
  void fail_candidate(TimePoint now);
  void fall_back(TimePoint now);

  MtuConfig config_;
  MtuState state_ = MtuState::Base;
  std::size_t current_ = kBaseDatagramBytes;
  std::size_t too_large_;      // the smallest size that is known not to pass, or not allowed
  std::size_t candidate_ = 0;  // being tried
  std::uint32_t probes_lost_ = 0;
  std::optional<std::uint64_t> probe_;  // on the way
  std::optional<TimePoint> raise_at_;

  // Black holes: large packets that were lost since one was delivered, and small ones that were delivered.
  std::uint32_t large_lost_ = 0;
  bool has_small_passed_ = false;
};

}  // namespace jetway::jsp
