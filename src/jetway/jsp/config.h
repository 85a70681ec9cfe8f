#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "jetway/crypto/handshake.h"
#include "jetway/crypto/ticket.h"
#include "jetway/jsp/congestion/controller.h"
#include "jetway/jsp/trace.h"
#include "jetway/session/config.h"

namespace jetway::jsp {

enum class FecMode : std::uint8_t { Auto, Off };

// Which of several paths a packet takes (docs/protocol/jsp.md section 5.6).
enum class PathSchedule : std::uint8_t {
  LowestLatency,  // the fastest one; another only when that is sooner than to wait for the fastest
  Aggregate,      // all of them, as long as a slow one does not keep the others waiting
  Redundant,      // as LowestLatency, and a copy of everything over the fastest other one
};

// One connection. Values marked (advertised) are told to the peer.
struct JspConfig {
  crypto::HandshakeConfig handshake;  // transport_parameters are filled in from the rest
  session::SessionConfig session;

  CongestionConfig congestion;
  // Repair packets for messages, datagrams and the tails of streams once there is loss.
  FecMode fec = FecMode::Auto;
  // Marks packets ECT(0) where the path keeps the mark (RFC 3168).
  bool uses_ecn = true;

  // The largest UDP payload to try on a path, and to take (advertised); smaller where the path carries less.
  // 65,507 is the most that IPv4 has room for.
  std::size_t datagram_max_bytes = 65'507;
  // Probes for it; otherwise 1,200 bytes it is, which every path has to carry.
  bool discovers_mtu = true;

  // Paths in use at a time (advertised); each has some 2 KiB of state. 1: no others than the first.
  std::uint32_t paths_max = 4;
  PathSchedule schedule = PathSchedule::LowestLatency;

  // ACKs wait for so many packets or so long, unless the peer asks otherwise (advertised).
  std::uint32_t ack_packets_max = 2;
  std::chrono::milliseconds max_ack_delay{25};

  // From the first datagram (or the dial) to the end of the handshake.
  std::chrono::milliseconds handshake_timeout{10'000};
  // How long an authenticated peer may wait to be admitted.
  std::chrono::milliseconds admission_timeout{60'000};
  // How long a close may wait for the peer to have all that was written; starts again with every sign of it.
  std::chrono::milliseconds close_timeout{3'000};

  // Makes the trace of a connection (qlog.h); empty, or null from it: none.
  std::function<std::unique_ptr<Trace>(session::Role role, ByteView original_destination, Now now)>
      make_trace;

  // Key update after so many packets, far below every suite's limit (RFC 9001 section 6.6).
  std::uint64_t key_update_packets = std::uint64_t{1} << 24;
};

// One configuration for any number of connections, its session's part in_range().
std::shared_ptr<const JspConfig> share(JspConfig config);

// One socket and all connections that share it.
struct EndpointConfig {
  // Named in the first byte of our connection IDs.
  std::uint8_t shard = 0;
  // Dialers share the socket with others and so need connection IDs of their own. Otherwise the socket is
  // theirs, and packets towards them carry none.
  bool is_shared = true;
  // Peers that have not finished the handshake: each has up to 20 KiB, and 16 KiB more where early
  // data is taken. Beyond half of it every Init is sent
  // through a stateless Retry, beyond all of it none is answered.
  std::size_t half_open_max = 1024;
  // Connections in all; an Init beyond gets no answer.
  std::size_t connections_max = 65'536;
  // Answers that need no connection (Retry, version negotiation, stateless reset), a second.
  std::uint32_t stateless_answers_per_second = 1000;
  // Listener: leaves a ticket with every dialer that is_admitted_early() (crypto::HandshakeConfig) lets in,
  // and takes early data with it. `shard` in it is ours. nullopt: no tickets, no early data.
  std::optional<crypto::TicketConfig> tickets{};
  // Every Init goes through a Retry.
  bool always_retry = false;
  // Keys the stateless resets of this host: the same after a restart, so that peers of before learn at once
  // that their connection is gone. Empty: drawn anew.
  std::optional<std::array<std::byte, 32>> reset_key{};
};

}  // namespace jetway::jsp
