#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "jetway/base/time.h"
#include "tests/sim/packet.h"

namespace jetway::sim {

enum class QueueDiscipline : std::uint8_t { DropTail, CoDel };

struct QueueConfig {
  std::uint64_t limit_bytes = 0;    // IP packets; 0: no limit
  std::uint64_t limit_packets = 0;  // 0: no limit
  QueueDiscipline discipline = QueueDiscipline::DropTail;
  Duration codel_target = std::chrono::milliseconds(5);      // RFC 8289 section 4.3
  Duration codel_interval = std::chrono::milliseconds(100);  // RFC 8289 section 4.3
  // CoDel marks what is ECN-capable instead of dropping it.
  bool marks_ecn = false;
  // Whatever waited longer is marked if it is ECN-capable (RFC 9332 section 2.5.1.1 has 1 ms). Zero: off.
  Duration mark_above{0};
};

// The queue before a link, drop-tail or CoDel (RFC 8289).
class LinkQueue {
 public:
  explicit LinkQueue(const QueueConfig& config) : config_(config) {}

  // Looked at from the next packet on.
  void configure(const QueueConfig& config) { config_ = config; }

  bool has_room_for(const Packet& packet) const {
    return (config_.limit_bytes == 0 || bytes_ + packet.ip_bytes() <= config_.limit_bytes) &&
           (config_.limit_packets == 0 || packets_.size() < config_.limit_packets);
  }
  void push(TimePoint now, PacketPtr packet);

  // The packet that goes now, null when there is none. What CoDel drops on the way is given to `on_drop`; a
  // packet that is to carry a mark has it, and `on_mark` is told.
  PacketPtr pop(TimePoint now, const std::function<void(PacketPtr)>& on_drop,
                const std::function<void(const Packet&)>& on_mark);

  std::uint64_t bytes() const { return bytes_; }
  std::size_t packets() const { return packets_.size(); }

 private:
  struct Popped {
    PacketPtr packet;
    bool is_late = false;  // above the target for a whole interval
  };

  Popped take(TimePoint now);
  PacketPtr pop_codel(TimePoint now, const std::function<void(PacketPtr)>& on_drop,
                      const std::function<void(const Packet&)>& on_mark);
  bool mark(Packet& packet, const std::function<void(const Packet&)>& on_mark) const;
  TimePoint control_law(TimePoint from) const;

  QueueConfig config_;
  std::deque<PacketPtr> packets_;
  std::uint64_t bytes_ = 0;

  // CoDel, with the names of RFC 8289 section 5.
  TimePoint first_above_time_{};
  TimePoint drop_next_{};
  std::uint32_t count_ = 0;
  std::uint32_t last_count_ = 0;
  bool is_dropping_ = false;
};

}  // namespace jetway::sim
