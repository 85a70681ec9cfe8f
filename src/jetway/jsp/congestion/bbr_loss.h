#pragma once

#include <cstdint>
#include <optional>

#include "jetway/base/time.h"
#include "jetway/jsp/sent_packet.h"

namespace jetway::jsp {

// Tells loss that a full queue causes from loss that the path has anyway (radio, a bad cable).
//
// draft-ietf-ccwg-bbr takes every round with more than 2 % of loss (BBRLossThresh) for a sign that too much
// is in flight, and outside of bandwidth probing slows down for any loss at all. On a path that loses 2 % of
// whatever it carries both fire in every round, and the flow shrinks though its queue is empty. We depart
// from the draft by asking what a loss has to do with us:
//
//  - Loss that remains when we send less than the path delivers, with no queue in its round trip times, is
//    not ours: its share of the packets is the path's floor. It is learned from packets sent in DOWN and
//    ProbeRTT, and in Startup from rounds whose round trip was still that of an empty queue. A tenth at most
//    is believed.
//  - A round is congested when it lost more than the floor explains, chance included (two standard
//    deviations), and either its shortest round trip shows a standing queue, or the excess is above the 2 %
//    of the draft. So a queue without a floor means what it means in the draft (any loss), a shallow queue
//    that cannot be seen in round trips is noticed by the excess, and loss as before without a queue is not
//    taken for congestion.
//  - ECN marks are put there by queues: they count as losses, and no floor excuses them.
//
// Loss in a flow's own bandwidth probe has to exceed the floor by 2 % with or without a queue, since the
// probe makes one.
class BbrLoss {
 public:
  // Packets sent from now on belong to a time in which loss is the path's own.
  void begin_learning(TimePoint now);
  void end_learning(TimePoint now);

  void on_packet_acked(const SentPacket& packet);
  void on_packet_lost(const SentPacket& packet);
  void on_spurious_loss(const SentPacket& packet);
  void on_ack(std::optional<Duration> rtt, std::uint64_t marked_packets);

  // Loss and marks of `flight_bytes` say that these were too much.
  bool is_excessive(std::uint64_t lost_bytes, std::uint64_t marked_bytes, std::uint64_t flight_bytes,
                    std::uint64_t datagram_bytes) const;

  // Of the round so far. `queue_threshold` is the round trip time that shows a queue.
  bool has_loss() const { return round_.lost_bytes > 0 || round_.marked_packets > 0; }
  bool has_queue(Duration queue_threshold) const { return round_.min_rtt > queue_threshold; }
  bool is_congested(Duration queue_threshold, std::uint64_t datagram_bytes) const;
  // The same for Startup, where only loss in several places at once says something.
  bool is_congested_in_startup(Duration queue_threshold, std::uint64_t datagram_bytes) const;
  std::uint64_t marked_packets() const { return round_.marked_packets; }

  // At the end of each round, after the questions above.
  void end_round(Duration queue_threshold, std::uint64_t datagram_bytes);

  // Share of packets that the path loses whatever we do.
  double floor() const;

 private:
  struct Round {
    std::uint64_t acked_bytes = 0;
    std::uint64_t lost_bytes = 0;
    std::uint64_t marked_packets = 0;
    std::uint32_t loss_ranges = 0;
    std::uint64_t learned_acked_bytes = 0;
    std::uint64_t learned_lost_bytes = 0;
    Duration min_rtt = Duration::max();
  };

  bool is_learning_from(const SentPacket& packet) const {
    return packet.sent_at >= learning_start_ && packet.sent_at < learning_end_;
  }
  // What the floor explains of `bytes`, and chance on top of it.
  double explained_bytes(double bytes, std::uint64_t datagram_bytes) const;

  Round round_;
  TimePoint learning_start_ = kNever;
  TimePoint learning_end_ = kNever;
  PacketNumber last_lost_ = 0;
  // In datagrams; older ones count less and less.
  double learned_lost_ = 0;
  double learned_sent_ = 0;
};

}  // namespace jetway::jsp
