#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/link_queue.h"
#include "tests/sim/world.h"

namespace jetway::sim {

// Gilbert and Elliott's model: a channel that is good or bad, and may change with every packet. Whoever sends
// seldom would find it bad for minutes: so it may get good again with time, too.
struct BurstLoss {
  double enter = 0;  // good to bad, per packet
  double leave = 1;  // bad to good
  double loss_when_good = 0;
  double loss_when_bad = 1;
  Duration longest = Duration::max();  // that it is bad
};

// What a link does with the ECN bits, beside the marks of its queue.
enum class EcnTreatment : std::uint8_t {
  Pass,
  Bleach,       // to Not-ECT
  DropCapable,  // drops whatever is ECN-capable
  MarkAll,      // CE on whatever is ECN-capable
};

// Times of the network, counted from its start.
struct Outage {
  Duration from;
  Duration until;
};
enum class OutageMode : std::uint8_t {
  Drop,
  Hold,  // the queue waits, as a mobile network's does
};

// A smaller MTU from some time on, of which nobody is told.
struct MtuHole {
  Duration from{0};
  std::size_t mtu = 1500;
};

// One direction of a link. Shares are between 0 and 1.
struct LinkConfig {
  Duration delay{0};
  Duration jitter{0};             // added, evenly spread between 0 and this
  bool keeps_order = true;        // although there is jitter
  std::uint64_t rate = 0;         // bytes/s of IP packets and framing; 0: without limit
  std::size_t framing_bytes = 0;  // what a packet takes of the rate beside itself: 14 for Ethernet
  QueueConfig queue{};
  double loss = 0;  // after the queue: what is lost has taken its time on the link
  BurstLoss burst_loss{};
  double reordering = 0;                                      // share that is overtaken...
  Duration reordering_delay = std::chrono::milliseconds(10);  // ...by what is sent within this
  double duplication = 0;
  double corruption = 0;  // one to eight bits of the payload flipped
  std::size_t mtu =
      1500;  // IP packets. A host knows that of its own link; elsewhere the packet just vanishes
  std::optional<MtuHole> mtu_hole = std::nullopt;
  std::vector<Outage> outages{};  // rising
  OutageMode outage_mode = OutageMode::Drop;
  EcnTreatment ecn = EcnTreatment::Pass;
};

struct LinkStatistics {
  std::uint64_t packets_in = 0;
  std::uint64_t bytes_in = 0;  // IP packets, as everywhere here
  std::uint64_t packets_out = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t packets_marked = 0;
  std::uint64_t packets_duplicated = 0;
  std::uint64_t packets_corrupted = 0;
  std::uint64_t packets_reordered = 0;
  std::uint64_t queue_bytes_max = 0;
  Duration queue_delay_max{0};
  Duration queue_delay_sum{0};  // of packets_queued
  std::uint64_t packets_queued = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(DropReason::Count)> dropped{};

  std::uint64_t dropped_for(DropReason reason) const { return dropped[static_cast<std::size_t>(reason)]; }
  std::uint64_t dropped_in_all() const;
};

enum class TapVerdict : std::uint8_t { Pass, Drop };

// One direction of a link: MTU and ECN treatment on entry, then the queue, the rate, loss, and the way.
class Link final : public Hop, private EventHandler {
 public:
  Link(World& world, std::string name, LinkConfig config);

  const std::string& name() const { return name_; }
  const LinkConfig& config() const { return config_; }
  // From the next packet on.
  void reconfigure(const LinkConfig& config);
  // By hand, beside the outages of the configuration.
  void set_up(bool is_up);
  bool is_up() const;

  // Sees, may change and may take every packet that enters.
  using Tap = std::function<TapVerdict(TimePoint now, Packet& packet)>;
  void set_tap(Tap tap) { tap_ = std::move(tap); }
  // The next so many that enter are lost.
  void drop_next(std::uint64_t count) { drop_next_ = count; }

  std::size_t mtu() const override { return config_.mtu; }
  std::uint64_t queued_bytes() const { return queue_.bytes(); }
  const LinkStatistics& statistics() const { return statistics_; }

  void handle_packet(TimePoint now, PacketPtr packet) override;

 private:
  void handle_event(TimePoint now, PacketPtr packet) override;
  DropReason refusal(const Packet& packet) const;
  void treat_ecn(TimePoint now, Packet& packet);
  void start_next(TimePoint now);
  void wake_after_outage(TimePoint now);
  void propagate(TimePoint now, PacketPtr packet);
  DropReason lose(TimePoint now);
  void corrupt(TimePoint now, Packet& packet);
  void schedule_arrival(TimePoint now, PacketPtr packet);
  Duration transmission_time(const Packet& packet) const;
  void drop(TimePoint now, PacketPtr packet, DropReason reason);
  bool happens(double share) { return share > 0 && random_.unit() < share; }
  const Outage* current_outage() const;

  World& world_;
  std::string name_;
  LinkConfig config_;
  SeededRandom random_;
  Tap tap_;
  LinkQueue queue_;
  PacketPtr sending_;  // leaves at sent_at_
  TimePoint sent_at_{};
  TimePoint last_arrival_{};
  TimePoint wakes_at_{};
  std::uint64_t drop_next_ = 0;
  bool is_up_ = true;
  bool is_bad_ = false;  // the channel of BurstLoss
  TimePoint became_bad_at_{};
  LinkStatistics statistics_;
};

}  // namespace jetway::sim
