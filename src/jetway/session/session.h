#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>

#include "jetway/base/buffer.h"
#include "jetway/base/rare.h"
#include "jetway/base/time.h"
#include "jetway/session/config.h"
#include "jetway/session/counters.h"
#include "jetway/session/parameters.h"
#include "jetway/session/types.h"
#include "jetway/wire/packet_writer.h"

namespace jetway::session {

// Streams, messages and datagrams of one connection over any pipe (docs/protocol/session.md). The engine
// below (framed, jsp) carries its frames: it asks write_frames() for the content of each packet, under a
// number of its own, and says later what became of it; it hands in the frames of each authentic packet.
//
// Sans-IO and not thread-safe. Commands never block: write() takes what there is room for. Bounded by
// SessionConfig whatever the peer does. After any input or command drain poll_event(), then let the engine
// below send.
class Session {
 public:
  Session(Role role, const SessionConfig& config, TimePoint now);
  // With a configuration that many share, which is in_range().
  Session(Role role, std::shared_ptr<const SessionConfig> config, TimePoint now);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // --- from the engine below ---

  // What we tell the peer in the handshake, and what it told us: before any frame goes either way.
  LocalParameters local_parameters() const;
  void on_established(TimePoint now, const PeerParameters& peer);

  // Early data (docs/protocol/session.md section 11), before on_established(). Dialer: what is repeatable may
  // be opened and sent from now on; `peer` is what the listener had told when it gave out the ticket.
  // Listener: `peer` is the dialer's; its stream frames are taken from now on, ours wait for admit().
  void begin_early(TimePoint now, const PeerParameters& peer);
  // After begin_early(), instead of on_established(): whether the listener has taken the early data. If not,
  // all of it is sent again once we are admitted. Fails, with the session closed, when the listener breaks
  // its word, or when it has dropped what it would not take any more.
  std::expected<void, CloseReason> on_early_answered(TimePoint now, const PeerParameters& peer,
                                                     bool is_accepted);
  const PeerParameters& peer_parameters() const;

  // Listener: lets the peer open streams and tells it so. Until then its stream frames are an error.
  void admit(TimePoint now);
  bool is_admitted() const;

  // The frames of one packet, without CRYPTO. Fails with By::Error when the peer broke the protocol (the
  // session is then closed, with CONNECTION_CLOSE queued) and with By::Peer when the peer closed; either way
  // the connection is over and nothing more is handed in.
  std::expected<void, CloseReason> handle_frames(TimePoint now, ByteView payload);

  // Whether write_frames() has something to write now.
  bool wants_to_send() const;
  // Fills one packet with what is most urgent; packet numbers rise. Memory that the writer refers to stays
  // until the next call of any other kind: seal the packet first.
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t packet_number);
  // Whether the next packet, with so much room for it, will hold something that is worth protecting by FEC;
  // and what kind of content the last write_frames() wrote in truth, to be asked right after it.
  bool wants_protection(std::size_t room_bytes) const;
  PacketContent last_content() const;
  // A pipe that does not lose calls acked as soon as the packet has been sealed.
  void on_packet_acked(TimePoint now, std::uint64_t packet_number);
  void on_packet_lost(TimePoint now, std::uint64_t packet_number);

  std::optional<TimePoint> next_timeout() const;
  // IdleTimeout when the connection is to be given up.
  std::expected<void, CloseReason> handle_timeout(TimePoint now);

  // Bytes or frames of any kind came from the peer: restarts the idle clock. handle_frames() does it by
  // itself.
  void on_activity(TimePoint now);

  // Nothing has come or gone for a while: gives back what is kept only so that the next packet finds it.
  void release_memory();

  // Queues CONNECTION_CLOSE for write_frames(); further commands fail with ConnectionClosed. By::Us: what was
  // written before is delivered first, as far as the peer's windows let it, and a second call ends the wait.
  // Any other reason goes at once and drops what is queued; By::Peer, IdleTimeout and PipeClosed tell nobody.
  void close(TimePoint now, const CloseReason& reason);
  bool is_closed() const;  // close() was called, or the connection is over
  // Why, once it is closed. Look after commands too: compressed content may turn out to be broken only when
  // it is read.
  const Rare<CloseReason>& close_reason() const;
  // After close(): CONNECTION_CLOSE has been written (or there is nobody to tell): nothing will be sent any
  // more.
  bool is_close_sent() const;

  // --- from the application ---

  std::expected<StreamId, StreamError> open_stream(Direction direction, const StreamOptions& options = {});

  // Takes as many of the bytes as there is room for in the send buffer (0 is possible; a StreamWritable event
  // follows when there is room again) and copies them.
  std::expected<std::size_t, StreamError> write(StreamId id, ByteView data);
  // Takes the buffer as it is, without copying, and sends from it. False (and `data` untouched) while the
  // send buffer is full; it counts as full only when something is in it, so that a buffer of any size goes
  // through.
  std::expected<bool, StreamError> write(StreamId id, Buffer& data);
  // No more writes; the peer reads the end when it has read all.
  std::expected<void, StreamError> finish(StreamId id);
  // Gives up our side: what was not sent never will be.
  std::expected<void, StreamError> reset(StreamId id, std::uint64_t code);

  using ReadResult = session::ReadResult;
  // Copies what has arrived, in order and up to the next gap. Nothing now (ReadResult::is_nothing()): a
  // StreamReadable event follows. Fails with Reset once the peer gave up the stream.
  std::expected<ReadResult, StreamError> read(StreamId id, MutableBytes out);

  // As read(), but what arrives later goes straight from the packet into `out` until it is full: one copy
  // fewer for bulk data. StreamReadable comes when `out` is full or the stream is at a gap or its end;
  // take_posted_read() then says how much is in it. One per stream; `out` stays valid until taken. Bytes that
  // are in `out` count as read for flow control.
  std::expected<void, StreamError> post_read(StreamId id, MutableBytes out);
  // Ends the posted read whether it is full or not.
  std::expected<ReadResult, StreamError> take_posted_read(StreamId id);

  // The next bytes of the stream have been given up by the peer: the next read says how many
  // (ReadResult::skipped_bytes).
  bool is_at_gap(StreamId id) const;

  // Tells the peer that we shall read no more (STOP_SENDING); what arrives is dropped.
  std::expected<void, StreamError> stop(StreamId id, std::uint64_t code);

  // For our side of a stream that the peer opened, which starts with None: before the first write, and None
  // where the peer does not understand it.
  std::expected<void, StreamError> set_compression(StreamId id, Compression compression);

  // The same for the delivery of our side, which starts as Reliable and is then not compressed.
  std::expected<void, StreamError> set_delivery(StreamId id, const DeliveryOptions& delivery);

  // A stream's class may change while it is open.
  std::expected<void, StreamError> set_priority(StreamId id, Priority priority);

  // One message, whole or not at all, on a one-way stream of its own. Fails with TooManyStreams when too many
  // wait.
  std::expected<void, StreamError> send_message(ByteView message, const StreamOptions& options = {});
  // While held, messages that arrive stay in their streams, where the windows and the number of streams bound
  // them; afterwards their events come. For an application that has enough of them.
  void hold_messages(bool is_held);
  // Unreliable; the oldest one waiting is dropped when the queue is full.
  std::expected<void, StreamError> send_datagram(ByteView datagram);
  // Measures the round trip now.
  void ping(TimePoint now);

  // The machine's network has changed, or the application has gone to or come from the background: how hard
  // to compress from now on, and how often to say that we are alive.
  void set_network_status(NetworkStatus status, bool is_background);

  std::optional<Event> poll_event();

  // Rises with every frame of our streams that is acknowledged: whether a close makes progress.
  std::uint64_t deliveries() const;
  // Stream data that flow control lets go now. Looks at every stream that has some.
  std::uint64_t sendable_bytes() const;
  // There is data that only the peer's flow control keeps back. Looks at every stream.
  bool is_blocked_by_peer() const;

  // Smoothed, from PING or from the engine's own acknowledgements (set_rtt()).
  std::optional<Duration> rtt() const;
  void set_rtt(Duration smoothed);
  // What our windows are to cover, where it is more than the round trip: how long data may be out of order,
  // and how long it takes to be sent again.
  void set_window_time(Duration time);
  // What the engine may have on its way: what streams may hold grows with it.
  void set_flight_bytes(std::uint64_t bytes);
  const Counters& counters() const;
  Counters& counters();

  // Asserts what must hold between calls; for tests and fuzzing.
  void check_invariants() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace jetway::session
