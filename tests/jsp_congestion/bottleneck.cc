#include "tests/jsp_congestion/bottleneck.h"

#include <algorithm>
#include <utility>

namespace jetway::jsp::test {
namespace {

constexpr Duration kMaxAckDelay = 25ms;
constexpr PacketNumber kPacketThreshold = 3;
// Lost packets are remembered so long, in numbers, for late acknowledgements.
constexpr std::size_t kRemembered = 20'000;

TimePoint at_seconds(double seconds) {
  return TimePoint{std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds))};
}

}  // namespace

double megabits(std::uint64_t wire_bytes, Duration duration) {
  const double payload =
      static_cast<double>(wire_bytes) * Bottleneck::kPayloadBytes / Bottleneck::kDatagramBytes;
  return payload * 8 / 1e6 / std::chrono::duration<double>(duration).count();
}

double percentile(std::vector<float> values, double share) {
  if (values.empty()) return 0;
  const auto nth =
      values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

// ---- the link ----

Flow& Bottleneck::add(const FlowConfig& config) {
  flows_.push_back(std::make_unique<Flow>(*this, config, random_()));
  return *flows_.back();
}

void Bottleneck::run_until(TimePoint end) {
  for (;;) {
    Flow* first = nullptr;
    TimePoint at = kNever;
    for (auto& flow : flows_) {
      if (const TimePoint next = flow->next_time(now_); next < at) {
        at = next;
        first = flow.get();
      }
    }
    if (first == nullptr || at > end) break;
    now_ = std::max(now_, at);
    first->run(now_);
  }
  now_ = end;
}

bool Bottleneck::is_down(TimePoint at) const {
  if (link_.blackout_length == 0ms || at < TimePoint{} + link_.blackout_start) return false;
  const Duration since = at.time_since_epoch() - link_.blackout_start;
  return since % link_.blackout_period < link_.blackout_length;
}

bool Bottleneck::is_lost() {
  if (link_.burst_begin > 0) {
    is_bad_ = random_.unit() < (is_bad_ ? 1 - link_.burst_end : link_.burst_begin);
    if (is_bad_ && random_.unit() < link_.burst_loss) return true;
  }
  return link_.loss > 0 && random_.unit() < link_.loss;
}

std::optional<Bottleneck::Delivery> Bottleneck::transmit(TimePoint now) {
  const double seconds = kFrameBytes * 8.0 / (link_.megabits * 1e6);
  const auto frame = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  const Duration waiting = std::max(free_at_ - now, Duration::zero());
  if (waiting + frame > link_.queue + frame) return std::nullopt;
  const bool is_marked = link_.marks_above && waiting > *link_.marks_above;
  free_at_ = std::max(free_at_, now) + frame;
  // Lost behind the queue: such frames use the link, as on a radio.
  if (is_down(free_at_) || is_lost()) return std::nullopt;
  TimePoint at = free_at_ + link_.round_trip / 2;
  if (link_.jitter > 0ns) {
    at += std::chrono::duration_cast<Duration>(link_.jitter * random_.unit());
    at = last_arrival_ = std::max(at, last_arrival_);
  }
  if (link_.reordered > 0 && random_.unit() < link_.reordered) at += link_.reordered_by;
  return Delivery{.at = at, .is_marked = is_marked};
}

std::optional<TimePoint> Bottleneck::transmit_ack(TimePoint now) {
  if (is_down(now) || is_lost()) return std::nullopt;
  return now + link_.round_trip / 2;
}

// ---- a flow ----

Flow::Flow(Bottleneck& network, const FlowConfig& config, std::uint64_t seed)
    : network_(network),
      config_(config),
      controller_(make_controller(config.congestion, Bottleneck::kDatagramBytes, config.start, seed)),
      pacer_(Bottleneck::kDatagramBytes, config.start) {}

TimePoint Flow::next_time(TimePoint now) const {
  TimePoint at = timer_;
  if (!arrivals_.empty()) at = std::min(at, arrivals_.front().at);
  if (!acks_.empty()) at = std::min(at, acks_.front().at);
  at = std::min(at, ack_at_);
  if (in_flight_bytes_ + Bottleneck::kDatagramBytes > controller_->window_bytes()) return at;
  TimePoint ready = std::max(now, config_.start);
  if (config_.application_megabits > 0) {
    const double seconds = static_cast<double>(sent_bytes_ + Bottleneck::kDatagramBytes) * 8 /
                           (config_.application_megabits * 1e6);
    ready = std::max(ready, at_seconds(seconds) + config_.start.time_since_epoch() + 1us);
  }
  if (config_.is_paced) ready = std::max(ready, pacer_.next_send_time(now).value_or(ready));
  return std::min(at, ready);
}

void Flow::run(TimePoint now) {
  while (!arrivals_.empty() && arrivals_.front().at <= now) receive(now);
  if (ack_at_ <= now) send_ack(now);
  while (!acks_.empty() && acks_.front().at <= now) {
    const Ack ack = acks_.front();
    acks_.pop_front();
    handle_ack(now, ack);
  }
  if (timer_ <= now) handle_timer(now);
  send(now);
}

void Flow::receive(TimePoint now) {
  const Arrival arrival = arrivals_.front();
  arrivals_.pop_front();
  received_.push_back(arrival.number);
  ++received_count_;
  received_bytes_ += Bottleneck::kDatagramBytes;
  if (arrival.is_marked) ++marked_;
  const bool is_in_order = arrival.number == expected_;
  expected_ = std::max(expected_, arrival.number + 1);
  ++unacked_;
  if (!is_in_order || arrival.is_marked || unacked_ >= config_.ack_packets) {
    send_ack(now);
  } else if (ack_at_ == kNever) {
    ack_at_ = now + kMaxAckDelay;
  }
}

void Flow::send_ack(TimePoint now) {
  unacked_ = 0;
  ack_at_ = kNever;
  if (const auto at = network_.transmit_ack(now)) {
    acks_.push_back({.at = *at, .received = received_count_, .marked = marked_});
  }
}

void Flow::acknowledge(TimePoint now, PacketNumber number) {
  if (number < base_) return;
  Sent& entry = sent(number);
  if (entry.fate == Fate::Acked) return;
  const SentPacket& packet = entry.packet;
  if (entry.fate == Fate::Lost) {
    ++spurious_losses_;
    sampler_.on_spurious_loss(now, packet);
    controller_->on_spurious_loss(now, packet);
  } else {
    in_flight_bytes_ -= packet.bytes;
    acked_now_ += packet.bytes;
    sampler_.on_packet_acked(now, packet);
    controller_->on_packet_acked(now, packet);
  }
  entry.fate = Fate::Acked;
  if (!largest_acked_ || number > *largest_acked_) {
    largest_acked_ = number;
    rtt_now_ = now - packet.sent_at;
    newest_sent_at_ = packet.sent_at;
  }
}

void Flow::handle_ack(TimePoint now, const Ack& ack) {
  const std::uint64_t prior = in_flight_bytes_;
  for (; read_ < ack.received; ++read_) {
    acknowledge(now, received_.front());
    received_.pop_front();
  }
  if (rtt_now_) {
    latest_rtt_ = *rtt_now_;
    min_rtt_ = std::min(min_rtt_, latest_rtt_);
    if (smoothed_rtt_ == 0ns) {
      smoothed_rtt_ = latest_rtt_;
      rtt_variation_ = latest_rtt_ / 2;
    } else {
      const Duration off =
          smoothed_rtt_ > latest_rtt_ ? smoothed_rtt_ - latest_rtt_ : latest_rtt_ - smoothed_rtt_;
      rtt_variation_ = (3 * rtt_variation_ + off) / 4;
      smoothed_rtt_ = (7 * smoothed_rtt_ + latest_rtt_) / 8;
    }
    round_trips_.push_back(std::chrono::duration<float, std::milli>(latest_rtt_).count());
  }
  if (acked_now_ > 0) timeouts_ = 0;
  const std::uint64_t marked = ack.marked - std::exchange(marked_seen_, ack.marked);
  detect_losses(now);
  finish(now, prior, marked);
}

void Flow::detect_losses(TimePoint now) {
  is_loss_timer_ = false;
  timer_ = kNever;
  if (!largest_acked_) return;
  const Duration delay = std::max<Duration>(std::max(smoothed_rtt_, latest_rtt_) * 9 / 8, 1ms);
  std::optional<TimePoint> run_start;
  while (first_in_flight_ - base_ < sent_.size() && sent(first_in_flight_).fate != Fate::InFlight)
    ++first_in_flight_;
  for (PacketNumber number = first_in_flight_; number < *largest_acked_; ++number) {
    Sent& entry = sent(number);
    if (entry.fate != Fate::InFlight) {
      if (entry.fate == Fate::Acked) run_start.reset();
      continue;
    }
    if (number + kPacketThreshold > *largest_acked_ && entry.packet.sent_at + delay > now) {
      timer_ = entry.packet.sent_at + delay;
      is_loss_timer_ = true;
      break;
    }
    entry.fate = Fate::Lost;
    in_flight_bytes_ -= entry.packet.bytes;
    lost_now_ += entry.packet.bytes;
    sampler_.on_packet_lost(entry.packet);
    controller_->on_packet_lost(now, entry.packet);
    if (!run_start) run_start = entry.packet.sent_at;
    is_persistent_ = is_persistent_ || entry.packet.sent_at - *run_start > 3 * probe_timeout();
  }
}

void Flow::finish(TimePoint now, std::uint64_t prior_in_flight, std::uint64_t marked) {
  controller_->on_ack({.now = now,
                       .acked_bytes = std::exchange(acked_now_, 0),
                       .lost_bytes = std::exchange(lost_now_, 0),
                       .delivered_bytes = sampler_.delivered_bytes(),
                       .prior_in_flight_bytes = prior_in_flight,
                       .in_flight_bytes = in_flight_bytes_,
                       .congestion_marked_packets = marked,
                       .largest_acked_sent_at = std::exchange(newest_sent_at_, std::nullopt),
                       .rate = sampler_.make_sample(min_rtt_ == Duration::max() ? 0ns : min_rtt_),
                       .rtt_sample = std::exchange(rtt_now_, std::nullopt),
                       .smoothed_rtt = smoothed_rtt_,
                       .min_rtt = min_rtt_});
  if (std::exchange(is_persistent_, false)) controller_->on_persistent_congestion(now);
  if (config_.is_paced) pacer_.set_rate(now, controller_->pacing_rate());
  while (sent_.size() > kRemembered && base_ < first_in_flight_) {
    sent_.pop_front();
    ++base_;
  }
  set_timer();
}

Duration Flow::probe_timeout() const {
  if (smoothed_rtt_ == 0ns) return 1s;
  return smoothed_rtt_ + std::max<Duration>(4 * rtt_variation_, 1ms) + kMaxAckDelay;
}

void Flow::set_timer() {
  if (is_loss_timer_) return;
  timer_ = in_flight_bytes_ == 0
               ? kNever
               : sent_.back().packet.sent_at + probe_timeout() * (1 << std::min(timeouts_, 10U));
}

void Flow::handle_timer(TimePoint now) {
  const std::uint64_t prior = in_flight_bytes_;
  if (is_loss_timer_) {
    detect_losses(now);
    finish(now, prior, 0);
    return;
  }
  ++timeouts_;
  send_packet(now);
  send_packet(now);
  set_timer();
}

std::uint64_t Flow::application_bytes(TimePoint now) const {
  if (now < config_.start) return 0;
  if (config_.application_megabits == 0) return UINT64_MAX;
  const double seconds = std::chrono::duration<double>(now - config_.start).count();
  return static_cast<std::uint64_t>(seconds * config_.application_megabits * 1e6 / 8);
}

bool Flow::may_send(TimePoint now) const {
  return in_flight_bytes_ + Bottleneck::kDatagramBytes <= controller_->window_bytes() &&
         (!config_.is_paced || pacer_.budget_bytes(now) >= Bottleneck::kDatagramBytes);
}

void Flow::send(TimePoint now) {
  const std::uint64_t available = application_bytes(now);
  while (may_send(now)) {
    if (sent_bytes_ + Bottleneck::kDatagramBytes > available) {
      sampler_.on_application_limited(in_flight_bytes_);
      controller_->on_application_limited(in_flight_bytes_);
      break;
    }
    send_packet(now);
  }
}

void Flow::send_packet(TimePoint now) {
  const PacketNumber number = base_ + sent_.size();
  Sent entry;
  entry.packet.number = entry.packet.record = number;
  entry.packet.sent_at = now;
  entry.packet.bytes = Bottleneck::kDatagramBytes;
  entry.packet.is_ack_eliciting = entry.packet.is_in_flight = true;
  in_flight_bytes_ += Bottleneck::kDatagramBytes;
  sent_bytes_ += Bottleneck::kDatagramBytes;
  sampler_.on_packet_sent(entry.packet, in_flight_bytes_);
  controller_->on_packet_sent(now, entry.packet, in_flight_bytes_);
  sent_.push_back(entry);
  pacer_.on_sent(now, Bottleneck::kDatagramBytes);
  if (const auto delivery = network_.transmit(now)) {
    const Arrival arrival{.at = delivery->at, .number = number, .is_marked = delivery->is_marked};
    if (arrivals_.empty() || arrivals_.back().at <= arrival.at) {
      arrivals_.push_back(arrival);
    } else {
      const auto later = [](const Arrival& left, const Arrival& right) { return left.at < right.at; };
      arrivals_.insert(std::upper_bound(arrivals_.begin(), arrivals_.end(), arrival, later), arrival);
    }
  }
  if (!is_loss_timer_) set_timer();
}

}  // namespace jetway::jsp::test
