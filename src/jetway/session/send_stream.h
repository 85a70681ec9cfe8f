#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

#include "jetway/session/delivery.h"
#include "jetway/session/range_set.h"
#include "jetway/session/send_buffer.h"
#include "jetway/session/sent_frames.h"
#include "jetway/session/stream_context.h"
#include "jetway/session/stream_state.h"
#include "jetway/session/unreliable.h"
#include "jetway/wire/packet_writer.h"

namespace jetway::session {

// The sending side of a stream (RFC 9000 section 3.1): what the application gave, cut into frames as flow
// control and packets allow, kept until it is acknowledged. Offset 0 is the preamble.
class SendStream {
 public:
  SendStream(StreamId id, const StreamPreamble& preamble, std::uint64_t max_data, StreamContext& context)
      : context_(&context), id_(id), preamble_(preamble), max_data_(max_data) {}

  // --- the application ---

  std::size_t write(ByteView data);
  bool write(Buffer& data);
  void finish();
  // A whole message, whatever the send buffer's limit: its unit header, if there is one, and its content.
  void write_message(ByteView unit_header, ByteView content);
  void reset(std::uint64_t code);
  // Before the first write only; false afterwards.
  bool set_compression(Compression compression);
  bool set_delivery(const DeliveryOptions& delivery);

  // --- the peer ---

  // It has dropped all that was sent: everything goes again, within another limit. Reliable streams of which
  // nothing was acknowledged only.
  void restart(std::uint64_t max_data);
  void on_max_stream_data(std::uint64_t maximum);
  void on_acked(const SentFrame& frame);
  void on_lost(const SentFrame& frame);

  // --- frames ---

  // Whether write_data() has something to write; it notes when it is flow control that keeps it from that.
  SendInterest data_interest(std::uint64_t connection_credit);
  // Has data that only the connection's credit keeps back.
  bool is_blocked_by_connection() const;
  // Has data that only this stream's own window keeps back.
  bool is_blocked_by_window() const {
    return !is_reset() && lost_.is_empty() && has_new_data() && next_ >= max_data_;
  }
  // At most one STREAM frame; false when the packet has no room for it.
  struct Written {
    bool has_written = false;
    std::size_t bytes = 0;
  };
  Written write_data(wire::PacketWriter& packet, std::uint64_t packet_number, SentFrames& sent);

  // Gives up what is not worth sending any more (STREAM_GAP, or RESET_STREAM of a message); true when there
  // was something. To be asked before write_data().
  bool give_up_expired() { return unreliable_ && give_up_until(unreliable_->expired_end(context_->now)); }
  // The application has written something whose deadline waits to be told the time: date_writes().
  bool is_undated() const { return unreliable_ && unreliable_->is_undated(); }
  void date_writes() {
    if (unreliable_) unreliable_->date(context_->now);
  }

  bool wants_control() const {
    return reset_.is_wanted() || blocked_.is_wanted() || (unreliable_ && unreliable_->gap().is_wanted());
  }
  // False when the packet has no room.
  bool write_control(wire::PacketWriter& packet, std::uint64_t packet_number, SentFrames& sent);

  SendState state() const { return state_; }
  const StreamPreamble& preamble() const { return preamble_; }
  bool is_finished() const { return is_finish_requested_; }
  bool is_reset() const { return state_ == SendState::ResetSent || state_ == SendState::ResetReceived; }
  std::uint64_t unsent_bytes() const { return buffer_.end() - next_ + pending_.size(); }
  // New data within the stream's own window, and what was lost and is to be sent again.
  std::uint64_t allowed_bytes() const {
    return std::min(unsent_bytes(), max_data_ - std::min(max_data_, next_));
  }
  std::uint64_t lost_bytes() const;
  std::uint64_t buffered_bytes() const { return buffer_.size() + pending_.size(); }
  // Something, if only the end or a reset, is not known to have reached the peer.
  bool has_undelivered() const;
  // True once after write() took less than it was given and there is room again.
  bool take_writable();

  void check_invariants() const;

 private:
  bool has_new_data() const { return next_ < buffer_.end() || !pending_.empty(); }
  std::uint64_t room() const;
  bool is_drained() const { return buffered_bytes() <= 1; }  // but for the preamble
  void begin();
  void append_unit(ByteView raw);
  void append_compressed(Buffer& data);
  void flush_pending();
  Range next_range() const;
  std::size_t bytes_to_copy(Range range, std::size_t room) const;
  Written copy_data(Range range, wire::PacketWriter& packet, std::uint64_t packet_number, SentFrames& sent);
  bool is_final_at(std::uint64_t end) const {
    return is_finish_requested_ && pending_.empty() && end == buffer_.end();
  }
  void note_sent(Range range, bool is_final, std::uint64_t packet_number, SentFrames& sent);
  void note_written() {
    if (unreliable_) unreliable_->on_written(buffer_.end());
  }
  void on_data_lost(Range range, std::uint8_t tries);
  bool give_up_until(std::uint64_t offset);
  void give_up_message();
  bool is_gap_undelivered() const {
    return unreliable_ && (unreliable_->gap().is_wanted() || unreliable_->gap().is_in_flight());
  }
  void give_up(Range range);
  void release_settled();
  void check_all_acked();
  void enter(SendEvent event);

  StreamContext* context_;
  StreamId id_;
  StreamPreamble preamble_;
  SendState state_ = SendState::Ready;
  bool has_begun_ = false;
  bool is_finish_requested_ = false;
  bool is_final_lost_ = false;
  bool is_final_acked_ = false;

  std::uint64_t wanted_room_ = 0;  // not 0: somebody waits for StreamWritable
  SendBuffer buffer_;              // from the first byte that is not acknowledged
  Bytes pending_;                  // raw bytes of the unit that is being filled
  std::uint64_t next_ = 0;         // first byte that was never sent
  std::uint64_t max_data_;         // the peer's limit
  RangeSet acked_;                 // beyond buffer_.begin(), with what was given up
  RangeSet lost_;                  // to be sent again

  Delivery reset_;
  std::uint64_t reset_code_ = 0;
  Delivery blocked_;
  std::optional<std::uint64_t> blocked_at_;
  std::unique_ptr<Unreliable> unreliable_;  // null: reliable
};

}  // namespace jetway::session
