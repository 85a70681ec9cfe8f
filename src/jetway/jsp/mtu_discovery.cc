#include "jetway/jsp/mtu_discovery.h"

#include <algorithm>
#include <array>

#include "jetway/base/assert.h"

namespace jetway::jsp {

namespace {

// RFC 8899 section 5.1.2, MAX_PROBES.
constexpr std::uint32_t kProbesMax = 3;
// Full-sized packets that vanish in a row, with small ones coming through, before the path counts as
// narrower.
constexpr std::uint32_t kBlackHoleLosses = 6;

// UDP payloads of packets that links are made for: IPv6's minimum, tunnels, PPPoE, Ethernet (on IPv6 and on
// IPv4), jumbo frames, loopback. Nothing in between is tried: it would cost more probes than it brings.
constexpr std::array<std::size_t, 14> kSizes = {1232, 1332, 1372, 1412,   1444,   1452,   1472,
                                                4052, 8952, 8972, 16'336, 32'720, 65'507, 65'527};
// The commonest by far: tried first, and whatever is below only when it does not pass.
constexpr std::size_t kFirstSize = 1452;

}  // namespace

MtuDiscovery::MtuDiscovery(const MtuConfig& config)
    : config_(config), too_large_(std::max(config.maximum_bytes, kBaseDatagramBytes) + 1) {}

void MtuDiscovery::set_peer_maximum(std::uint64_t bytes) {
  if (bytes + 1 < too_large_) {
    config_.maximum_bytes = std::max<std::size_t>(static_cast<std::size_t>(bytes), kBaseDatagramBytes);
    too_large_ = config_.maximum_bytes + 1;
  }
}

void MtuDiscovery::enter(MtuEvent event) {
  const auto entered = next(state_, event);
  JETWAY_ASSERT(entered.has_value());
  state_ = *entered;
}

void MtuDiscovery::start(TimePoint now) {
  if (state_ != MtuState::Base || raise_at_) return;
  enter(MtuEvent::Start);
  choose_next(now);
}

void MtuDiscovery::reset(TimePoint) {
  if (state_ != MtuState::Base) enter(MtuEvent::BlackHole);
  current_ = kBaseDatagramBytes;
  too_large_ = config_.maximum_bytes + 1;
  candidate_ = 0;
  probe_.reset();
  raise_at_.reset();
  large_lost_ = 0;
}

// The next size between what works and what does not.
void MtuDiscovery::choose_next(TimePoint now) {
  probes_lost_ = 0;
  probe_.reset();
  const std::size_t above = current_ < kFirstSize && kFirstSize < too_large_ ? kFirstSize : current_ + 1;
  const auto* const found = std::ranges::lower_bound(kSizes, above);
  std::size_t size = found == kSizes.end() ? config_.maximum_bytes : *found;
  // A limit that is no link's size is the last to be tried.
  if (size >= too_large_ && too_large_ == config_.maximum_bytes + 1) size = config_.maximum_bytes;
  if (size > current_ && size < too_large_) {
    candidate_ = size;
    return;
  }
  candidate_ = 0;
  enter(MtuEvent::Exhausted);
  raise_at_ = now + config_.raise_interval;
}

std::optional<std::size_t> MtuDiscovery::probe_size(TimePoint) const {
  if (state_ != MtuState::Searching || probe_) return std::nullopt;
  return candidate_;
}

void MtuDiscovery::on_probe_sent(TimePoint, std::uint64_t record) { probe_ = record; }

void MtuDiscovery::on_packet_acked(TimePoint now, std::uint64_t record, std::size_t bytes) {
  if (bytes > kBaseDatagramBytes) {
    large_lost_ = 0;
    has_small_passed_ = false;
  } else {
    has_small_passed_ = true;
  }
  if (state_ == MtuState::Searching && probe_ == record) {
    current_ = candidate_;
    return choose_next(now);
  }
  if (large_lost_ >= kBlackHoleLosses && has_small_passed_) fall_back(now);
}

void MtuDiscovery::on_packet_lost(TimePoint now, std::uint64_t record, std::size_t bytes, bool is_probe) {
  if (is_probe) {
    if (probe_ != record) return;
    probe_.reset();
    if (++probes_lost_ >= kProbesMax) fail_candidate(now);
    return;
  }
  if (bytes <= kBaseDatagramBytes || current_ == kBaseDatagramBytes) return;
  ++large_lost_;
  if (large_lost_ >= kBlackHoleLosses && has_small_passed_) fall_back(now);
}

void MtuDiscovery::on_message_too_large(TimePoint now, std::size_t bytes) {
  if (bytes <= kBaseDatagramBytes) return;  // then this path is not for us; recovery will find out
  too_large_ = std::min(too_large_, bytes);
  if (current_ >= too_large_) {
    const auto* const larger = std::ranges::lower_bound(kSizes, too_large_);
    current_ = larger == kSizes.begin() ? kBaseDatagramBytes : std::min(current_, *(larger - 1));
  }
  if (state_ == MtuState::Searching && candidate_ >= too_large_) choose_next(now);
}

void MtuDiscovery::fail_candidate(TimePoint now) {
  too_large_ = candidate_;
  choose_next(now);
}

void MtuDiscovery::fall_back(TimePoint now) {
  enter(MtuEvent::BlackHole);
  // What has worked so far is tried again like everything else: it may have been an outage, and a path must
  // not lose a size with each of them.
  current_ = kBaseDatagramBytes;
  candidate_ = 0;
  probe_.reset();
  large_lost_ = 0;
  has_small_passed_ = false;
  // Something between may well work: look for it at once, and for what is above later.
  raise_at_.reset();
  start(now);
}

std::optional<TimePoint> MtuDiscovery::next_timeout() const { return raise_at_; }

void MtuDiscovery::handle_timeout(TimePoint now) {
  if (!raise_at_ || now < *raise_at_) return;
  raise_at_.reset();
  too_large_ = config_.maximum_bytes + 1;
  enter(MtuEvent::RaiseDue);
  choose_next(now);
}

void MtuDiscovery::check_invariants() const {
  JETWAY_ASSERT(current_ >= kBaseDatagramBytes && current_ < too_large_);
  JETWAY_ASSERT((state_ == MtuState::Searching) == (candidate_ != 0));
  JETWAY_ASSERT(candidate_ == 0 || (candidate_ > current_ && candidate_ < too_large_));
}

}  // namespace jetway::jsp
