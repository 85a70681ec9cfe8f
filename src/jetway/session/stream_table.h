#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <unordered_map>

#include "jetway/session/delivery.h"
#include "jetway/session/frame_source.h"
#include "jetway/session/receive_stream.h"
#include "jetway/session/scheduler.h"
#include "jetway/session/send_stream.h"

namespace jetway::session {

// Stream identifiers (RFC 9000 section 2.1).
constexpr Role opener_of(StreamId id) { return (id & 1) == 0 ? Role::Dialer : Role::Listener; }
constexpr Direction direction_of(StreamId id) {
  return (id & 2) == 0 ? Direction::TwoWay : Direction::OneWay;
}
constexpr std::uint64_t index_of(StreamId id) { return id >> 2; }
constexpr StreamId make_stream_id(Role opener, Direction direction, std::uint64_t index) {
  return index << 2 | (direction == Direction::OneWay ? 2u : 0u) | (opener == Role::Listener ? 1u : 0u);
}

// One stream: the directions that it has.
struct Stream {
  StreamId id = 0;
  std::optional<SendStream> send;
  std::optional<ReceiveStream> receive;
  ScheduleEntry schedule;
  bool is_announced = false;                  // the application knows of it
  bool has_control = false;                   // waits in the queue for control frames
  bool is_blocked = false;                    // waits for credit of the connection
  bool is_undated = false;                    // has written what waits for date_writes()
  bool is_finish_told = false;                // StreamFinished
  bool is_stop_told = false;                  // StreamStopped
  std::optional<std::uint64_t> stopped_code;  // of the peer's STOP_SENDING
  std::uint64_t message_bytes = 0;            // of a message of ours, while it counts as waiting

  bool is_over() const {
    return (!send || is_terminal(send->state())) && (!receive || is_terminal(receive->state()));
  }
};

// The streams of a connection by identifier, and how many each side may open (RFC 9000 section 4.6):
// MAX_STREAMS and STREAMS_BLOCKED.
class StreamTable {
 public:
  StreamTable(Role role, StreamContext& context);

  // The peer's limits and windows are known: at first, and again when early data has been answered. True when
  // somebody waits for StreamsAvailable, by Direction.
  std::array<bool, 2> on_established();
  // More streams of ours are open than `peer` lets us.
  bool is_beyond(const PeerParameters& peer) const;

  // --- ours ---

  // Null when the peer allows no more now; it is told so.
  Stream* open(Direction direction, const StreamPreamble& preamble);
  Stream* find(StreamId id) const;
  // It is over; makes room for another one of the peer's.
  void erase(StreamId id);

  // --- the peer's frames ---

  // The stream of a frame about data that the peer sends (or receives). Opens it, and all of its kind before
  // it, when it is the peer's to open. Null: it is over and forgotten.
  Checked<Stream*> for_data_of_peer(StreamId id);
  Checked<Stream*> for_data_to_peer(StreamId id);
  // True when somebody waits for StreamsAvailable.
  bool on_max_streams(Direction direction, std::uint64_t maximum);

  SendInterest send_interest() const;
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t packet_number);
  void on_packet_acked(std::uint64_t packet_number);
  void on_packet_lost(std::uint64_t packet_number);

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [id, stream] : streams_) visit(*stream);
  }
  std::size_t size() const { return streams_.size(); }
  void release_memory() {
    if (streams_.empty()) streams_ = decltype(streams_)();
  }
  void check_invariants() const;

 private:
  struct Limits {
    std::uint64_t opened = 0;   // by us
    std::uint64_t maximum = 0;  // that the peer lets us open, in all
    bool is_wanted = false;     // open() was refused
    Delivery blocked;

    std::uint64_t peer_opened = 0;
    std::uint64_t peer_over = 0;        // of those, how many are over
    std::uint64_t peer_concurrent = 0;  // at a time
    std::uint64_t peer_maximum = 0;     // told
    Delivery max_streams;
  };
  Limits& limits_of(Direction direction) { return limits_[static_cast<std::size_t>(direction)]; }
  Checked<Stream*> for_frame(StreamId id);
  Stream& insert(StreamId id);

  Role role_;
  StreamContext* context_;
  std::array<Limits, 2> limits_;
  std::unordered_map<StreamId, std::unique_ptr<Stream>> streams_;
};

}  // namespace jetway::session
