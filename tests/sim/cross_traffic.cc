#include "tests/sim/cross_traffic.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace jetway::sim {

namespace {

constexpr double kCubicC = 0.4;                                          // RFC 9438 section 4.1
constexpr double kCubicBeta = 0.7;                                       // RFC 9438 section 4.6
constexpr double kRenoGrowth = 3 * (1 - kCubicBeta) / (1 + kCubicBeta);  // RFC 9438 section 4.3
constexpr std::uint64_t kReorderingPackets = 3;
constexpr std::size_t kRangesMax = 32;
constexpr Duration kDelayedAck = std::chrono::milliseconds(40);
constexpr Duration kTimeoutMin = std::chrono::milliseconds(200);

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

void put(MutableBytes out, std::size_t index, std::uint64_t value) {
  copy_bytes(out.subspan(index * sizeof value), std::as_bytes(std::span{&value, 1}));
}

std::uint64_t take(ByteView in, std::size_t index) {
  std::uint64_t value = 0;
  std::memcpy(&value, in.data() + index * sizeof value, sizeof value);
  return value;
}

}  // namespace

std::optional<jsp::Transmit> ConstantSource::poll_transmit(const Now& now, MutableBytes out) {
  if (next_at_ && now.engine < *next_at_) return std::nullopt;
  const Duration interval(static_cast<Duration::rep>(config_.datagram_bytes * 1'000'000'000 / config_.rate));
  next_at_ = next_at_.value_or(now.engine) + interval;
  std::ranges::fill(out.first(config_.datagram_bytes), std::byte{});
  return jsp::Transmit{.local = {},
                       .remote = config_.remote,
                       .ecn = config_.ecn,
                       .bytes = config_.datagram_bytes,
                       .segment_bytes = config_.datagram_bytes};
}

void Sink::handle_datagram(const Now& now, const jsp::Datagram& datagram) {
  bytes += datagram.bytes.size();
  ++datagrams;
  if (datagram.ecn == jsp::Ecn::CongestionExperienced) ++marked;
  if (!first_at) first_at = now.engine;
  last_at = now.engine;
}

// ---- TCP ----

std::optional<jsp::Transmit> TcpSender::poll_transmit(const Now& now, MutableBytes out) {
  if (static_cast<double>(in_flight_) >= window_) return std::nullopt;
  if (in_flight_ == 0) last_progress_ = now.engine;
  const MutableBytes segment = out.first(config_.segment_bytes);
  std::ranges::fill(segment, std::byte{});
  put(segment, 0, next_number_++);
  sent_.push_back({.at = now.engine});
  ++in_flight_;
  return jsp::Transmit{.local = {},
                       .remote = config_.remote,
                       .ecn = config_.is_ecn_capable ? jsp::Ecn::Ect0 : jsp::Ecn::NotCapable,
                       .bytes = config_.segment_bytes,
                       .segment_bytes = config_.segment_bytes};
}

// An acknowledgement: marks seen, then ranges as pairs of first and last.
void TcpSender::handle_datagram(const Now& now, const jsp::Datagram& datagram) {
  const std::size_t words = datagram.bytes.size() / sizeof(std::uint64_t);
  if (words < 3) return;
  for (std::size_t i = 1; i + 1 < words; i += 2) {
    acknowledge(now.engine, take(datagram.bytes, i), take(datagram.bytes, i + 1));
  }
  const std::uint64_t marks = take(datagram.bytes, 0);
  if (marks > marks_seen_ && largest_acked_ && *largest_acked_ >= recovery_end_) reduce(now.engine);
  marks_seen_ = std::max(marks, marks_seen_);
  detect_loss(now.engine);
  while (!sent_.empty() && sent_.front().is_done) {
    sent_.pop_front();
    ++first_number_;
  }
}

void TcpSender::acknowledge(TimePoint now, std::uint64_t first, std::uint64_t last) {
  if (last >= next_number_) return;
  for (std::uint64_t number = std::max(first, first_number_); number <= last; ++number) {
    Sent& sent = sent_[number - first_number_];
    if (sent.is_done) continue;
    sent.is_done = true;
    --in_flight_;
    last_progress_ = now;
    timeouts_in_a_row_ = 0;
    if (!largest_acked_ || number > *largest_acked_) {
      largest_acked_ = number;
      on_round_trip(now, now - sent.at);
    }
    grow(now);
  }
}

void TcpSender::detect_loss(TimePoint now) {
  if (!largest_acked_) return;
  for (std::uint64_t number = first_number_; number + kReorderingPackets <= *largest_acked_; ++number) {
    Sent& sent = sent_[number - first_number_];
    if (sent.is_done) continue;
    sent.is_done = true;
    --in_flight_;
    if (number >= recovery_end_) reduce(now);
  }
}

void TcpSender::on_round_trip(TimePoint, Duration sample) {
  const bool is_first = smoothed_rtt_ == Duration{0};
  rtt_variation_ =
      is_first ? sample / 2 : (3 * rtt_variation_ + std::chrono::abs(smoothed_rtt_ - sample)) / 4;
  smoothed_rtt_ = is_first ? sample : (7 * smoothed_rtt_ + sample) / 8;
  min_rtt_ = std::min(min_rtt_, sample);
  round_min_rtt_ = std::min(round_min_rtt_, sample);
  if (*largest_acked_ < round_end_) return;
  const Duration tolerance =
      std::clamp<Duration>(min_rtt_ / 8, std::chrono::milliseconds(4), std::chrono::milliseconds(16));
  if (window_ < threshold_ && window_ >= 16 && round_min_rtt_ >= min_rtt_ + tolerance) threshold_ = window_;
  round_end_ = next_number_;
  round_min_rtt_ = Duration::max();
}

// One packet was acknowledged.
void TcpSender::grow(TimePoint now) {
  if (window_ < threshold_) {
    window_ += 1;
    return;
  }
  if (!epoch_) {
    epoch_ = now;
    epoch_window_ = window_reno_ = window_;
    window_max_ = std::max(window_max_, window_);
  }
  const double k = std::cbrt((window_max_ - epoch_window_) / kCubicC);
  const double t = seconds(now - *epoch_ + smoothed_rtt_) - k;
  const double target = std::clamp(kCubicC * t * t * t + window_max_, window_, 1.5 * window_);
  window_reno_ += kRenoGrowth / window_;
  window_ = std::max(window_ + (target - window_) / window_, window_reno_);
}

void TcpSender::reduce(TimePoint) {
  ++congestion_events_;
  recovery_end_ = next_number_;
  const bool is_shrinking = window_ < window_max_;  // RFC 9438 section 4.7, fast convergence
  window_max_ = is_shrinking ? window_ * (1 + kCubicBeta) / 2 : window_;
  window_ = std::max(window_ * kCubicBeta, 2.0);
  threshold_ = window_;
  epoch_.reset();
}

Duration TcpSender::retransmission_timeout() const {
  if (smoothed_rtt_ == Duration{0}) return std::chrono::seconds(1);
  return std::max(smoothed_rtt_ + 4 * rtt_variation_, kTimeoutMin) *
         (1 << std::min<std::uint64_t>(timeouts_in_a_row_, 6));
}

std::optional<TimePoint> TcpSender::next_timeout() {
  if (in_flight_ == 0) return std::nullopt;
  return last_progress_ + retransmission_timeout();
}

void TcpSender::handle_timeout(const Now& now) {
  ++timeouts_;
  ++timeouts_in_a_row_;
  reduce(now.engine);
  window_ = 1;
  first_number_ = next_number_;
  sent_.clear();
  in_flight_ = 0;
  last_progress_ = now.engine;
}

void TcpReceiver::handle_datagram(const Now& now, const jsp::Datagram& datagram) {
  if (datagram.bytes.size() < sizeof(std::uint64_t)) return;
  remote_ = datagram.remote;
  local_ = datagram.local;
  if (datagram.ecn == jsp::Ecn::CongestionExperienced) ++marks_;
  const std::uint64_t number = take(datagram.bytes, 0);
  const bool is_next = ranges_.empty() || number == ranges_.front().last + 1;
  if (insert(number)) bytes += datagram.bytes.size();
  if (++unacknowledged_ >= 2 || !is_next) wants_to_acknowledge_ = true;
  if (!acknowledge_at_) acknowledge_at_ = now.engine + kDelayedAck;
}

// False: it was there.
bool TcpReceiver::insert(std::uint64_t number) {
  const auto at =
      std::ranges::find_if(ranges_, [&](const Range& range) { return range.first <= number + 1; });
  if (at == ranges_.end() || at->last + 1 < number) {
    ranges_.insert(at, {.first = number, .last = number});
    if (ranges_.size() > kRangesMax) ranges_.pop_back();
    return true;
  }
  if (at->first <= number && number <= at->last) return false;
  if (number == at->last + 1) {
    at->last = number;
    if (at != ranges_.begin() && (at - 1)->first == number + 1) {
      (at - 1)->first = at->first;
      ranges_.erase(at);
    }
    return true;
  }
  at->first = number;
  if (const auto below = at + 1; below != ranges_.end() && below->last + 1 == number) {
    at->first = below->first;
    ranges_.erase(below);
  }
  return true;
}

std::optional<jsp::Transmit> TcpReceiver::poll_transmit(const Now&, MutableBytes out) {
  if (!wants_to_acknowledge_) return std::nullopt;
  wants_to_acknowledge_ = false;
  acknowledge_at_.reset();
  unacknowledged_ = 0;
  std::size_t words = 0;
  put(out, words++, marks_);
  for (const Range& range : ranges_) {
    put(out, words++, range.first);
    put(out, words++, range.last);
  }
  const std::size_t size = words * sizeof(std::uint64_t);
  return jsp::Transmit{
      .local = local_, .remote = remote_, .ecn = jsp::Ecn::NotCapable, .bytes = size, .segment_bytes = size};
}

}  // namespace jetway::sim
