#pragma once

#include <cstdint>
#include <optional>

#include "jetway/base/buffer.h"
#include "jetway/session/delivery.h"
#include "jetway/session/receive_buffer.h"
#include "jetway/session/sent_frames.h"
#include "jetway/session/stream_context.h"
#include "jetway/session/stream_state.h"
#include "jetway/wire/packet_writer.h"

namespace jetway::session {

// The receiving side of a stream (RFC 9000 section 3.2): puts what arrives into order, takes the preamble
// off, undoes compression, and hands the content to a posted destination, to read() or into a message.
//
// Bytes that arrive in order while somebody waits for them go straight to where they are wanted; only the
// others are stored.
class ReceiveStream {
 public:
  ReceiveStream(StreamId id, StreamContext& context);

  // --- the peer ---

  Checked<void> on_data(std::uint64_t offset, ByteView data, bool is_final);
  Checked<void> on_reset(std::uint64_t code, std::uint64_t final_size);
  // What is missing before `offset` will not come.
  Checked<void> on_gap(std::uint64_t offset);

  // --- the application ---

  // Both: faults in compressed content may only show now. `is_reset()` has been asked first.
  Checked<ReadResult> read(MutableBytes out);
  Checked<void> post(MutableBytes out);
  ReadResult take_posted();
  bool is_posted() const { return is_posted_; }
  // The next byte in order has been given up, and there is something to tell about it.
  bool is_at_gap() const { return gap_end_ > buffer_.begin() && !buffer_.is_readable(); }
  void stop(std::uint64_t code);
  // The application knows of the reset.
  void on_reset_read();
  // Whether there is something to tell the application; true once until it has looked.
  bool take_readable();
  // A message that has arrived whole; its stream is at its end then.
  std::optional<Buffer> take_message();
  // Lets a message of any permitted size in: the oldest one that is arriving has that right.
  void open_message_window();

  // --- frames ---

  bool wants_control() const { return stop_.is_wanted() || max_stream_data_.is_wanted(); }
  bool write_control(wire::PacketWriter& packet, std::uint64_t packet_number, SentFrames& sent);
  void on_acked(const SentFrame& frame);
  void on_lost(const SentFrame& frame);

  ReceiveState state() const { return state_; }
  bool is_reset() const { return state_ == ReceiveState::ResetReceived || state_ == ReceiveState::ResetRead; }
  std::uint64_t reset_code() const { return reset_code_; }
  bool is_stopped() const { return is_stopped_; }
  // Once it has arrived.
  const std::optional<StreamPreamble>& preamble() const { return preamble_; }

  void check_invariants() const;

 private:
  Checked<void> check_final_size(std::uint64_t end, bool is_final) const;
  Checked<void> count_received(std::uint64_t end);
  void discard_received();
  Checked<void> check_complete();
  std::uint64_t complete_end() const;
  std::uint64_t skip_gap();
  Checked<void> store(std::uint64_t offset, ByteView data);
  Checked<void> pump();
  void unpost();
  Checked<std::size_t> take(ByteView bytes);
  Checked<std::size_t> take_preamble(std::byte byte);
  Checked<void> make_room_in_message();
  void consume(std::size_t count);
  void on_consumed(std::uint64_t count);
  Checked<void> check_end();
  bool is_at_end() const;
  bool has_content() const;
  void enter(ReceiveEvent event);
  std::uint64_t message_max_bytes() const { return context_->config.message_max_bytes; }

  StreamContext* context_;
  StreamId id_;
  ReceiveState state_ = ReceiveState::Receive;
  bool is_stopped_ = false;
  bool is_posted_ = false;
  bool is_readable_told_ = false;

  ReceiveBuffer buffer_;
  ReceiveWindow window_;
  std::uint64_t gap_end_ = 0;   // what is missing before has been given up
  std::uint64_t highest_ = 0;   // end of the furthest byte that has arrived or was given up
  std::uint64_t consumed_ = 0;  // what flow control has been told is gone
  std::optional<std::uint64_t> final_size_;
  std::uint64_t reset_code_ = 0;

  std::optional<StreamPreamble> preamble_;
  std::optional<UnitDecoder> decoder_;
  MutableBytes target_;     // where content goes: a posted read, or the one that is going on
  std::size_t filled_ = 0;  // of it
  Buffer message_;

  Delivery max_stream_data_;
  Delivery stop_;
  std::uint64_t stop_code_ = 0;
};

}  // namespace jetway::session
