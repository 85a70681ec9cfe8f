#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "jetway/base/random.h"
#include "jetway/base/time.h"
#include "jetway/jsp/congestion/controller.h"
#include "jetway/jsp/congestion/pacer.h"
#include "jetway/jsp/congestion/rate_sampler.h"

namespace jetway::jsp::test {

using namespace std::chrono_literals;

// A link that flows share: frames queue at its sender's end, are serialized, then lost or delayed.
struct LinkConfig {
  double megabits = 100;
  Duration round_trip = 20ms;
  Duration queue = 50ms;  // drop-tail, as long as it takes to send
  double loss = 0;        // of frames and of acknowledgements
  // Gilbert-Elliott: from good to bad, back, and loss while bad.
  double burst_begin = 0, burst_end = 1, burst_loss = 0;
  Duration jitter{0};    // up to so much more, without overtaking
  double reordered = 0;  // share of frames held back
  Duration reordered_by{0};
  std::optional<Duration> marks_above{};  // ECN-CE instead of a longer queue
  Duration blackout_start{0}, blackout_period{0}, blackout_length{0};
};

struct FlowConfig {
  CongestionConfig congestion;
  bool is_paced = true;  // false: by the window alone, as TCP without a pacing scheduler
  TimePoint start{};
  double application_megabits = 0;  // 0: as much as goes
  std::uint32_t ack_packets = 2;    // an ACK for so many, or after max_ack_delay
};

class Bottleneck;

// One sender and its receiver: controller, rate sampler and pacer under test, with a plain loss recovery
// (RFC 9002 without its corners).
class Flow {
 public:
  Flow(Bottleneck& network, const FlowConfig& config, std::uint64_t seed);

  CongestionController& controller() { return *controller_; }
  const Pacer& pacer() const { return pacer_; }
  std::uint64_t received_bytes() const { return received_bytes_; }
  std::uint64_t sent_bytes() const { return sent_bytes_; }
  std::uint64_t lost_bytes() const { return sampler_.lost_bytes(); }
  std::uint64_t spurious_losses() const { return spurious_losses_; }
  std::uint64_t in_flight_bytes() const { return in_flight_bytes_; }
  Duration smoothed_rtt() const { return smoothed_rtt_; }
  // Round trip times as acknowledgements showed them, in milliseconds, since the last call.
  std::vector<float> take_round_trips() { return std::exchange(round_trips_, {}); }

 private:
  friend class Bottleneck;
  enum class Fate : std::uint8_t { InFlight, Acked, Lost };
  struct Sent {
    SentPacket packet;
    Fate fate = Fate::InFlight;
  };
  struct Arrival {
    TimePoint at;
    PacketNumber number;
    bool is_marked;
  };
  struct Ack {
    TimePoint at;
    std::uint64_t received;  // how many entries of received_ it covers
    std::uint64_t marked;
  };

  TimePoint next_time(TimePoint now) const;
  void run(TimePoint now);
  void receive(TimePoint now);
  void send_ack(TimePoint now);
  void handle_ack(TimePoint now, const Ack& ack);
  void acknowledge(TimePoint now, PacketNumber number);
  void detect_losses(TimePoint now);
  void finish(TimePoint now, std::uint64_t prior_in_flight, std::uint64_t marked);
  void handle_timer(TimePoint now);
  void set_timer();
  void send(TimePoint now);
  void send_packet(TimePoint now);
  bool may_send(TimePoint now) const;
  std::uint64_t application_bytes(TimePoint now) const;
  Sent& sent(PacketNumber number) { return sent_[number - base_]; }
  Duration probe_timeout() const;

  Bottleneck& network_;
  FlowConfig config_;
  std::unique_ptr<CongestionController> controller_;
  RateSampler sampler_;
  Pacer pacer_;

  std::deque<Sent> sent_;
  PacketNumber base_ = 0;
  PacketNumber first_in_flight_ = 0;
  std::optional<PacketNumber> largest_acked_;
  std::uint64_t in_flight_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t acked_now_ = 0;
  std::uint64_t lost_now_ = 0;
  bool is_persistent_ = false;
  std::optional<Duration> rtt_now_;
  std::optional<TimePoint> newest_sent_at_;
  Duration smoothed_rtt_{0}, rtt_variation_{0}, min_rtt_ = Duration::max(), latest_rtt_{0};
  TimePoint timer_ = kNever;
  bool is_loss_timer_ = false;
  std::uint32_t timeouts_ = 0;
  std::uint64_t marked_seen_ = 0;
  std::uint64_t read_ = 0;  // of received_
  std::uint64_t spurious_losses_ = 0;

  std::deque<Arrival> arrivals_;
  std::deque<PacketNumber> received_;  // in order of arrival, those not yet read by the sender
  std::uint64_t received_count_ = 0;
  std::uint64_t received_bytes_ = 0;
  std::uint64_t marked_ = 0;
  PacketNumber expected_ = 0;
  std::uint32_t unacked_ = 0;
  TimePoint ack_at_ = kNever;
  std::deque<Ack> acks_;
  std::vector<float> round_trips_;
};

// Flows over one link in virtual time. Deterministic: a seed makes a run.
class Bottleneck {
 public:
  static constexpr std::uint32_t kDatagramBytes = 1472;
  static constexpr std::uint32_t kFrameBytes = 1514;
  static constexpr std::uint32_t kPayloadBytes = 1440;  // what is left for a stream's data

  Bottleneck(const LinkConfig& link, std::uint64_t seed) : link_(link), random_(seed) {}

  Flow& add(const FlowConfig& config);
  // Changes the link while it runs.
  LinkConfig& link() { return link_; }
  void run_until(TimePoint end);
  void run_for(Duration duration) { run_until(now_ + duration); }
  TimePoint now() const { return now_; }

 private:
  friend class Flow;
  struct Delivery {
    TimePoint at;
    bool is_marked;
  };
  // When the frame arrives; empty: it does not.
  std::optional<Delivery> transmit(TimePoint now);
  std::optional<TimePoint> transmit_ack(TimePoint now);
  bool is_lost();
  bool is_down(TimePoint at) const;

  LinkConfig link_;
  SeededRandom random_;
  std::vector<std::unique_ptr<Flow>> flows_;
  TimePoint now_{};
  TimePoint free_at_{};  // the link has sent everything that is queued
  TimePoint last_arrival_{};
  bool is_bad_ = false;
};

// Payload of all flows together, in megabits a second.
double megabits(std::uint64_t wire_bytes, Duration duration);
double percentile(std::vector<float> values, double share);

}  // namespace jetway::jsp::test
