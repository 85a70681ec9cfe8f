#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "tests/sim/datagram_node.h"
#include "tests/sim/host.h"

namespace jetway::sim {

// Traffic of others: nodes that need no engine.

// Datagrams of one size at a constant rate, for ever.
class ConstantSource final : public DatagramNode {
 public:
  struct Config {
    IpEndpoint remote{};
    std::uint64_t rate = 0;  // bytes/s of payload, above 0
    std::size_t datagram_bytes = 1200;
    jsp::Ecn ecn = jsp::Ecn::NotCapable;
  };
  explicit ConstantSource(const Config& config) : config_(config) {}

  void handle_datagram(const Now&, const jsp::Datagram&) override {}
  std::optional<jsp::Transmit> poll_transmit(const Now& now, MutableBytes out) override;
  std::optional<TimePoint> next_timeout() override { return next_at_; }
  void handle_timeout(const Now&) override {}
  void handle_send_error(const Now&, const jsp::Transmit&, SendError) override {}

 private:
  Config config_;
  std::optional<TimePoint> next_at_;
};

// Counts what arrives.
class Sink final : public DatagramNode {
 public:
  void handle_datagram(const Now& now, const jsp::Datagram& datagram) override;
  std::optional<jsp::Transmit> poll_transmit(const Now&, MutableBytes) override { return std::nullopt; }
  std::optional<TimePoint> next_timeout() override { return std::nullopt; }
  void handle_timeout(const Now&) override {}
  void handle_send_error(const Now&, const jsp::Transmit&, SendError) override {}

  std::uint64_t bytes = 0;
  std::uint64_t datagrams = 0;
  std::uint64_t marked = 0;  // Congestion Experienced
  std::optional<TimePoint> first_at;
  std::optional<TimePoint> last_at;
};

// The sender of a TCP bulk flow with SACK, CUBIC (RFC 9438) and the delay half of HyStart, as it looks from
// the network: what it sends when. It has no data, so that nothing is repeated: what is lost is not goodput.
class TcpSender final : public DatagramNode {
 public:
  struct Config {
    IpEndpoint remote{};
    std::size_t segment_bytes = 1448 + 12;  // with what UDP's header is smaller than TCP's
    bool is_ecn_capable = false;
  };
  explicit TcpSender(const Config& config) : config_(config) {}

  void handle_datagram(const Now& now, const jsp::Datagram& datagram) override;
  std::optional<jsp::Transmit> poll_transmit(const Now& now, MutableBytes out) override;
  std::optional<TimePoint> next_timeout() override;
  void handle_timeout(const Now& now) override;
  void handle_send_error(const Now&, const jsp::Transmit&, SendError) override {}

  double window_packets() const { return window_; }
  std::uint64_t congestion_events() const { return congestion_events_; }
  std::uint64_t timeouts() const { return timeouts_; }
  Duration smoothed_rtt() const { return smoothed_rtt_; }

 private:
  struct Sent {
    TimePoint at;
    bool is_done = false;  // acknowledged or lost
  };

  void acknowledge(TimePoint now, std::uint64_t first, std::uint64_t last);
  void detect_loss(TimePoint now);
  void on_round_trip(TimePoint now, Duration sample);
  void grow(TimePoint now);
  void reduce(TimePoint now);
  Duration retransmission_timeout() const;

  Config config_;
  std::deque<Sent> sent_;
  std::uint64_t first_number_ = 0;  // of sent_
  std::uint64_t next_number_ = 0;
  std::uint64_t in_flight_ = 0;
  std::optional<std::uint64_t> largest_acked_;
  TimePoint last_progress_{};

  double window_ = 10;
  double threshold_ = 1e9;
  double window_max_ = 0;
  double window_reno_ = 0;
  std::optional<TimePoint> epoch_;
  double epoch_window_ = 0;
  std::uint64_t recovery_end_ = 0;  // losses below belong to the event that is known
  std::uint64_t marks_seen_ = 0;

  Duration smoothed_rtt_{0};
  Duration rtt_variation_{0};
  Duration min_rtt_ = Duration::max();
  Duration round_min_rtt_ = Duration::max();
  std::uint64_t round_end_ = 0;
  std::uint64_t congestion_events_ = 0;
  std::uint64_t timeouts_ = 0;
  std::uint64_t timeouts_in_a_row_ = 0;
};

// Acknowledges every second segment, or at once what shows a gap, or after 40 ms.
class TcpReceiver final : public DatagramNode {
 public:
  void handle_datagram(const Now& now, const jsp::Datagram& datagram) override;
  std::optional<jsp::Transmit> poll_transmit(const Now& now, MutableBytes out) override;
  std::optional<TimePoint> next_timeout() override { return acknowledge_at_; }
  void handle_timeout(const Now&) override { wants_to_acknowledge_ = true; }
  void handle_send_error(const Now&, const jsp::Transmit&, SendError) override {}

  std::uint64_t bytes = 0;  // arrived for the first time

 private:
  struct Range {
    std::uint64_t first;
    std::uint64_t last;
  };

  bool insert(std::uint64_t number);

  std::vector<Range> ranges_;  // falling
  IpEndpoint remote_;
  IpEndpoint local_;
  std::optional<TimePoint> acknowledge_at_;
  bool wants_to_acknowledge_ = false;
  std::uint32_t unacknowledged_ = 0;
  std::uint64_t marks_ = 0;
};

}  // namespace jetway::sim
