#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "jetway/base/random.h"
#include "jetway/base/time.h"
#include "jetway/crypto/handshake.h"
#include "jetway/jsp/config.h"
#include "jetway/jsp/connection_ids.h"
#include "jetway/jsp/packet_header.h"
#include "jetway/jsp/recovery/recovery.h"
#include "jetway/jsp/types.h"
#include "jetway/session/engine_event.h"
#include "jetway/session/path_statistics.h"
#include "jetway/session/session.h"

namespace jetway::jsp {

enum class PathState : std::uint8_t { Validating, Ready, Silent, GivenUp };
constexpr std::string_view path_state_name(PathState state) {
  switch (state) {
    case PathState::Validating:
      return "validating";
    case PathState::Ready:
      return "ready";
    case PathState::Silent:
      return "silent";
    case PathState::GivenUp:
      return "given up";
  }
  return "";
}

// One path of a connection at this moment, or as it was when it was given up.
struct PathInfo {
  PathId id = 0;
  PathState state = PathState::Ready;
  IpEndpoint local;
  IpEndpoint remote;
  bool is_validated = false;
  std::size_t max_datagram_bytes = 0;
  PathStatistics statistics;
  std::string_view congestion_state;
};

struct ConnectionStatistics {
  std::uint64_t datagrams_sent = 0, datagrams_received = 0;
  std::uint64_t packets_undecryptable = 0, packets_duplicate = 0;
  std::uint64_t acks_sent = 0;
  std::uint64_t packets_repaired = 0;  // by FEC, of what came
  std::uint64_t header_bytes_sent = 0;
};

// What a listener's endpoint knows about a connection from its first packet.
struct FirstInitial {
  IpEndpoint local;
  IpEndpoint remote;
  crypto::HandshakeRandom random{};
  ConnectionId original_destination;  // the dialer's first choice
  ConnectionId destination;           // of this packet: after a Retry the one we gave
  ConnectionId source;                // the dialer's own
  bool is_address_validated = false;  // came with a good token
};

// One connection over datagrams (docs/protocol/jsp.md): handshake, packet protection, recovery and paths
// under a session. Sans-IO; the five calls of every engine, the same events as the framed engine. `random`,
// `filter` and `reset_key` are borrowed. Made by and living in an Endpoint.
class Connection {
 public:
  // `config` is of share(). `local_id` is ours, registered by the endpoint; empty where the socket is the
  // dialer's alone.
  static std::unique_ptr<Connection> dialer(std::shared_ptr<const JspConfig> config,
                                            const ConnectionId& local_id, const IpEndpoint& local,
                                            const IpEndpoint& remote, RandomSource& random, Now now);
  static std::unique_ptr<Connection> listener(std::shared_ptr<const JspConfig> config,
                                              const ConnectionId& local_id, const FirstInitial& first,
                                              std::uint8_t shard, ByteView reset_key,
                                              crypto::InitFilter& filter, RandomSource& random, Now now);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // --- inputs ---

  // A datagram that was addressed to this connection, and the header of its first packet. Its packets are
  // opened in place.
  void handle_datagram(Now now, const Datagram& datagram, const PacketHeader& first);
  void handle_timeout(Now now);
  // The peer has lost the connection: see is_stateless_reset().
  void handle_stateless_reset(Now now);
  // The system refused what poll_transmit() gave: too large for the interface (EMSGSIZE).
  void handle_message_too_large(Now now, const IpEndpoint& remote, std::size_t bytes);
  // The system refused to send from there: the address or the way is gone. Other paths take over at once, and
  // the path is given up unless it is back soon.
  void handle_unreachable(Now now, const IpEndpoint& local, const IpEndpoint& remote);

  // --- commands ---

  void admit(Now now);
  void refuse(Now now, std::string_view reason);
  // Orderly: what was written before is delivered first, unless it is an error.
  void close(Now now, std::uint64_t code, std::string_view reason);
  session::Session& session();
  const session::Session& session() const;

  // Dialer: another path, from another local address (unspecified: any) or to another remote one; used as
  // soon as the peer has answered on it. nullopt: not established, or no more paths allowed.
  std::optional<PathId> open_path(Now now, const IpEndpoint& local, const IpEndpoint& remote);
  // Nothing is sent on it any more; what was on the way goes over the others. The last one stays.
  void abandon_path(Now now, PathId path);
  // Dialer: the connection goes on from `local`; the old paths are given up once the new one works.
  bool migrate(Now now, const IpEndpoint& local);
  void set_network_status(Now now, session::NetworkStatus status, bool is_background);
  void update_keys(Now now);  // before its time; ignored while the last update is not confirmed

  // --- outputs ---

  // Datagrams for one system call into `out` (at least 64 KiB); nullopt: nothing to be sent now.
  std::optional<Transmit> poll_transmit(Now now, MutableBytes out);
  std::optional<session::EngineEvent> poll_event();
  std::optional<RoutingEvent> poll_routing_event();
  std::optional<TimePoint> next_timeout() const;

  bool is_established() const;  // handshake done
  bool is_closed() const;       // Closed has been reported and nothing will be sent or answered any more
  const crypto::PeerId& peer() const;  // after PeerAuthenticated
  crypto::Suite suite() const;
  crypto::KeyExchange key_exchange() const;
  // For people: of the path in use.
  session::PathStatistics path_statistics() const;
  std::vector<PathInfo> paths() const;
  // The last few that were given up.
  const std::vector<PathInfo>& former_paths() const;
  ConnectionStatistics statistics() const;
  // Whether the last 16 bytes of a datagram that could not be opened are the peer's word that it knows
  // nothing of this connection (RFC 9000 section 10.3).
  bool is_stateless_reset(ByteView datagram) const;

  void check_invariants() const;

 private:
  class State;
  explicit Connection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace jetway::jsp
