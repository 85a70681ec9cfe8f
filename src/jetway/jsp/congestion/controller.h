#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "jetway/base/time.h"
#include "jetway/jsp/sent_packet.h"

namespace jetway::jsp {

enum class CongestionAlgorithm : std::uint8_t { Bbr, Cubic, NewReno };

// As in "bbr".
std::string_view algorithm_name(CongestionAlgorithm algorithm);
std::optional<CongestionAlgorithm> algorithm_from_name(std::string_view name);

// How fast data was delivered lately: from the newest packet among those just acknowledged.
struct RateSample {
  std::uint64_t delivered_bytes = 0;        // over `interval`
  Duration interval{0};                     // zero: no valid sample
  std::uint64_t prior_delivered_bytes = 0;  // delivered when that packet was sent
  std::uint64_t lost_bytes = 0;             // newly lost over the same time
  std::uint64_t in_flight_bytes = 0;        // when that packet was sent, with it
  bool is_application_limited = false;

  // Bytes a second; 0: no valid sample.
  std::uint64_t rate() const;
};

// What one ACK frame, or one expiry of the loss timer, came to.
struct AckSummary {
  TimePoint now;
  std::uint64_t acked_bytes = 0;
  std::uint64_t lost_bytes = 0;
  std::uint64_t delivered_bytes = 0;               // in all, with these
  std::uint64_t prior_in_flight_bytes = 0;         // before
  std::uint64_t in_flight_bytes = 0;               // now
  std::uint64_t congestion_marked_packets = 0;     // newly reported as ECN-CE
  std::optional<TimePoint> largest_acked_sent_at;  // of the newest packet that was acknowledged
  RateSample rate;
  // Empty when no new sample came with this.
  std::optional<Duration> rtt_sample;
  Duration smoothed_rtt{0};
  Duration min_rtt{0};
};

// How much may be on the way on one path and how fast it may leave. Told of every packet that counts as in
// flight; on_ack() (or on_congestion()) comes after the calls for each of its packets.
class CongestionController {
 public:
  virtual ~CongestionController() = default;

  virtual CongestionAlgorithm algorithm() const = 0;

  virtual void on_packet_sent(TimePoint now, const SentPacket& packet, std::uint64_t in_flight_bytes) = 0;
  virtual void on_packet_acked(TimePoint now, const SentPacket& packet) = 0;
  virtual void on_packet_lost(TimePoint now, const SentPacket& packet) = 0;
  virtual void on_ack(const AckSummary& summary) = 0;
  // A loss turned out to be a reordering; after all losses of its round were, the reaction is undone.
  virtual void on_spurious_loss(TimePoint now, const SentPacket& packet) = 0;
  // RFC 9002 section 7.6.
  virtual void on_persistent_congestion(TimePoint now) = 0;
  // There was room to send and nothing to be sent.
  virtual void on_application_limited(std::uint64_t in_flight_bytes) = 0;
  virtual void on_datagram_size(std::size_t max_datagram_bytes) = 0;

  virtual std::uint64_t window_bytes() const = 0;
  // Bytes a second; 0: not known yet, send by the window alone.
  virtual std::uint64_t pacing_rate() const = 0;
  // What it does at the moment: "startup", "recovery", for people and traces.
  virtual std::string_view state_name() const = 0;
};

struct CongestionConfig {
  CongestionAlgorithm algorithm = CongestionAlgorithm::Bbr;
  // In datagrams of the current size (RFC 9002 section 7.2 recommends 10).
  std::uint32_t initial_window_packets = 10;
  // The window never grows beyond; what is on the way is kept in memory.
  std::uint64_t window_max_bytes = std::uint64_t{256} << 20;
};

std::unique_ptr<CongestionController> make_controller(const CongestionConfig& config,
                                                      std::size_t max_datagram_bytes, TimePoint now,
                                                      std::uint64_t random_seed);

}  // namespace jetway::jsp
