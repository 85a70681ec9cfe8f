#include "jetway/session/receive_stream.h"

#include <algorithm>
#include <utility>

#include "jetway/base/assert.h"

namespace jetway::session {

namespace {
constexpr std::size_t kMessageFirstBytes = 4 * 1024;
}  // namespace

ReceiveStream::ReceiveStream(StreamId id, StreamContext& context)
    : context_(&context),
      id_(id),
      buffer_(context.blocks),
      window_(context.config.stream_window_bytes, context.config.stream_window_max_bytes, context.now) {}

void ReceiveStream::enter(ReceiveEvent event) {
  const auto entered = next(state_, event);
  JETWAY_ASSERT(entered.has_value());
  state_ = *entered;
}

// ---- the peer ----

Checked<void> ReceiveStream::on_data(std::uint64_t offset, ByteView data, bool is_final) {
  const std::uint64_t end = offset + data.size();
  if (auto checked = check_final_size(end, is_final); !checked) return checked;
  if (is_terminal(state_) || is_reset()) return {};
  if (auto counted = count_received(end); !counted) return counted;
  if (is_final && !final_size_) {
    final_size_ = end;
    max_stream_data_.cancel();
    enter(ReceiveEvent::Final);
  }
  if (is_stopped_) {
    discard_received();
    return {};
  }
  if (auto stored = store(offset, data); !stored) return stored;
  return check_complete();
}

Checked<void> ReceiveStream::check_complete() {
  if (state_ == ReceiveState::SizeKnown && complete_end() == *final_size_) enter(ReceiveEvent::AllData);
  return check_end();
}

// Before it nothing is missing that could still come.
std::uint64_t ReceiveStream::complete_end() const {
  const std::uint64_t end = std::max(buffer_.begin(), buffer_.readable_end());
  return gap_end_ > end ? buffer_.held_end(gap_end_) : end;
}

// RFC 9000 section 4.5.
Checked<void> ReceiveStream::check_final_size(std::uint64_t end, bool is_final) const {
  if (final_size_ && (end > *final_size_ || (is_final && end != *final_size_))) {
    return fault(ProtocolCode::FinalSize, "stream data contradicts its final size");
  }
  if (is_final && end < highest_)
    return fault(ProtocolCode::FinalSize, "final size below what has been received");
  return {};
}

Checked<void> ReceiveStream::count_received(std::uint64_t end) {
  if (end <= highest_) return {};
  if (end > window_.maximum()) return fault(ProtocolCode::FlowControl, "more data than the stream allows");
  const std::uint64_t count = end - highest_;
  highest_ = end;
  context_->counters.stream_bytes_received.add(count);
  return context_->flow.on_received(count);
}

// Nobody will read what has arrived, nor what is missing before it.
void ReceiveStream::discard_received() {
  buffer_.clear();
  decoder_.reset();
  message_ = Buffer{};
  if (highest_ > consumed_) {
    context_->flow.on_consumed(highest_ - consumed_, context_->now, context_->time_to_cover());
    consumed_ = highest_;
  }
  if (state_ == ReceiveState::SizeKnown) enter(ReceiveEvent::AllData);
  if (state_ == ReceiveState::DataReceived) enter(ReceiveEvent::Read);
  if (is_terminal(state_)) stop_.cancel();
}

Checked<void> ReceiveStream::on_reset(std::uint64_t code, std::uint64_t final_size) {
  if (auto checked = check_final_size(final_size, true); !checked) return checked;
  if (state_ != ReceiveState::Receive && state_ != ReceiveState::SizeKnown) return {};
  if (auto counted = count_received(final_size); !counted) return counted;
  final_size_ = final_size;
  reset_code_ = code;
  enter(ReceiveEvent::Reset);
  max_stream_data_.cancel();
  stop_.cancel();
  discard_received();
  if (is_stopped_) on_reset_read();
  return {};
}

// A sender gives up nothing before it knows that the preamble has arrived, so that the mode is known here.
Checked<void> ReceiveStream::on_gap(std::uint64_t offset) {
  if (auto checked = check_final_size(offset, false); !checked) return checked;
  if (is_terminal(state_) || is_reset()) return {};
  const bool may_have_gaps = preamble_ && preamble_->delivery != DeliveryMode::Reliable;
  if (!is_stopped_ && (!may_have_gaps || preamble_->is_message)) {
    return fault(ProtocolCode::ProtocolViolation, "gap in a stream that has none");
  }
  if (auto counted = count_received(offset); !counted) return counted;
  if (is_stopped_) {
    discard_received();
    return {};
  }
  gap_end_ = std::max(gap_end_, offset);
  return check_complete();
}

// ---- from the packet to the application ----

Checked<void> ReceiveStream::store(std::uint64_t offset, ByteView data) {
  if (offset <= buffer_.begin() && !buffer_.is_readable()) {
    const std::uint64_t old = std::min<std::uint64_t>(buffer_.begin() - offset, data.size());
    data = data.subspan(static_cast<std::size_t>(old));
    offset += old;
    while (!data.empty()) {
      const auto taken = take(data);
      if (!taken) return std::unexpected(taken.error());
      if (*taken == 0) break;
      consume(*taken);
      data = data.subspan(*taken);
      offset += *taken;
    }
  }
  if (!buffer_.insert(offset, data))
    return fault(ProtocolCode::ProtocolViolation, "stream data is too scattered");
  return pump();
}

// Moves on what can be read, as far as somebody takes it.
Checked<void> ReceiveStream::pump() {
  while (true) {
    const std::size_t filled_before = filled_;
    const std::size_t message_before = message_.size();
    const auto taken = take(buffer_.front());
    if (!taken) return std::unexpected(taken.error());
    if (*taken > 0) consume(*taken);
    if (*taken == 0 && filled_ == filled_before && message_.size() == message_before) return {};
  }
}

void ReceiveStream::consume(std::size_t count) {
  buffer_.consume(count);
  on_consumed(count);
}

void ReceiveStream::on_consumed(std::uint64_t count) {
  consumed_ += count;
  context_->flow.on_consumed(count, context_->now, context_->time_to_cover());
  // A message is held until it is whole: its window opens when it is its turn (open_message_window()).
  if (final_size_ || (preamble_ && preamble_->is_message)) return;
  const std::uint64_t window_before = window_.window_bytes();
  if (!window_.consume(count, context_->now, context_->time_to_cover())) return;
  max_stream_data_.request();
  if (window_.window_bytes() != window_before) context_->flow.on_stream_window(window_.window_bytes());
}

// One step of bytes that are next in order; how many of them are gone. Content that is held in the decoder
// moves even when there are none.
Checked<std::size_t> ReceiveStream::take(ByteView bytes) {
  if (!preamble_) return bytes.empty() ? Checked<std::size_t>{0} : take_preamble(bytes.front());
  MutableBytes room = target_.subspan(filled_);
  if (preamble_->is_message) {
    if (bytes.empty() && !(decoder_ && decoder_->has_output())) return 0;
    if (auto made = make_room_in_message(); !made) return std::unexpected(made.error());
    room = message_.unused();
  }
  UnitDecoder::Progress progress;
  if (decoder_) {
    const auto decoded = decoder_->decode(bytes, room);
    if (!decoded) return fault(ProtocolCode::FrameEncoding, decoded.error());
    progress = *decoded;
  } else {
    progress.taken = progress.produced = std::min(bytes.size(), room.size());
    copy_bytes(room, bytes.first(progress.taken));
  }
  if (preamble_->is_message) {
    message_.resize(message_.size() + progress.produced);
  } else {
    filled_ += progress.produced;
  }
  return progress.taken;
}

Checked<std::size_t> ReceiveStream::take_preamble(std::byte byte) {
  preamble_ = decode_preamble(byte);
  if (!preamble_) return fault(ProtocolCode::FrameEncoding, "stream begins with an unknown preamble");
  if (preamble_->compression != Compression::None) {
    const auto& agreed = context_->config.compression;
    if (std::ranges::find(agreed, preamble_->compression) == agreed.end()) {
      return fault(ProtocolCode::FrameEncoding, "stream is compressed in a way that was not agreed");
    }
    const std::uint64_t limit = preamble_->is_message ? message_max_bytes() : kStreamUnitMaxBytes;
    decoder_.emplace(preamble_->compression, static_cast<std::size_t>(limit), context_->codec);
  }
  return 1;
}

// Content that goes on when the message has its full size is too much of it.
Checked<void> ReceiveStream::make_room_in_message() {
  if (!message_.unused().empty()) return {};
  const std::uint64_t limit = message_max_bytes();
  // A unit's header may follow content of exactly the limit, so only bytes beyond it are an error, found when
  // the last allocation, one byte longer than allowed, is used up.
  if (message_.size() > limit) return fault(ProtocolCode::ProtocolViolation, "message is too large");
  const std::uint64_t expected = final_size_ ? *final_size_ - buffer_.begin() : 0;
  const std::uint64_t capacity =
      std::max<std::uint64_t>({2 * message_.capacity(), kMessageFirstBytes, expected});
  Buffer larger{static_cast<std::size_t>(std::min(capacity, limit + 1))};
  larger.append(message_.view());
  message_ = std::move(larger);
  return {};
}

// When all has been taken: it has to end where content may end.
Checked<void> ReceiveStream::check_end() {
  if (state_ != ReceiveState::DataReceived || buffer_.begin() != *final_size_) return {};
  if (!preamble_) return fault(ProtocolCode::FrameEncoding, "stream without a preamble");
  if (decoder_ && !decoder_->has_output() && !decoder_->is_between_units()) {
    return fault(ProtocolCode::FrameEncoding, "stream ends inside a unit");
  }
  if (preamble_->is_message && message_.size() > message_max_bytes()) {
    return fault(ProtocolCode::ProtocolViolation, "message is too large");
  }
  return {};
}

bool ReceiveStream::is_at_end() const {
  const bool has_all = state_ == ReceiveState::DataReceived || state_ == ReceiveState::DataRead;
  return has_all && buffer_.begin() == *final_size_ && !(decoder_ && decoder_->has_output());
}

// ---- the application ----

bool ReceiveStream::has_content() const {
  return buffer_.is_readable() || is_at_gap() || (decoder_ && decoder_->has_output());
}

// Goes on behind the gap that is next, up to where something has arrived; how many bytes are left out.
std::uint64_t ReceiveStream::skip_gap() {
  if (!is_at_gap()) return 0;
  const std::uint64_t count = buffer_.held_begin(gap_end_) - buffer_.begin();
  consume(static_cast<std::size_t>(count));
  return count;
}

Checked<ReadResult> ReceiveStream::read(MutableBytes out) {
  JETWAY_ASSERT(!is_posted_);
  target_ = out;
  filled_ = 0;
  auto pumped = pump();
  const std::uint64_t skipped = pumped && filled_ == 0 ? skip_gap() : 0;
  if (skipped > 0) pumped = pump();
  const ReadResult progress{.bytes = filled_, .is_end = is_at_end(), .skipped_bytes = skipped};
  target_ = {};
  filled_ = 0;
  if (!pumped) return std::unexpected(pumped.error());
  if (auto ended = check_end(); !ended) return std::unexpected(ended.error());
  if (progress.bytes < out.size() || !has_content()) is_readable_told_ = false;
  if (progress.is_end && state_ == ReceiveState::DataReceived) enter(ReceiveEvent::Read);
  return progress;
}

Checked<void> ReceiveStream::post(MutableBytes out) {
  JETWAY_ASSERT(!is_posted_);
  is_posted_ = true;
  is_readable_told_ = false;
  target_ = out;
  filled_ = 0;
  auto posted = pump();
  if (posted) posted = check_end();
  if (!posted) unpost();
  return posted;
}

// The memory is its owner's again.
void ReceiveStream::unpost() {
  is_posted_ = false;
  target_ = {};
  filled_ = 0;
}

ReadResult ReceiveStream::take_posted() {
  JETWAY_ASSERT(is_posted_);
  is_readable_told_ = false;
  const std::uint64_t skipped = filled_ == 0 ? skip_gap() : 0;
  const ReadResult progress{.bytes = filled_, .is_end = is_at_end(), .skipped_bytes = skipped};
  unpost();
  if (progress.is_end && state_ == ReceiveState::DataReceived) enter(ReceiveEvent::Read);
  return progress;
}

void ReceiveStream::stop(std::uint64_t code) {
  if (is_stopped_ || is_terminal(state_)) return;
  is_stopped_ = true;
  stop_code_ = code;
  unpost();
  if (is_reset()) return on_reset_read();
  if (state_ == ReceiveState::Receive) stop_.request();
  max_stream_data_.cancel();
  discard_received();
}

void ReceiveStream::on_reset_read() {
  if (state_ == ReceiveState::ResetReceived) enter(ReceiveEvent::Read);
}

bool ReceiveStream::take_readable() {
  if (is_readable_told_ || is_stopped_ || is_terminal(state_) || (preamble_ && preamble_->is_message))
    return false;
  const bool is_full = is_posted_ && (filled_ == target_.size() || is_at_gap());
  if (!is_reset() && !is_at_end() && !is_full && (is_posted_ || !has_content())) return false;
  is_readable_told_ = true;
  return true;
}

std::optional<Buffer> ReceiveStream::take_message() {
  if (!preamble_ || !preamble_->is_message || state_ != ReceiveState::DataReceived || !is_at_end()) {
    return std::nullopt;
  }
  enter(ReceiveEvent::Read);
  return std::move(message_);
}

void ReceiveStream::open_message_window() {
  if (final_size_ || is_reset()) return;
  window_.open_to(message_max_bytes() + kUnitHeaderMaxBytes + 1);
  max_stream_data_.request();
}

// ---- frames ----

bool ReceiveStream::write_control(wire::PacketWriter& packet, std::uint64_t packet_number, SentFrames& sent) {
  const auto write = [&](Delivery& delivery, SentFrame::Kind kind, const auto& frame) {
    if (!delivery.is_wanted()) return true;
    write_if_wanted(delivery, frame, packet, packet_number);
    if (delivery.is_wanted()) return false;
    sent.add({.packet_number = packet_number, .stream_id = id_, .range = {}, .kind = kind});
    return true;
  };
  return write(stop_, SentFrame::Kind::StopSending, wire::StopSendingFrame{id_, stop_code_}) &&
         write(max_stream_data_, SentFrame::Kind::MaxStreamData,
               wire::MaxStreamDataFrame{id_, window_.maximum()});
}

void ReceiveStream::on_acked(const SentFrame& frame) {
  (frame.kind == SentFrame::Kind::StopSending ? stop_ : max_stream_data_)
      .on_packet_acked(frame.packet_number);
}

void ReceiveStream::on_lost(const SentFrame& frame) {
  (frame.kind == SentFrame::Kind::StopSending ? stop_ : max_stream_data_).on_packet_lost(frame.packet_number);
}

void ReceiveStream::check_invariants() const {
  JETWAY_ASSERT(consumed_ <= highest_ && highest_ <= window_.maximum());
  JETWAY_ASSERT(!final_size_ || highest_ <= *final_size_);
  JETWAY_ASSERT(gap_end_ <= highest_ && buffer_.begin() <= highest_);
  JETWAY_ASSERT(filled_ <= target_.size());
  JETWAY_ASSERT(is_posted_ || target_.empty());
}

}  // namespace jetway::session
