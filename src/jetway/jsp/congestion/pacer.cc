#include "jetway/jsp/congestion/pacer.h"

#include <algorithm>
#include <chrono>

namespace jetway::jsp {
namespace {

constexpr std::int64_t kNanoBytesPerByte = 1'000'000'000;
// A terabit a second; what a level can reach at it stays far below the limits of its type.
constexpr std::uint64_t kPacerRateMax = 125'000'000'000;

constexpr std::uint64_t kBurstsPerSecond = 1000;
constexpr std::uint64_t kCapacitiesPerSecond = 500;
constexpr std::int64_t kCatchUpsPerRoundTrip = 8;
constexpr Duration kCatchUpMax = std::chrono::milliseconds{25};
constexpr std::uint64_t kBurstMinDatagrams = 2;
constexpr std::uint64_t kBurstMaxDatagrams = 64;  // UDP_MAX_SEGMENTS of Linux
constexpr std::uint64_t kBurstMaxBytes = 64 << 10;

constexpr std::int64_t nano_bytes(std::uint64_t bytes) {
  return static_cast<std::int64_t>(bytes) * kNanoBytesPerByte;
}

}  // namespace

std::uint64_t pacing_rate_of_window(std::uint64_t window_bytes, Duration smoothed_rtt, bool is_slow_start) {
  if (smoothed_rtt <= Duration::zero()) return 0;
  const double gain = is_slow_start ? 2.0 : 1.25;
  const double rate =
      gain * 1e9 * static_cast<double>(window_bytes) / static_cast<double>(smoothed_rtt.count());
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::min(rate, 1e18)));
}

Pacer::Pacer(std::size_t max_datagram_bytes, TimePoint now)
    : datagram_bytes_(max_datagram_bytes), filled_at_(now), release_at_(now) {
  update_sizes();
  level_ = nano_bytes(quantum_bytes_);
}

void Pacer::update_sizes() {
  const std::uint64_t burst_max = std::min(kBurstMaxDatagrams * datagram_bytes_, kBurstMaxBytes);
  const std::uint64_t burst_min = kBurstMinDatagrams * datagram_bytes_;
  quantum_bytes_ = std::max(burst_min, std::min(burst_max, rate_ / kBurstsPerSecond));
  capacity_bytes_ = std::max(2 * quantum_bytes_, rate_ / kCapacitiesPerSecond);
  const Duration late = std::min(min_rtt_ / kCatchUpsPerRoundTrip, kCatchUpMax);
  catch_up_bytes_ = std::max(
      capacity_bytes_,
      static_cast<std::uint64_t>(std::chrono::duration<double>(late).count() * static_cast<double>(rate_)));
  // A debt made at a higher rate, or without any, would take for ever to pay at a low one.
  level_ = std::clamp(level_, -nano_bytes(capacity_bytes_), full());
}

void Pacer::set_rate(TimePoint now, std::uint64_t bytes_per_second, Duration min_rtt) {
  const std::uint64_t rate = std::min(bytes_per_second, kPacerRateMax);
  if (rate == rate_) return;
  fill(now);
  rate_ = rate;
  min_rtt_ = min_rtt;
  update_sizes();
  update_release();
}

void Pacer::set_max_datagram_bytes(TimePoint now, std::size_t bytes) {
  if (bytes == datagram_bytes_) return;
  fill(now);
  datagram_bytes_ = bytes;
  update_sizes();
  update_release();
}

Pacer::NanoBytes Pacer::full() const { return nano_bytes(is_waiting_ ? catch_up_bytes_ : capacity_bytes_); }

Pacer::NanoBytes Pacer::level_at(TimePoint now) const {
  const NanoBytes full = this->full();
  if (now <= filled_at_ || rate_ == 0 || level_ >= full) return level_;
  const auto rate = static_cast<std::int64_t>(rate_);
  const std::int64_t elapsed = (now - filled_at_).count();
  // The product is only formed when it cannot overflow: less than what is missing.
  return elapsed > (full - level_) / rate ? full : level_ + elapsed * rate;
}

void Pacer::fill(TimePoint now) {
  level_ = level_at(now);
  filled_at_ = std::max(filled_at_, now);
}

// After the bucket was used up: the next burst is a whole quantum.
void Pacer::update_release() {
  release_at_ = filled_at_;
  if (rate_ == 0 || level_ >= nano_bytes(datagram_bytes_)) return;
  const auto rate = static_cast<std::int64_t>(rate_);
  const NanoBytes missing = nano_bytes(quantum_bytes_) - level_;
  release_at_ += Duration((missing + rate - 1) / rate);
}

void Pacer::on_sent(TimePoint now, std::uint64_t bytes) {
  if (rate_ == 0) return;
  fill(now);
  is_waiting_ = false;
  level_ -= nano_bytes(bytes);
  update_release();
}

std::uint64_t Pacer::budget_bytes(TimePoint now) const {
  if (rate_ == 0) return UINT64_MAX;
  if (now < release_at_) return 0;
  const NanoBytes level = level_at(now);
  return level < nano_bytes(datagram_bytes_) ? 0 : static_cast<std::uint64_t>(level / kNanoBytesPerByte);
}

std::optional<TimePoint> Pacer::next_send_time(TimePoint now) const {
  if (budget_bytes(now) > 0) return std::nullopt;
  return release_at_;
}

}  // namespace jetway::jsp
