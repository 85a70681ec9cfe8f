#pragma once

#include <cstdint>
#include <optional>

#include "jetway/base/time.h"
#include "jetway/jsp/fec/encoder.h"

namespace jetway::jsp {

struct FecControllerConfig {
  // The chance that more packets of a group are lost than it can repair is kept below.
  double failure_target = 0.005;
  // Repair symbols per source that are aimed at: larger groups are chosen where time allows it. A single
  // source still gets one.
  double overhead_target = 0.25;
  // Shares of lost packets from which on, and below which no more, packets are protected.
  double loss_on = 0.002;
  double loss_off = 0.0005;
};

// Whether and how packets are protected, from the losses and the round trip that are seen.
//
// A group may last at most half a round trip, so that a repair is quicker than a retransmission: its size is
// what is sent in that time, and no larger than the wanted overhead asks for. The number of repair symbols
// follows from the loss, and is at least the usual length of a burst of losses.
class FecController {
 public:
  explicit FecController(const FecControllerConfig& config = {}) : config_(config) {}

  // What became of a packet, by its record (SentPacket); a repaired one was lost.
  void on_packet_acked(std::uint64_t record);
  void on_packet_lost(std::uint64_t record);
  void set_rtt(Duration smoothed) { rtt_ = smoothed; }
  // A packet is protected now.
  void on_source(TimePoint now);

  bool is_on() const { return is_on_; }
  double loss() const { return loss_; }
  // For the next group.
  FecShape shape() const;
  // How long a group may stay open after its first source, and after its newest one.
  Duration group_duration() const;
  Duration linger() const;
  // Between two packets that are protected.
  Duration source_gap() const { return gap_; }

 private:
  void on_fate(double lost);

  FecControllerConfig config_;
  bool is_on_ = false;
  double loss_ = 0;   // smoothed share
  double burst_ = 1;  // smoothed length of a run of losses
  std::uint64_t fates_ = 0;
  std::uint64_t run_ = 0;  // length of the one that is going on
  std::uint64_t last_lost_ = 0;
  Duration rtt_ = std::chrono::milliseconds(100);
  Duration gap_ = std::chrono::milliseconds(100);
  std::optional<TimePoint> last_source_;
};

// The chance that more than `repairs` of `packets` are lost when each is with probability `loss`.
double fec_failure_chance(std::size_t packets, std::size_t repairs, double loss);

}  // namespace jetway::jsp
