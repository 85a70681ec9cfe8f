#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "jetway/base/queue.h"
#include "jetway/session/frame_source.h"
#include "jetway/session/scheduler.h"
#include "jetway/session/sent_frames.h"
#include "jetway/session/stream_context.h"
#include "jetway/session/stream_table.h"

namespace jetway::session {

// All streams of a connection and the messages that travel on streams of their own: what the application does
// with them, what the peer's frames do to them, and whose data goes into the next packet.
class Streams {
 public:
  Streams(Role role, StreamContext& context, Queue<Event>& events);

  void on_established();
  // The peer has dropped all that was sent: it goes again. False: some of it is beyond what `peer` takes.
  bool restart(const PeerParameters& peer);

  // --- the application: as in session.h ---

  std::expected<StreamId, StreamError> open(Direction direction, const StreamOptions& options);
  std::expected<std::size_t, StreamError> write(StreamId id, ByteView data);
  std::expected<bool, StreamError> write(StreamId id, Buffer& data);
  std::expected<void, StreamError> finish(StreamId id);
  std::expected<void, StreamError> reset(StreamId id, std::uint64_t code);
  std::expected<ReadResult, StreamError> read(StreamId id, MutableBytes out);
  std::expected<void, StreamError> post_read(StreamId id, MutableBytes out);
  std::expected<ReadResult, StreamError> take_posted_read(StreamId id);
  bool is_at_gap(StreamId id) const;
  std::expected<void, StreamError> stop(StreamId id, std::uint64_t code);
  std::expected<void, StreamError> set_priority(StreamId id, Priority priority);
  std::expected<void, StreamError> set_compression(StreamId id, Compression compression);
  std::expected<void, StreamError> set_delivery(StreamId id, const DeliveryOptions& delivery);
  std::expected<void, StreamError> send_message(ByteView message, const StreamOptions& options);

  void hold_messages(bool is_held);

  // What the peer did wrong and only showed when the application read: such a call fails with
  // ConnectionClosed.
  std::optional<Fault> take_fault() { return std::exchange(fault_, std::nullopt); }

  // --- the peer's frames ---

  Checked<void> handle(const wire::StreamFrame& frame);
  Checked<void> handle(const wire::ResetStreamFrame& frame);
  Checked<void> handle(const wire::StreamGapFrame& frame);
  Checked<void> handle(const wire::StopSendingFrame& frame);
  Checked<void> handle(const wire::MaxStreamDataFrame& frame);
  Checked<void> handle(const wire::StreamDataBlockedFrame& frame);
  Checked<void> handle(const wire::MaxStreamsFrame& frame);
  Checked<void> handle(const wire::MaxDataFrame& frame);

  // --- time ---

  // Deadlines of what was written count from the next time that is told.
  bool has_undated() const { return !undated_.empty(); }
  void date_writes();

  // --- our frames ---

  SendInterest send_interest() const;
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t packet_number);
  // Whether the next packet, with so much room, will hold something that is worth protecting.
  bool wants_protection(std::size_t room_bytes);
  // Whether hardly anything waits to be sent any more, behind so many bytes.
  bool is_tail(std::size_t room_bytes);
  void on_packet_acked(std::uint64_t packet_number);
  void on_packet_lost(std::uint64_t packet_number);
  void release_memory();
  // All that was written has been delivered.
  bool is_drained() const;
  // There is data that only the peer's windows keep back.
  bool is_blocked_by_peer() const;
  // New data as far as both windows let it go, and what is to be sent again.
  std::uint64_t sendable_bytes();

  void check_invariants() const;

 private:
  using Found = std::expected<Stream*, StreamError>;
  Found find(StreamId id) const;
  Found find_for_writing(StreamId id) const;
  Found find_for_reading(StreamId id);
  template <class Result>
  std::expected<Result, StreamError> fail_reading(const Fault& what);

  void update(Stream& stream);
  void update_schedule(Stream& stream);
  void tell_sending(Stream& stream);
  void tell_receiving(Stream& stream);
  void announce(Stream& stream);
  void tell_stopped(Stream& stream);
  void on_message_over(StreamId id);
  void queue_control(Stream& stream);
  void after_write(Stream& stream);
  void note_undated(Stream& stream);
  void unblock();

  bool write_control(wire::PacketWriter& packet, std::uint64_t packet_number);
  void write_data(wire::PacketWriter& packet, std::uint64_t packet_number);
  void note_content(const Stream& stream);
  void schedule(Stream& stream, bool is_active);

  StreamContext* context_;
  Queue<Event>* events_;
  StreamTable table_;
  Scheduler scheduler_;
  SentFrames sent_;
  std::size_t urgent_ = 0;          // scheduled streams that are worth protecting
  Queue<StreamId> control_;         // streams with control frames; each once
  std::vector<StreamId> blocked_;   // streams that wait for the connection's credit; each once
  std::vector<StreamId> undated_;   // streams with writes whose time is not known yet
  std::vector<StreamId> messages_;  // that are arriving; the first may be of any size
  bool are_messages_held_ = false;
  bool has_lost_data_ = false;
  std::uint64_t message_bytes_ = 0;  // of our messages that are not yet acknowledged
  bool is_message_wanted_ = false;   // send_message() was refused for them
  std::optional<Fault> fault_;
};

}  // namespace jetway::session
