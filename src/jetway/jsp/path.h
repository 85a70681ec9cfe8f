#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "jetway/base/time.h"
#include "jetway/jsp/config.h"
#include "jetway/jsp/mtu_discovery.h"
#include "jetway/jsp/path_validation.h"
#include "jetway/jsp/protection/application_keys.h"
#include "jetway/jsp/recovery/ack_frequency.h"
#include "jetway/jsp/recovery/ack_tracker.h"
#include "jetway/jsp/recovery/recovery.h"
#include "jetway/jsp/types.h"

namespace jetway::jsp {

// What a listener may send to an address that has not shown to receive, for each byte from there (RFC 9000
// section 8).
inline constexpr std::uint64_t kAmplificationMax = 3;

// Datagrams with Initial packets, and those that validate a path, have at least so many bytes (RFC 9000
// sections 14.1, 8.2.1).
inline constexpr std::size_t kPaddedDatagramBytes = 1200;

// With less than this for all that amplification has to say not even an acknowledgement or a challenge goes.
inline constexpr std::size_t kProbeMinBytes = 64;

// One way to the peer: addresses, packet numbers, round trip, congestion, MTU of its own.
struct Path {
  Path(PathId path, const IpEndpoint& local_address, const IpEndpoint& remote_address,
       const JspConfig& config, TimePoint now, std::uint64_t seed);

  // Bytes that may be sent now for all that amplification has to say.
  std::uint64_t amplification_room() const {
    if (is_validated || !is_limited_by_amplification) return std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t allowed = kAmplificationMax * bytes_received;
    return allowed - std::min(allowed, bytes_sent);
  }
  void on_received(std::uint64_t bytes) {
    if (!is_validated) bytes_received += bytes;
  }
  void on_sent(std::uint64_t bytes) {
    if (!is_validated) bytes_sent += bytes;
  }
  bool is_usable() const { return is_validated && !is_given_up; }
  // Probes have gone out and nothing has come back.
  bool is_silent() const { return recovery.consecutive_probe_timeouts() > 0; }

  // As often as the path is worth it, after an ACK of the peer.
  void ask_for_acks(TimePoint now);

  const PathId id;
  // What we send from; unspecified: the system chooses, so that a dialer survives a change of its address.
  IpEndpoint local;
  IpEndpoint remote;
  IpEndpoint observed_local;  // where the peer's packets come in
  // Where the peer was before it seemed to move; until its new address is validated (RFC 9000 section 9.3.2).
  std::optional<IpEndpoint> previous_remote;

  bool is_validated = false;
  bool is_limited_by_amplification = false;  // a listener's
  bool is_given_up = false;
  bool is_backup = false;  // the peer's wish: only when no other works
  // Nothing comes back although probes went out, and another path works: only probes take it.
  bool is_suspect = false;
  std::uint64_t bytes_received = 0;  // while not validated
  std::uint64_t bytes_sent = 0;
  std::size_t recovery_datagram_bytes = kBaseDatagramBytes;  // that recovery has been told
  PacketNumber skip_at = 1000;                               // the next packet number that is left out
  Ecn ecn = Ecn::NotCapable;                                 // of the whole batch that is being written
  // When pacing lets the next batch go; while it is what we wait for.
  std::optional<TimePoint> next_send;

  Recovery recovery;
  AckTracker acks;  // of the application space
  AckFrequency ack_frequency;
  MtuDiscovery mtu;
  PathValidation validation;
  PathOpenState open_state;
};

}  // namespace jetway::jsp
