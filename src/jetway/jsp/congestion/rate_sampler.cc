#include "jetway/jsp/congestion/rate_sampler.h"

#include <algorithm>

namespace jetway::jsp {

void RateSampler::on_packet_sent(SentPacket& packet, std::uint64_t in_flight_bytes) {
  if (in_flight_bytes <= packet.bytes) {
    // Nothing was on the way: time before this packet is idle time, not that of a slow path.
    first_sent_at_ = packet.sent_at;
    delivered_at_ = packet.sent_at;
  }
  packet.delivery = {.delivered_bytes = delivered_bytes_,
                     .delivered_at = delivered_at_,
                     .first_sent_at = first_sent_at_,
                     .lost_bytes = lost_bytes_,
                     .in_flight_bytes = in_flight_bytes,
                     .is_application_limited = is_application_limited()};
}

void RateSampler::on_packet_acked(TimePoint now, const SentPacket& packet) {
  delivered_bytes_ += packet.bytes;
  delivered_at_ = std::max(delivered_at_, now);
  if (has_newest_ && packet.record < newest_.record) return;
  newest_ = {.record = packet.record, .sent_at = packet.sent_at, .delivery = packet.delivery};
  has_newest_ = true;
}

void RateSampler::on_spurious_loss(TimePoint now, const SentPacket& packet) {
  lost_bytes_ -= std::min<std::uint64_t>(lost_bytes_, packet.bytes);
  on_packet_acked(now, packet);
}

void RateSampler::on_application_limited(std::uint64_t in_flight_bytes) {
  limited_until_bytes_ = std::max<std::uint64_t>(delivered_bytes_ + in_flight_bytes, 1);
}

RateSample RateSampler::make_sample(Duration min_rtt) {
  if (limited_until_bytes_ != 0 && delivered_bytes_ > limited_until_bytes_) limited_until_bytes_ = 0;
  if (!has_newest_) return {};
  has_newest_ = false;
  const DeliveryRecord& then = newest_.delivery;

  // An ACK can come in a burst (then the sending took longer) and sending can be a burst (then delivery did):
  // neither may make the path look faster than it is.
  const Duration sending = newest_.sent_at - then.first_sent_at;
  const Duration delivering = delivered_at_ - then.delivered_at;
  const Duration interval = std::max(sending, delivering);
  first_sent_at_ = std::max(first_sent_at_, newest_.sent_at);

  RateSample sample{.delivered_bytes = delivered_bytes_ - then.delivered_bytes,
                    .interval = interval,
                    .prior_delivered_bytes = then.delivered_bytes,
                    .lost_bytes = lost_bytes_ - std::min(lost_bytes_, then.lost_bytes),
                    .in_flight_bytes = then.in_flight_bytes,
                    .is_application_limited = then.is_application_limited};
  if (interval < min_rtt) sample.interval = Duration{0};
  return sample;
}

}  // namespace jetway::jsp
