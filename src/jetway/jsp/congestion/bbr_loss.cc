#include "jetway/jsp/congestion/bbr_loss.h"

#include <algorithm>
#include <cmath>

namespace jetway::jsp {
namespace {

// draft-ietf-ccwg-bbr: LossThresh, StartupFullLossCnt.
constexpr double kExcessMax = 0.02;
constexpr std::uint32_t kStartupLossRanges = 6;

constexpr double kFloorMax = 0.10;
// The floor of a path that nothing is known about: as if so many packets had arrived.
constexpr double kPriorDatagrams = 100;
constexpr double kLearnedDatagramsMax = 8192;
constexpr double kDeviations = 2;

}  // namespace

void BbrLoss::begin_learning(TimePoint now) {
  learning_start_ = now;
  learning_end_ = kNever;
}

void BbrLoss::end_learning(TimePoint now) {
  if (learning_end_ == kNever) learning_end_ = now;
}

void BbrLoss::on_packet_acked(const SentPacket& packet) {
  round_.acked_bytes += packet.bytes;
  if (is_learning_from(packet)) round_.learned_acked_bytes += packet.bytes;
}

void BbrLoss::on_packet_lost(const SentPacket& packet) {
  round_.lost_bytes += packet.bytes;
  if (round_.loss_ranges == 0 || packet.number != last_lost_ + 1) ++round_.loss_ranges;
  last_lost_ = packet.number;
  if (is_learning_from(packet)) round_.learned_lost_bytes += packet.bytes;
}

void BbrLoss::on_spurious_loss(const SentPacket& packet) {
  const auto take = [&](std::uint64_t& bytes) { bytes -= std::min<std::uint64_t>(bytes, packet.bytes); };
  take(round_.lost_bytes);
  if (is_learning_from(packet)) take(round_.learned_lost_bytes);
}

void BbrLoss::on_ack(std::optional<Duration> rtt, std::uint64_t marked_packets) {
  if (rtt) round_.min_rtt = std::min(round_.min_rtt, *rtt);
  round_.marked_packets += marked_packets;
}

double BbrLoss::floor() const {
  return std::min(kFloorMax, learned_lost_ / (learned_sent_ + kPriorDatagrams));
}

double BbrLoss::explained_bytes(double bytes, std::uint64_t datagram_bytes) const {
  const double share = floor();
  if (share <= 0) return 0;
  const auto datagram = static_cast<double>(datagram_bytes);
  return share * bytes + kDeviations * datagram * std::sqrt(bytes / datagram * share * (1 - share));
}

bool BbrLoss::is_excessive(std::uint64_t lost_bytes, std::uint64_t marked_bytes, std::uint64_t flight_bytes,
                           std::uint64_t datagram_bytes) const {
  const auto flight = static_cast<double>(flight_bytes);
  const auto marked = static_cast<double>(marked_bytes);
  const auto lost = static_cast<double>(lost_bytes);
  if (lost + marked <= kExcessMax * flight) return false;
  const double unexplained = std::max(0.0, lost - explained_bytes(flight, datagram_bytes));
  return unexplained + marked > kExcessMax * flight;
}

bool BbrLoss::is_congested(Duration queue_threshold, std::uint64_t datagram_bytes) const {
  if (round_.marked_packets > 0) return true;
  if (round_.lost_bytes == 0) return false;
  const auto sent = static_cast<double>(round_.acked_bytes + round_.lost_bytes);
  const double allowed = has_queue(queue_threshold) ? 0 : kExcessMax * sent;
  const auto lost = static_cast<double>(round_.lost_bytes);
  return lost > allowed && lost > allowed + explained_bytes(sent, datagram_bytes);
}

bool BbrLoss::is_congested_in_startup(Duration queue_threshold, std::uint64_t datagram_bytes) const {
  const std::uint64_t sent = round_.acked_bytes + round_.lost_bytes;
  if (round_.loss_ranges + round_.marked_packets < kStartupLossRanges) return false;
  // Before there is a queue only more loss than any path may have by itself is congestion.
  if (!has_queue(queue_threshold) && round_.marked_packets == 0) {
    return static_cast<double>(round_.lost_bytes) > (kFloorMax + kExcessMax) * static_cast<double>(sent);
  }
  return is_excessive(round_.lost_bytes, round_.marked_packets * datagram_bytes, sent, datagram_bytes);
}

void BbrLoss::end_round(Duration queue_threshold, std::uint64_t datagram_bytes) {
  const auto datagram = static_cast<double>(datagram_bytes);
  const auto lost = static_cast<double>(round_.learned_lost_bytes) / datagram;
  const auto sent = lost + static_cast<double>(round_.learned_acked_bytes) / datagram;
  // Loss beyond what a floor can be is something else: learned as far as it can be one.
  if (sent > 0 && !has_queue(queue_threshold) && round_.min_rtt != Duration::max()) {
    learned_lost_ += std::min(lost, kFloorMax * sent);
    learned_sent_ += sent;
    if (learned_sent_ > kLearnedDatagramsMax) {
      learned_lost_ /= 2;
      learned_sent_ /= 2;
    }
  }
  round_ = {};
}

}  // namespace jetway::jsp
