#include "jetway/jsp/protection/application_keys.h"

#include <algorithm>
#include <array>
#include <utility>

#include "jetway/base/assert.h"
#include "jetway/crypto/hkdf.h"
#include "jetway/jsp/protection/header_protection.h"

namespace jetway::jsp {

namespace {

// RFC 9001 section 6.5.
constexpr int kOldKeyProbeTimeouts = 3;
constexpr std::size_t kBlockBytes = 16;
// What may go beyond the limit, a 2^15th of it: the rest of a batch, and a close that is said again and
// again.
constexpr std::uint64_t kClosingBlocks = std::uint64_t{1} << 20;

constexpr std::uint64_t blocks_of(std::size_t bytes) { return (bytes + kBlockBytes - 1) / kBlockBytes; }

void remember_opened(PathOpenState& path, PacketNumber number, std::uint64_t phase) {
  path.largest = std::max(path.largest.value_or(0), number);
  if (phase > path.phase) {
    path.phase = phase;
    path.phase_first = number;
  } else if (phase == path.phase) {
    path.phase_first = std::min(path.phase_first, number);
  }
}

}  // namespace

ApplicationKeys::ApplicationKeys(crypto::Suite suite, crypto::SecretBytes send_secret,
                                 crypto::SecretBytes receive_secret, const KeyUpdateConfig& config,
                                 const ProtectionLimits& limits)
    : suite_(suite),
      config_(config),
      limits_(limits),
      send_(make_direction(std::move(send_secret))),
      receive_(make_direction(std::move(receive_secret))) {}

ApplicationKeys::ApplicationKeys(crypto::Suite suite, crypto::SecretBytes send_secret,
                                 crypto::SecretBytes receive_secret, const KeyUpdateConfig& config)
    : ApplicationKeys(suite, std::move(send_secret), std::move(receive_secret), config,
                      ProtectionLimits::of(suite)) {}

// The key of header protection stays for all phases.
ApplicationKeys::Direction ApplicationKeys::make_direction(crypto::SecretBytes secret) const {
  Direction direction;
  direction.header_key = crypto::hkdf_expand_label(secret, "hp", {}, crypto::kKeyBytes);
  direction.secret = std::move(secret);
  return direction;
}

ApplicationKeys::Keys ApplicationKeys::make_keys(const crypto::SecretBytes& secret) const {
  return std::make_unique<crypto::PacketKeys>(suite_, secret);
}

ApplicationKeys::Keys& ApplicationKeys::keys_of(Direction& direction) const {
  if (!direction.keys) direction.keys = make_keys(direction.secret);
  return direction.keys;
}

crypto::HeaderMasker& ApplicationKeys::masker_of(Direction& direction) const {
  if (!direction.masker)
    direction.masker = std::make_unique<crypto::HeaderMasker>(suite_, direction.header_key.view());
  return *direction.masker;
}

std::size_t ApplicationKeys::seal(const PacketName& name, const HeaderLayout& header,
                                  std::span<const ByteView> parts, MutableBytes out) {
  const std::size_t size = seal_payload(name, header, parts, out);
  protect_header(masker_of(send_).mask(header_sample(out, header.number_offset)), out, header.number_offset,
                 header.number_bytes);
  return size;
}

std::size_t ApplicationKeys::seal_payload(const PacketName& name, const HeaderLayout& header,
                                          std::span<const ByteView> parts, MutableBytes out) {
  JETWAY_ASSERT(!is_exhausted() || sealed_blocks_ - limits_.sealed_blocks_max < kClosingBlocks);
  if (sealed_packets_ == 0) phase_first_record_ = name.record;
  const std::size_t size = seal_behind_header(*keys_of(send_), {name.path, name.number}, header, parts, out);
  sealed_packets_ += 1;
  sealed_bytes_ += size;
  sealed_blocks_ += blocks_of(header.header_bytes) + blocks_of(size - header.header_bytes);
  return size;
}

void ApplicationKeys::protect_headers(std::span<const SealedPacket> packets) {
  JETWAY_ASSERT(packets.size() <= crypto::kMaskBatchMax);
  if (packets.empty()) return;
  std::array<const std::byte*, crypto::kMaskBatchMax> samples{};
  std::array<crypto::HeaderMask, crypto::kMaskBatchMax> masks{};
  for (std::size_t i = 0; i < packets.size(); ++i) {
    samples[i] = header_sample(packets[i].bytes, packets[i].number_offset);
  }
  masker_of(send_).masks(std::span{samples}.first(packets.size()), masks);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    protect_header(masks[i], packets[i].bytes, packets[i].number_offset, packets[i].number_bytes);
  }
}

Opened ApplicationKeys::open(TimePoint now, Duration probe_timeout, PathOpenState& path,
                             const PacketHeader& header, MutableBytes packet) {
  JETWAY_ASSERT(header.type == PacketType::Short && packet.size() == header.packet_bytes);
  if (failed_opens_ >= limits_.failed_opens_max) return std::unexpected(OpenErrc::CryptoLimit);
  const crypto::HeaderMask mask = masker_of(receive_).mask(header_sample(packet, header.number_offset));
  const UnprotectedHeader clear = unprotect_header(mask, packet, header.number_offset);
  const PacketNumber number = expand_packet_number(clear.truncated_number, clear.number_bytes, path.largest);

  const std::uint64_t phase = phase_of(path, number, clear.key_phase());
  const std::optional<MutableBytes> payload = keys_of_phase(phase).open(
      {path.path, number}, packet.first(clear.header_bytes), packet.subspan(clear.header_bytes));
  if (!payload) {
    failed_opens_ += 1;
    return std::unexpected(OpenErrc::Undecryptable);
  }
  if (clear.has_reserved_bits()) return std::unexpected(OpenErrc::ReservedBits);
  if (phase > receive_phase_) {
    if (!may_peer_update()) return std::unexpected(OpenErrc::KeyUpdate);
    on_peer_update(now, probe_timeout);
  }
  remember_opened(path, number, phase);
  return OpenedPacket{.number = number, .payload = *payload, .key_phase = clear.key_phase()};
}

// RFC 9001 section 6.3 and 6.5, with a packet number space for each path. There is one try only: a payload is
// opened in place.
std::uint64_t ApplicationKeys::phase_of(const PathOpenState& path, PacketNumber number,
                                        bool key_phase) const {
  if (key_phase == ((receive_phase_ & 1) != 0)) return receive_phase_;
  const bool is_late = path.phase < receive_phase_ || number < path.phase_first;
  return old_receive_keys_ && is_late ? receive_phase_ - 1 : receive_phase_ + 1;
}

crypto::PacketKeys& ApplicationKeys::keys_of_phase(std::uint64_t phase) {
  // Those of the next phase are made whether it has come or not, so that nobody who times us learns of an
  // update (RFC 9001 section 9.5).
  if (!next_receive_keys_)
    next_receive_keys_ = make_keys(crypto::PacketKeys::next_secret(suite_, receive_.secret));
  if (phase == receive_phase_) return *keys_of(receive_);
  return phase < receive_phase_ ? *old_receive_keys_ : *next_receive_keys_;
}

bool ApplicationKeys::wants_update() const {
  return state_ == KeyUpdateState::Settled &&
         (sealed_packets_ >= config_.packets_max || sealed_bytes_ >= config_.bytes_max);
}

void ApplicationKeys::begin_update() {
  on_event(KeyUpdateEvent::Begun);
  advance_send();
}

void ApplicationKeys::advance_send() {
  send_.secret = crypto::PacketKeys::next_secret(suite_, send_.secret);
  send_.keys = make_keys(send_.secret);
  send_phase_ += 1;
  sealed_packets_ = sealed_bytes_ = sealed_blocks_ = 0;
}

// An answer to our own update is always right. An update of its own is right once the last one is confirmed
// to it, and we cannot have confirmed anything without sealing (RFC 9001 section 6.2).
bool ApplicationKeys::may_peer_update() const {
  return send_phase_ > receive_phase_ || receive_phase_ == 0 || sealed_packets_ > 0;
}

void ApplicationKeys::on_peer_update(TimePoint now, Duration probe_timeout) {
  old_receive_keys_ = std::move(keys_of(receive_));
  receive_.keys = std::move(next_receive_keys_);
  receive_.secret = crypto::PacketKeys::next_secret(suite_, receive_.secret);
  receive_phase_ += 1;
  old_key_until_ = now + kOldKeyProbeTimeouts * probe_timeout;
  if (send_phase_ == receive_phase_) return;
  advance_send();
  settled_at_.reset();
  on_event(KeyUpdateEvent::Followed);
}

void ApplicationKeys::on_packet_acked(TimePoint now, Duration probe_timeout, std::uint64_t record) {
  if (state_ != KeyUpdateState::Unconfirmed || send_phase_ != receive_phase_) return;
  if (sealed_packets_ == 0 || record < phase_first_record_) return;
  on_event(KeyUpdateEvent::Acked);
  settled_at_ = now + kOldKeyProbeTimeouts * probe_timeout;
}

std::optional<TimePoint> ApplicationKeys::next_timeout() const {
  if (!old_key_until_ || !settled_at_) return old_key_until_ ? old_key_until_ : settled_at_;
  return std::min(*old_key_until_, *settled_at_);
}

void ApplicationKeys::handle_timeout(TimePoint now) {
  if (old_key_until_ && now >= *old_key_until_) {
    old_key_until_.reset();
    old_receive_keys_.reset();
  }
  if (settled_at_ && now >= *settled_at_) {
    settled_at_.reset();
    on_event(KeyUpdateEvent::Waited);
  }
}

void ApplicationKeys::release_memory() {
  for (Direction* direction : {&send_, &receive_}) {
    direction->keys.reset();
    direction->masker.reset();
  }
  next_receive_keys_.reset();
}

void ApplicationKeys::on_event(KeyUpdateEvent event) {
  const std::optional<KeyUpdateState> to = next(state_, event);
  JETWAY_ASSERT(to.has_value());
  state_ = *to;
}

}  // namespace jetway::jsp
