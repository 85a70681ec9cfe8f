#include "jetway/jsp/recovery/ack_frequency.h"

#include <algorithm>
#include <bit>

#include "jetway/session/frame_source.h"

namespace jetway::jsp {
namespace {

static_assert(session::FrameSource<AckFrequency>);

constexpr std::uint64_t kAcksPerWindow = 4;
constexpr int kAcksPerRoundTrip = 4;
constexpr Duration kRequestedDelayMin = std::chrono::milliseconds(1);

// Worth a frame: a quarter more or less.
bool is_other_delay(Duration a, Duration b) { return std::chrono::abs(a - b) > std::max(a, b) / 4; }

}  // namespace

AckFrequency::AckFrequency(const AckFrequencyConfig& config)
    : config_(config),
      request_{.packets = config.initial_packets,
               .max_ack_delay = config.initial_max_ack_delay,
               .reordering_threshold = 1},
      known_delay_(config.initial_max_ack_delay) {}

void AckFrequency::on_peer_max_ack_delay(Duration delay) {
  if (next_sequence_ != 0) return;
  config_.initial_max_ack_delay = request_.max_ack_delay = known_delay_ = delay;
}

AckFrequency::Request AckFrequency::wanted(std::uint64_t window_packets, Duration smoothed_rtt,
                                           std::uint64_t packet_threshold) const {
  const std::uint64_t share = std::bit_floor(window_packets / kAcksPerWindow);
  Request request{.packets = std::clamp<std::uint64_t>(
                      share, config_.initial_packets, std::max(config_.packets_max, config_.initial_packets)),
                  .max_ack_delay = std::clamp(smoothed_rtt / kAcksPerRoundTrip, kRequestedDelayMin,
                                              std::max(config_.initial_max_ack_delay, kRequestedDelayMin)),
                  .reordering_threshold = packet_threshold};
  // A window that moves about the edge between two values would have each change asked for.
  if (request.packets < request_.packets && request.packets * 2 >= request_.packets &&
      window_packets / kAcksPerWindow * 4 >= request_.packets * 3) {
    request.packets = request_.packets;
  }
  if (!is_other_delay(request.max_ack_delay, request_.max_ack_delay)) {
    request.max_ack_delay = request_.max_ack_delay;
  }
  return request;
}

void AckFrequency::update(TimePoint now, std::uint64_t window_packets, Duration smoothed_rtt,
                          std::uint64_t packet_threshold) {
  if (!config_.is_enabled || now < next_request_at_) return;
  const Request request = wanted(window_packets, smoothed_rtt, packet_threshold);
  const bool never_asked = next_sequence_ == 0 && !delivery_.is_wanted();
  if (request == request_ || (never_asked && request.packets == config_.initial_packets)) return;
  request_ = request;
  next_request_at_ = now + smoothed_rtt;
  delivery_.request();
}

void AckFrequency::write_frames(TimePoint, wire::PacketWriter& packet, std::uint64_t record) {
  if (!delivery_.is_wanted()) return;
  const AckFrequencyFrame frame{.sequence = next_sequence_,
                                .ack_eliciting_threshold = request_.packets - 1,
                                .max_ack_delay = request_.max_ack_delay,
                                .reordering_threshold = request_.reordering_threshold};
  if (frame_size(frame) > packet.remaining()) return;
  encode_frame(packet.frames(), frame);
  ++next_sequence_;
  unknown_delay_ = std::max(unknown_delay_, request_.max_ack_delay);
  delivery_.on_sent(record);
}

void AckFrequency::on_packet_acked(std::uint64_t record) {
  if (!delivery_.on_packet_acked(record)) return;
  known_delay_ = request_.max_ack_delay;
  unknown_delay_ = Duration::zero();
}

Duration AckFrequency::peer_max_ack_delay() const { return std::max(known_delay_, unknown_delay_); }

}  // namespace jetway::jsp
