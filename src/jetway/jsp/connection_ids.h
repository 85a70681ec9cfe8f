#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "jetway/base/queue.h"
#include "jetway/base/random.h"
#include "jetway/base/time.h"
#include "jetway/jsp/connection_id.h"
#include "jetway/jsp/frame.h"
#include "jetway/jsp/types.h"
#include "jetway/session/frame_source.h"
#include "jetway/session/range_set.h"
#include "jetway/wire/packet_writer.h"

namespace jetway::jsp {

// Paths of a connection in all its life.
inline constexpr PathId kPathIdMax = 4096;

// The endpoint keeps its tables by these.
struct ConnectionIdIssued {
  ConnectionId id;
};
struct ConnectionIdRetired {
  ConnectionId id;
};
using RoutingEvent = std::variant<ConnectionIdIssued, ConnectionIdRetired>;

// With as many bytes as there may be.
ConnectionId random_connection_id(RandomSource& random);
// The same behind the number of a shard, so that packets find it.
ConnectionId random_connection_id(RandomSource& random, std::uint8_t shard);

// Makes IDs that lead back here: of a random rest behind the shard's number, with the token of a stateless
// reset for each (docs/protocol/jsp.md section 4.8).
class ConnectionIdSource {
 public:
  virtual ConnectionId make_id() = 0;
  virtual ResetToken reset_token(const ConnectionId& id) = 0;

 protected:
  ~ConnectionIdSource() = default;
};

// Our connection IDs, by which the peer addresses us: each belongs to one path. The peer always has one to
// spare on every path it uses, and one for each path that it may open (docs/protocol/jsp.md section 5.1).
class LocalIds {
 public:
  static constexpr std::size_t kTotalMax = 32;

  // The ID of the handshake is number 0 of path 0; empty: we have none and never will.
  explicit LocalIds(const ConnectionId& first);

  bool is_empty() const { return is_without_ids_; }
  std::optional<PathId> path_of(const ConnectionId& id) const;
  // Issues what is missing: two for the first path, one for each other below `path_end` that was not given
  // up.
  void provide(PathId path_end, ConnectionIdSource& source);
  // A path is given up: it gets no more IDs, and those it has lead here until the peer knows of it. Packets
  // on the way would otherwise be answered as those of a connection that we have lost.
  void give_up_path(PathId path);
  // The peer knows.
  void retire_path(PathId path);
  void retire_all();

  session::Checked<void> handle(const RetireConnectionIdFrame& frame, ConnectionIdSource& source);

  session::SendInterest send_interest() const;
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t record);
  void on_packet_acked(std::uint64_t record);
  void on_packet_lost(std::uint64_t record);

  std::optional<RoutingEvent> poll_routing_event();

  void release_memory();

 private:
  struct Issued {
    std::uint64_t sequence = 0;
    PathId path = 0;
    ConnectionId id;
  };
  struct Announcement {
    NewConnectionIdFrame frame;
    session::Delivery delivery;
  };
  struct OfPath {
    std::uint64_t next_sequence = 0;
    bool is_given_up = false;
  };
  OfPath& of_path(PathId path);
  void issue(PathId path, ConnectionIdSource& source);

  bool is_without_ids_;
  std::vector<Issued> issued_;
  std::vector<Announcement> announcements_;  // that the peer is not known to have
  std::vector<OfPath> of_paths_;
  Queue<RoutingEvent> routing_;
};
static_assert(session::FrameSource<LocalIds>);

// The peer's connection IDs, by which we address it: one in use on every path, others in reserve.
class RemoteIds {
 public:
  static constexpr std::size_t kPerPathMax = 4;
  static constexpr std::size_t kTotalMax = 32;

  // The one of the handshake: number 0 of path 0.
  void set_first(const ConnectionId& id);
  void set_first_reset_token(const ResetToken& token);

  bool is_empty() const { return is_without_ids_; }
  // In use on the path; nullopt: the peer has not given us one for it.
  std::optional<ConnectionId> current(PathId path) const;
  // Goes on with another one on this path, and gives up the one in use (RFC 9000 section 9.5). False: there
  // is no other.
  bool rotate(PathId path);
  void retire_path(PathId path);

  session::Checked<void> handle(const NewConnectionIdFrame& frame);
  // In constant time with respect to the tokens.
  bool is_reset_token(ByteView token) const;

  session::SendInterest send_interest() const;
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t record);
  void on_packet_acked(std::uint64_t record);
  void on_packet_lost(std::uint64_t record);

  void release_memory();

 private:
  struct Known {
    PathId path = 0;
    std::uint64_t sequence = 0;
    ConnectionId id;
    std::optional<ResetToken> token;
    bool is_in_use = false;
  };
  struct Retiring {
    RetireConnectionIdFrame frame;
    session::Delivery delivery;
  };
  struct OfPath {
    session::RangeSet seen;  // sequence numbers
    std::uint64_t retire_prior_to = 0;
  };
  OfPath& of_path(PathId path);
  std::size_t count_of(PathId path) const;
  void retire(std::size_t index);
  void retire_unwanted(PathId path);

  bool is_without_ids_ = false;
  std::vector<Known> known_;
  std::vector<Retiring> retiring_;
  std::vector<OfPath> of_paths_;
};
static_assert(session::FrameSource<RemoteIds>);

}  // namespace jetway::jsp
