#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "jetway/base/time.h"
#include "jetway/jsp/protection/packet_protection.h"

namespace jetway::jsp {

// When to change keys.
struct KeyUpdateConfig {
  // Under one send key, over all paths; then an update is begun as soon as the last one is settled.
  std::uint64_t packets_max = std::uint64_t{1} << 24;
  std::uint64_t bytes_max = std::uint64_t{64} << 30;
};

// Where a key update is (RFC 9001 section 6). Ours and the peer's look alike: whoever sees the other's new
// phase follows it.
//
//   Settled ─Begun→ Unconfirmed ─Acked→ Confirmed ─Waited→ Settled
//   every state ─Followed→ Unconfirmed
enum class KeyUpdateState : std::uint8_t {
  Settled,      // the next update may begin
  Unconfirmed,  // nothing that we sealed with the new key has been acknowledged
  Confirmed,    // acknowledged; packets under the peer's old key may still come
};
enum class KeyUpdateEvent : std::uint8_t { Begun, Followed, Acked, Waited };

constexpr std::optional<KeyUpdateState> next(KeyUpdateState from, KeyUpdateEvent event) {
  using enum KeyUpdateState;
  switch (event) {
    case KeyUpdateEvent::Begun:
      if (from == Settled) return Unconfirmed;
      break;
    case KeyUpdateEvent::Followed:
      return Unconfirmed;
    case KeyUpdateEvent::Acked:
      if (from == Unconfirmed) return Confirmed;
      break;
    case KeyUpdateEvent::Waited:
      if (from == Confirmed) return Settled;
      break;
  }
  return std::nullopt;
}

// What opening needs to know about, and learns for, each path.
struct PathOpenState {
  PathId path = 0;
  std::optional<PacketNumber> largest;  // of the packets opened on it
  // The newest phase that a packet of this path was opened in, and the lowest number of such packets.
  std::uint64_t phase = 0;
  PacketNumber phase_first = 0;
};

// A packet to be sealed. `record` is SentPacket's.
struct PacketName {
  PathId path = 0;
  PacketNumber number = 0;
  std::uint64_t record = 0;
};

// Seals and opens the packets with short headers of a connection: all paths share the keys of the present
// phase (section 3.4). Not thread-safe; nothing is allocated but when keys change.
class ApplicationKeys {
 public:
  ApplicationKeys(crypto::Suite suite, crypto::SecretBytes send_secret, crypto::SecretBytes receive_secret,
                  const KeyUpdateConfig& config, const ProtectionLimits& limits);
  ApplicationKeys(crypto::Suite suite, crypto::SecretBytes send_secret, crypto::SecretBytes receive_secret,
                  const KeyUpdateConfig& config = {});

  // --- sealing ---

  // For ShortHeader.key_phase of the next packets.
  bool key_phase() const { return (send_phase_ & 1) != 0; }
  // The key has sealed all it may and the last update is not settled: close with CryptoLimit. Only the close
  // (and the batch that was begun) may still be sealed.
  bool is_exhausted() const { return sealed_blocks_ >= limits_.sealed_blocks_max; }
  // As Sealer::seal().
  std::size_t seal(const PacketName& name, const HeaderLayout& header, std::span<const ByteView> parts,
                   MutableBytes out);
  // The same but for the protection of the header, which protect_headers() adds to a batch at once.
  std::size_t seal_payload(const PacketName& name, const HeaderLayout& header,
                           std::span<const ByteView> parts, MutableBytes out);
  void protect_headers(std::span<const SealedPacket> packets);  // at most crypto::kMaskBatchMax

  // --- opening ---

  // `packet` is the rest of the datagram that `header` was decoded from. `probe_timeout`: the longest of all
  // paths, max_ack_delay included.
  Opened open(TimePoint now, Duration probe_timeout, PathOpenState& path, const PacketHeader& header,
              MutableBytes packet);

  // --- key updates ---

  KeyUpdateState update_state() const { return state_; }
  // Enough has been sealed under the present key, and the last update is settled: call begin_update().
  bool wants_update() const;
  // Settled only, after the handshake is confirmed (RFC 9001 section 6.1).
  void begin_update();
  // Of SentPacket.record: confirms an update when that packet was sealed after it.
  void on_packet_acked(TimePoint now, Duration probe_timeout, std::uint64_t record);
  // Old keys go then; nothing has to be sent.
  std::optional<TimePoint> next_timeout() const;
  void handle_timeout(TimePoint now);

  // Nothing has been sealed or opened for a while: gives back all but the secrets. The next packet makes the
  // keys again, which takes some microseconds.
  void release_memory();

  std::uint64_t send_phase() const { return send_phase_; }
  std::uint64_t receive_phase() const { return receive_phase_; }
  std::uint64_t sealed_packets() const { return sealed_packets_; }  // under the present key
  std::uint64_t failed_opens() const { return failed_opens_; }

 private:
  // Made when they are needed; a connection that is quiet has none.
  using Keys = std::unique_ptr<crypto::PacketKeys>;

  // Secrets of one direction, and what is made of them.
  struct Direction {
    crypto::SecretBytes secret;  // traffic secret of the present phase
    crypto::SecretBytes header_key;
    Keys keys;
    std::unique_ptr<crypto::HeaderMasker> masker;
  };

  Direction make_direction(crypto::SecretBytes secret) const;
  Keys make_keys(const crypto::SecretBytes& secret) const;
  Keys& keys_of(Direction& direction) const;
  crypto::HeaderMasker& masker_of(Direction& direction) const;
  std::uint64_t phase_of(const PathOpenState& path, PacketNumber number, bool key_phase) const;
  crypto::PacketKeys& keys_of_phase(std::uint64_t phase);  // the present one, that before or that after
  void advance_send();
  bool may_peer_update() const;
  void on_peer_update(TimePoint now, Duration probe_timeout);
  void on_event(KeyUpdateEvent event);

  crypto::Suite suite_;
  KeyUpdateConfig config_;
  ProtectionLimits limits_;

  Direction send_;
  Direction receive_;
  Keys next_receive_keys_;
  Keys old_receive_keys_;
  std::optional<TimePoint> old_key_until_;
  std::optional<TimePoint> settled_at_;  // Confirmed: when the peer has no old key any more

  KeyUpdateState state_ = KeyUpdateState::Settled;
  std::uint64_t send_phase_ = 0;
  std::uint64_t receive_phase_ = 0;
  std::uint64_t phase_first_record_ = 0;  // of what was sealed in send_phase_
  std::uint64_t sealed_packets_ = 0;
  std::uint64_t sealed_bytes_ = 0;
  std::uint64_t sealed_blocks_ = 0;
  std::uint64_t failed_opens_ = 0;
};

}  // namespace jetway::jsp
