#include "jetway/session/liveness.h"

#include <algorithm>

namespace jetway::session {

namespace {

Duration smaller_but_not_zero(Duration a, Duration b) {
  if (a == Duration::zero()) return b;
  return b == Duration::zero() ? a : std::min(a, b);
}

}  // namespace

void Liveness::on_established(TimePoint now) {
  is_established_ = true;
  last_activity_ = now;
  idle_timeout_ = smaller_but_not_zero(context_->config.idle_timeout, context_->peer.idle_timeout);
  ping_.request();
}

Duration Liveness::keepalive() const {
  const Duration wanted =
      context_->is_background ? context_->config.keepalive_background : context_->config.keepalive;
  if (wanted == Duration::zero() || idle_timeout_ == Duration::zero()) return wanted;
  // A keepalive that comes after the end keeps nothing alive.
  return std::min(wanted, idle_timeout_ / 2);
}

void Liveness::set_rtt(Duration smoothed) {
  context_->rtt = smoothed;
  context_->counters.rtt_nanoseconds.store(smoothed.count(), std::memory_order_relaxed);
}

void Liveness::handle(const wire::PingFrame& frame) {
  if (pongs_.size() == kPongsMax) pongs_.pop_front();
  pongs_.push_back(frame.token);
}

void Liveness::handle(TimePoint now, const wire::PongFrame& frame) {
  if (!sent_at_ || frame.token != token_) return;
  const Duration latest = std::max(now - *sent_at_, Duration{1});
  sent_at_.reset();
  set_rtt(context_->rtt ? (7 * *context_->rtt + latest) / 8 : latest);
}

std::optional<TimePoint> Liveness::idle_at() const {
  if (!is_established_ || idle_timeout_ == Duration::zero()) return std::nullopt;
  return last_activity_ + idle_timeout_;
}

std::optional<TimePoint> Liveness::keepalive_at() const {
  if (!is_established_ || keepalive() == Duration::zero()) return std::nullopt;
  return std::max(last_activity_, last_keepalive_.value_or(last_activity_)) + keepalive();
}

std::optional<TimePoint> Liveness::next_timeout() const {
  const TimePoint first = std::min(idle_at().value_or(kNever), keepalive_at().value_or(kNever));
  return first == kNever ? std::nullopt : std::optional{first};
}

bool Liveness::handle_timeout(TimePoint now) {
  if (now >= idle_at().value_or(kNever)) return false;
  if (now >= keepalive_at().value_or(kNever)) {
    last_keepalive_ = now;
    ping_.request();
  }
  return true;
}

SendInterest Liveness::send_interest() const {
  return std::max(ping_.send_interest(), pongs_.empty() ? SendInterest::None : SendInterest::NewData);
}

void Liveness::write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t packet_number) {
  while (!pongs_.empty()) {
    const wire::PongFrame pong{pongs_.front()};
    if (wire::frame_size(pong) > packet.remaining()) return;
    wire::encode_frame(packet.frames(), pong);
    pongs_.pop_front();
  }
  if (!ping_.is_wanted()) return;
  write_if_wanted(ping_, wire::PingFrame{token_ + 1}, packet, packet_number);
  if (ping_.is_wanted()) return;
  ++token_;
  sent_at_ = now;
}

}  // namespace jetway::session
