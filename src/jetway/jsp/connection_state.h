#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "jetway/base/queue.h"
#include "jetway/base/rare.h"
#include "jetway/jsp/connection.h"
#include "jetway/jsp/connection_ids.h"
#include "jetway/jsp/early_data.h"
#include "jetway/jsp/establishment.h"
#include "jetway/jsp/fec/fec.h"
#include "jetway/jsp/packet_copies.h"
#include "jetway/jsp/parameters.h"
#include "jetway/jsp/path.h"
#include "jetway/jsp/path_scheduler.h"
#include "jetway/jsp/phase.h"
#include "jetway/jsp/protection/application_keys.h"
#include "jetway/session/session.h"
#include "jetway/wire/packet_writer.h"

namespace jetway::jsp {

// Wires the parts of a connection together. Its functions stand in six sources: life and commands in
// connection.cc, what comes in connection_receive.cc, what goes in connection_transmit.cc, on which path in
// connection_schedule.cc, the paths themselves in connection_paths.cc, early data and tickets in
// connection_early.cc.
class Connection::State final : private PacketFate, private ConnectionIdSource {
 public:
  struct Made {
    std::shared_ptr<const JspConfig> config;
    session::Role role;
    ConnectionId local_id;
    IpEndpoint local;
    IpEndpoint remote;
    std::uint8_t shard = 0;
    ByteView reset_key;
    RandomSource* random = nullptr;
  };
  State(Made made, Now now);
  void start_dialing(Now now);
  void start_listening(Now now, const FirstInitial& first, crypto::InitFilter& filter);

  // --- inputs ---
  void handle_datagram(Now now, const Datagram& datagram, const PacketHeader& first);
  void handle_whole_packet(Now now, const Datagram& datagram, const PacketHeader& header,
                           MutableBytes packet);
  void handle_timeout(Now now);
  void handle_stateless_reset(Now now);
  void handle_message_too_large(Now now, const IpEndpoint& remote, std::size_t bytes);
  void handle_unreachable(Now now, const IpEndpoint& local, const IpEndpoint& remote);

  // --- commands ---
  void admit(Now now);
  void refuse(Now now, std::string_view text);
  void close(Now now, const session::CloseReason& reason);
  session::Session& session() { return session_; }
  std::optional<PathId> open_path(Now now, const IpEndpoint& local, const IpEndpoint& remote);
  void abandon_path(Now now, PathId id);
  bool migrate(Now now, const IpEndpoint& local);
  void set_network_status(Now now, session::NetworkStatus status, bool is_background);
  void update_keys();

  // --- outputs ---
  std::optional<Transmit> poll_transmit(Now now, MutableBytes out);
  std::optional<session::EngineEvent> poll_event();
  std::optional<RoutingEvent> poll_routing_event() { return local_ids_.poll_routing_event(); }
  std::optional<TimePoint> next_timeout() const;

  bool is_established() const { return result_.has_value(); }
  bool is_closed() const { return phase_ == Phase::Closed; }
  const crypto::PeerId& peer() const { return agreed().peer; }
  crypto::Suite suite() const { return agreed().suite; }
  crypto::KeyExchange key_exchange() const { return agreed().key_exchange; }
  session::PathStatistics path_statistics() const;
  std::vector<PathInfo> paths() const;
  const std::vector<PathInfo>& former_paths() const { return former_paths_; }
  ConnectionStatistics statistics() const;
  bool is_stateless_reset(ByteView datagram) const;
  void check_invariants() const;

 private:
  enum class Taken : std::uint8_t { Yes, Dropped };  // what became of a packet

  // What the frames of one packet came to.
  struct Processed {
    bool is_ack_eliciting = false;
    bool is_probing_only = true;  // RFC 9000 section 9.1
  };
  // What of the peer's parameters counts for all of the connection.
  struct PeerLimits {
    std::uint64_t datagram_max_bytes = kBaseDatagramBytes;
    std::uint32_t paths_max = 1;
    std::chrono::milliseconds max_ack_delay{25};
  };
  // What of the handshake's result is used after it.
  struct Agreed {
    crypto::PeerId peer;
    crypto::Suite suite = crypto::Suite::Aes256Gcm;
    crypto::KeyExchange key_exchange = crypto::KeyExchange::X25519MlKem768;
  };
  using Processing = std::expected<Processed, session::CloseReason>;
  using Handled = session::Checked<void>;

  // --- life (connection.cc) ---
  const Agreed& agreed() const;
  Parameters own_parameters() const;
  void set_up_initial_keys();
  void drive_handshake(Now now);
  void take_handshake_output();
  void on_handshake_failed(Now now, const crypto::HandshakeError& error);
  void on_handshake_complete(Now now);
  std::optional<session::CloseReason> check_parameters(const Parameters& peer) const;
  void on_handshake_confirmed();
  void on_admitted(Now now);
  void on_peer_address_validated();
  void discard(PacketSpace space);
  void on_phase_timeout(Now now);
  void begin_close(Now now, const session::CloseReason& reason);
  void fail(Now now, const session::Fault& fault);
  void lose(Now now, const session::CloseReason& reason);
  void linger(Now now, Duration at_least);
  void report_closed(Now now, const session::CloseReason& reason);
  void apply(Now now, PhaseEvent event);
  void start_trace(Now now);
  void trace_metrics(TimePoint now, const Path& path);
  void trace_path(TimePoint now, const Path& path, std::string_view what);

  // --- what comes (connection_receive.cc) ---
  Taken handle_packet(Now now, const Datagram& datagram, const PacketHeader& header, MutableBytes packet);
  Taken handle_handshake_packet(Now now, const PacketHeader& header, MutableBytes packet, Ecn ecn);
  Taken handle_short_packet(Now now, const Datagram& datagram, const PacketHeader& header,
                            MutableBytes packet);
  Taken handle_retry(Now now, const PacketHeader& header, ByteView packet);
  Taken handle_version_negotiation(Now now, const PacketHeader& header);
  bool is_expected(const PacketHeader& header) const;
  std::optional<ByteView> open_lingering(Now now, const Datagram& datagram, const PacketHeader& header,
                                         MutableBytes packet);
  void handle_packet_lingering(Now now, const Datagram& datagram, const PacketHeader& header,
                               MutableBytes packet);
  void on_broken_off(Now now, const session::CloseReason& reason);
  void on_open_failed(Now now, OpenErrc error, ByteView tail);
  Processing handle_payload(Now now, PacketSpace space, Path& path, const OpenedPacket& packet);
  std::expected<void, session::CloseReason> handle_session_frames(Now now, PacketSpace space,
                                                                  wire::Reader& in);
  Handled take(Now now, PacketSpace space, Path& path, const AckFrame& frame);
  Handled take(Now, PacketSpace, Path&, const PingFrame&) { return {}; }
  Handled take(Now now, PacketSpace space, Path& path, const CryptoFrame& frame);
  Handled take(Now now, PacketSpace space, Path& path, const NewConnectionIdFrame& frame);
  Handled take(Now now, PacketSpace space, Path& path, const RetireConnectionIdFrame& frame);
  Handled take(Now now, PacketSpace space, Path& path, const PathChallengeFrame& frame);
  Handled take(Now now, PacketSpace space, Path& path, const PathResponseFrame& frame);
  Handled take(Now now, PacketSpace space, Path& path, const HandshakeDoneFrame& frame);
  Handled take(Now now, PacketSpace space, Path& path, const PathAbandonFrame& frame);
  Handled take(Now now, PacketSpace space, Path& path, const PathStatusFrame& frame);
  Handled take(Now now, PacketSpace space, Path& path, const AckFrequencyFrame& frame);
  Handled take(Now now, PacketSpace space, Path& path, const ImmediateAckFrame& frame);
  Handled take(Now now, PacketSpace space, Path& path, const RecoveredFrame& frame);
  Handled take(Now, PacketSpace, Path&, const FecSourceFrame&) { return {}; }  // see handle_payload()
  Handled take(Now now, PacketSpace space, Path& path, const FecRepairFrame& frame);
  Handled take(Now now, PacketSpace space, Path& path, const NewTicketFrame& frame);
  std::expected<void, session::CloseReason> handle_repaired(Now now);
  void on_packet_acked(TimePoint now, PacketSpace space, const SentPacket& packet) override;
  void on_packet_lost(TimePoint now, PacketSpace space, const SentPacket& packet) override;
  void on_packet_overdue(TimePoint now, PacketSpace space, const SentPacket& packet) override;
  void send_again(TimePoint now, PacketSpace space, const SentPacket& packet);
  AckTracker* acks_of(PacketSpace space, Path& path);

  // --- what goes (connection_transmit.cc) ---
  std::optional<Transmit> transmit_handshake(Now now, MutableBytes out);
  std::optional<Transmit> transmit_close(Now now, MutableBytes out);
  std::optional<Transmit> transmit_handshake_close(Now now, Path& path, MutableBytes out);
  std::optional<Transmit> transmit_application(Now now, Path& path, std::uint64_t content_bytes,
                                               MutableBytes out);
  std::optional<Transmit> transmit_mtu_probe(Now now, Path& path, MutableBytes out);
  std::size_t write_handshake_packet(Now now, HandshakeSpace& space, MutableBytes out, bool is_padded);
  bool wants_handshake_packet(Now now, const HandshakeSpace& space) const;
  struct Written {
    std::size_t bytes = 0;
    SealedPacket packet;  // its header is still to be protected
    bool is_in_flight = false;
  };
  // The frames of a packet, written where they will be sealed: JSP's own, and behind them the session's,
  // which may have less room.
  struct Payload {
    explicit Payload(MutableBytes place)
        : memory(place), room(place.size()), transport(place, place.size()) {}
    void begin_session(std::size_t reserve) {
      session.emplace(memory.subspan(transport.size()), transport.remaining() - reserve);
    }
    std::array<ByteView, 2> parts() const {
      if (!session) return transport.parts();
      const auto [frames, tail] = session->parts();
      return {memory.first(transport.size() + frames.size()), tail};
    }
    // With PADDING behind all frames.
    void pad_to(std::size_t bytes) {
      const std::size_t size = transport.size() + (session ? session->size() : 0);
      if (size >= bytes) return;
      std::ranges::fill((session ? *session : transport).frames().reserve(bytes - size), std::byte{0});
    }
    MutableBytes memory;
    std::size_t room;
    wire::PacketWriter transport;
    std::optional<wire::PacketWriter> session;
  };
  HeaderLayout begin_packet(const Path& path, const ConnectionId& destination, std::size_t number_bytes,
                            SentPacket& sent, MutableBytes out);
  Written write_application_packet(Now now, Path& path, const ConnectionId& destination, MutableBytes out,
                                   bool may_send_content);
  Written seal_application_packet(Now now, Path& path, const std::array<ByteView, 2>& parts,
                                  const HeaderLayout& layout, SentPacket& sent, MutableBytes out);
  Transmit transmit_packet(Now now, Path& path, const std::array<ByteView, 2>& parts,
                           const HeaderLayout& layout, SentPacket& sent, MutableBytes out);
  void note_sent(Now now, Path& path, PacketSpace space, const std::array<ByteView, 2>& parts,
                 const HeaderLayout& layout, SentPacket& sent);
  void skip_packet_number(Path& path);
  std::optional<AckFrame> write_ack(Now now, const AckTracker& acks, wire::PacketWriter& packet);
  static bool write_ping(wire::PacketWriter& packet, bool is_wanted);
  void write_session_frames(Now now, Path& path, Payload& payload, SentPacket& sent);
  void write_transport_frames(Now now, Path& path, wire::PacketWriter& packet, std::uint64_t record);
  bool wants_to_send_content() const;
  bool has_own_needs(TimePoint now, const Path& path) const;
  std::size_t datagram_bytes(const Path& path) const;
  std::size_t smallest_datagram_bytes() const;
  void update_datagram_size(TimePoint now, Path& path);
  Transmit transmit_on(Now now, Path& path, std::size_t bytes, std::size_t segment_bytes);
  void note_limit(Now now);
  void note_packet(TimePoint now);
  void become_quiet(TimePoint now);

  // --- early data (connection_early.cc) ---
  void offer_early(Now now);
  bool wants_early_packet() const;
  bool has_room_for_early(std::size_t datagram_bytes) const;
  std::optional<Transmit> transmit_early(Now now, MutableBytes out);
  std::size_t write_early_packet(Now now, MutableBytes out, bool is_padded);
  void withdraw_early();
  std::expected<void, session::CloseReason> establish_session(Now now, const session::PeerParameters& peer,
                                                              crypto::HandshakeResult result);
  void follow_early(Now now);
  void accept_early(Now now, const crypto::EarlySecret& secret);
  Taken handle_early_packet(Now now, const Datagram& datagram, const PacketHeader& header,
                            MutableBytes packet);
  Taken open_early_packet(Now now, const PacketHeader& header, MutableBytes packet, Ecn ecn);
  void expect_no_early(Now now);
  void issue_ticket(Now now);

  // --- which path it takes (connection_schedule.cc) ---
  std::optional<PathChoice> choose_content_path(TimePoint now);
  void load_paths(TimePoint now);
  std::uint64_t content_allowance(const Path& path, const std::optional<PathChoice>& choice) const;
  void keep_copy(const Path& path, std::uint64_t record, const std::array<ByteView, 2>& frames,
                 bool has_system);
  bool are_copies_coming(TimePoint now);
  bool copies_everything() const;
  std::optional<Transmit> transmit_copy(Now now, MutableBytes out);

  // --- paths (connection_paths.cc) ---
  Path* find_path(PathId id);
  Path& add_path(PathId id, const IpEndpoint& local, const IpEndpoint& remote, TimePoint now);
  Path* path_of(const Datagram& datagram, const PacketHeader& header);
  std::optional<PathOpenState> path_to_open(const PacketHeader& header);
  const Path& main_path() const;
  Path& main_path();
  void on_authentic_packet(Now now, Path& path, const Datagram& datagram, bool is_newest, bool is_probing);
  void on_remote_moved(Now now, Path& path, const IpEndpoint& remote);
  void on_path_validated(Now now, Path& path);
  void on_validation_failed(Now now, Path& path);
  void handle_path_timeout(Now now, Path& path);
  std::optional<TimePoint> suspicion_time(const Path& path) const;
  void update_suspicion(Now now, Path& path);
  void suspect(Now now, Path& path);
  static PathInfo info_of(const Path& path);
  void give_up_path(Now now, Path& path);
  void sweep_paths();
  std::size_t usable_paths() const;
  void provide_ids();
  Duration validation_limit() const;
  Duration longest_probe_timeout() const;
  Duration window_time(const Path& acked) const;
  std::uint64_t congestion_windows() const;
  ConnectionId make_id() override;
  ResetToken reset_token(const ConnectionId& id) override;

  const std::shared_ptr<const JspConfig> shared_config_;
  const JspConfig& config_ = *shared_config_;
  const session::Role role_;
  const std::uint8_t shard_;
  const ByteView reset_key_;
  RandomSource* const random_;
  const ConnectionId first_local_id_;

  Phase phase_ = Phase::Handshaking;
  TimePoint phase_deadline_;
  session::Session session_;
  std::unique_ptr<Establishment> establishment_;
  std::optional<Agreed> result_;
  std::optional<ApplicationKeys> keys_;
  PeerLimits peer_;
  bool is_confirmed_ = false;

  std::vector<std::unique_ptr<Path>> paths_;
  std::vector<PathInfo> former_paths_;
  Path* fate_path_ = nullptr;  // whose recovery is telling us about packets
  PathId next_path_ = 1;
  std::optional<PathId> migrating_to_;
  LocalIds local_ids_;
  RemoteIds remote_ids_;
  session::Delivery handshake_done_;
  std::unique_ptr<EarlyData> early_;  // null: there is none, or none any more
  std::unique_ptr<Resumption> resumption_;
  Fec fec_;
  struct Abandoned {
    PathId path = 0;
    session::Delivery delivery;
  };
  std::vector<Abandoned> abandoned_;
  std::uint64_t next_record_ = 1;
  PacketCopies copies_;
  std::vector<PathLoad> loads_;  // of load_paths()

  // When nothing has come or gone for a while, what is only needed for packets is given back.
  TimePoint last_packet_at_{};
  bool is_quiet_ = false;

  // The end: CONNECTION_CLOSE goes until the peer says it too, or time is up.
  Rare<session::CloseReason> close_reason_;
  std::uint64_t deliveries_ = 0;  // of the session, when we last looked
  bool is_answer_wanted_ = false;
  bool is_draining_ = false;  // the peer closed: answers, and nothing else
  std::uint32_t closes_sent_ = 0;
  std::uint32_t packets_after_close_ = 0;
  TimePoint next_close_{};

  std::unique_ptr<Trace> trace_;  // null: nobody looks
  Queue<session::EngineEvent> events_;
  bool is_close_reported_ = false;
  ConnectionStatistics statistics_;
  session::LimitedBy limited_by_ = session::LimitedBy::Application;
};

}  // namespace jetway::jsp
