#include "jetway/session/send_stream.h"

#include <algorithm>

#include "jetway/base/assert.h"

namespace jetway::session {

namespace {

// From here on data is sent from where it lies instead of being copied into the packet, which ends the
// packet; or from the lower limit on where the packet would be full anyway.
constexpr std::size_t kReferBytes = 4 * 1024;
constexpr std::size_t kReferFullBytes = 256;
// A frame that does not hold all is not worth its header below this, unless the packet is empty.
constexpr std::size_t kWorthSendingBytes = 64;

// Most likely the next packet's: it comes into the cache while this one is sealed.
void prefetch(ByteView data) {
  constexpr std::size_t kCacheLineBytes = 64;
  for (std::size_t at = 0; at < data.size(); at += kCacheLineBytes) __builtin_prefetch(&data[at]);
}

}  // namespace

void SendStream::enter(SendEvent event) {
  const auto entered = next(state_, event);
  JETWAY_ASSERT(entered.has_value());
  state_ = *entered;
}

std::uint64_t SendStream::room() const {
  const std::uint64_t limit = context_->send_buffer_bytes();
  return limit - std::min(limit, buffered_bytes());
}

void SendStream::begin() {
  if (has_begun_) return;
  has_begun_ = true;
  const std::byte first = encode_preamble(preamble_);
  buffer_.append_copy({&first, 1});
}

bool SendStream::set_compression(Compression compression) {
  if (has_begun_) return false;
  preamble_.compression = unreliable_ ? Compression::None : compression;
  return true;
}

bool SendStream::set_delivery(const DeliveryOptions& delivery) {
  if (has_begun_) return false;
  preamble_.delivery = delivery.mode;
  unreliable_.reset();
  if (delivery.mode == DeliveryMode::Reliable) return true;
  unreliable_ = std::make_unique<Unreliable>(delivery);
  if (!preamble_.is_message) preamble_.compression = Compression::None;
  return true;
}

std::size_t SendStream::write(ByteView data) {
  begin();
  if (room() < data.size()) give_up_expired();
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(room(), data.size()));
  if (count < data.size()) {
    wanted_room_ = std::min<std::uint64_t>(data.size() - count, context_->send_buffer_bytes() / 4);
  }
  data = data.first(count);
  if (preamble_.compression == Compression::None) {
    buffer_.append_copy(data);
    note_written();
    return count;
  }
  while (!data.empty()) {
    const std::size_t piece = std::min(data.size(), kStreamUnitMaxBytes - pending_.size());
    pending_.insert(pending_.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(piece));
    data = data.subspan(piece);
    if (pending_.size() == kStreamUnitMaxBytes) flush_pending();
  }
  return count;
}

bool SendStream::write(Buffer& data) {
  begin();
  if (room() < data.size()) give_up_expired();
  if (!is_drained() && room() < data.size()) {
    wanted_room_ = data.size();
    return false;
  }
  if (preamble_.compression == Compression::None) {
    buffer_.append(std::move(data));
  } else {
    append_compressed(data);
  }
  note_written();
  data = Buffer{};
  return true;
}

void SendStream::append_compressed(Buffer& data) {
  flush_pending();
  if (!data.empty() && data.size() <= kUnitMaxBytes && looks_incompressible(data.view())) {
    context_->counters.compression_raw_bytes.add(data.size());
    context_->counters.compression_stored_bytes.add(data.size());
    buffer_.append_copy(encode_unit_header(data.size(), data.size()).view());
    buffer_.append(std::move(data));
    return;
  }
  for (ByteView left = data.view(); !left.empty();) {
    const ByteView unit = left.first(std::min(left.size(), kStreamUnitMaxBytes));
    append_unit(unit);
    left = left.subspan(unit.size());
  }
}

void SendStream::append_unit(ByteView raw) {
  std::optional<ByteView> smaller;
  if (raw.size() >= context_->config.compression_threshold_bytes && !looks_incompressible(raw)) {
    smaller = context_->codec.compress(preamble_.compression, raw, context_->effort());
  }
  const ByteView stored = smaller.value_or(raw);
  context_->counters.compression_raw_bytes.add(raw.size());
  context_->counters.compression_stored_bytes.add(stored.size());
  buffer_.append_copy(encode_unit_header(raw.size(), stored.size()).view());
  buffer_.append_copy(stored);
}

void SendStream::flush_pending() {
  if (pending_.empty()) return;
  append_unit(pending_);
  pending_.clear();
}

void SendStream::finish() {
  begin();
  flush_pending();
  is_finish_requested_ = true;
}

void SendStream::write_message(ByteView unit_header, ByteView content) {
  begin();
  buffer_.append_copy(unit_header);
  buffer_.append_copy(content);
  is_finish_requested_ = true;
  note_written();
}

void SendStream::reset(std::uint64_t code) {
  if (is_reset() || is_terminal(state_)) return;
  enter(SendEvent::Reset);
  reset_code_ = code;
  reset_.request();
  blocked_.cancel();
  buffer_.clear();
  pending_ = {};
  acked_.clear();
  lost_.clear();
  if (unreliable_) unreliable_->clear();
}

void SendStream::restart(std::uint64_t max_data) {
  JETWAY_ASSERT(!unreliable_ && acked_.is_empty() && !is_final_acked_);
  if (next(state_, SendEvent::Restart)) enter(SendEvent::Restart);
  if (reset_.is_in_flight()) reset_.request();
  next_ = 0;
  lost_.clear();
  is_final_lost_ = false;
  max_data_ = max_data;
  blocked_at_.reset();
  blocked_.cancel();
}

void SendStream::on_max_stream_data(std::uint64_t maximum) {
  if (maximum <= max_data_) return;
  max_data_ = maximum;
  blocked_.cancel();
}

SendInterest SendStream::data_interest(std::uint64_t connection_credit) {
  if (is_reset() || is_terminal(state_)) return SendInterest::None;
  if (!lost_.is_empty() || is_final_lost_) return SendInterest::LostData;
  if (has_new_data()) {
    if (next_ < max_data_) return connection_credit > 0 ? SendInterest::NewData : SendInterest::None;
    if (blocked_at_ != max_data_) {
      blocked_at_ = max_data_;
      blocked_.request();
    }
    return SendInterest::None;
  }
  return is_finish_requested_ && state_ != SendState::DataSent ? SendInterest::NewData : SendInterest::None;
}

std::uint64_t SendStream::lost_bytes() const {
  std::uint64_t bytes = 0;
  for (const Range& range : lost_.ranges()) bytes += range.size();
  return bytes;
}

bool SendStream::is_blocked_by_connection() const {
  return !is_reset() && lost_.is_empty() && !is_final_lost_ && has_new_data() && next_ < max_data_ &&
         context_->flow.credit() == 0;
}

// What goes next: lost bytes first, else new ones as far as both limits allow; empty at the end, when only
// the end itself is to be told.
Range SendStream::next_range() const {
  if (!lost_.is_empty()) return unreliable_ ? unreliable_->uniform_front(lost_.front()) : lost_.front();
  if (is_final_lost_) return {buffer_.end(), buffer_.end()};
  const std::uint64_t limit = std::min({buffer_.end(), max_data_, next_ + context_->flow.credit()});
  return {next_, std::max(next_, limit)};
}

SendStream::Written SendStream::write_data(wire::PacketWriter& packet, std::uint64_t packet_number,
                                           SentFrames& sent) {
  if (next_ == buffer_.end()) flush_pending();
  const Range range = next_range();
  wire::StreamHeader header{.stream_id = id_, .offset = range.begin, .reaches_end_of_packet = true};
  const std::size_t room = packet.remaining();
  const std::size_t header_bytes = wire::stream_header_size(header);
  if (range.size() > 0 && room > header_bytes) {
    const ByteView together = buffer_.contiguous(range.begin);
    const ByteView data = together.first(static_cast<std::size_t>(
        std::min<std::uint64_t>({together.size(), range.size(), room - header_bytes})));
    if (data.size() >= kReferBytes ||
        (data.size() == room - header_bytes && data.size() >= kReferFullBytes)) {
      header.is_final = is_final_at(range.begin + data.size());
      wire::encode_stream_header(packet.frames(), header);
      packet.finish_with(data);
      prefetch(together.subspan(data.size()).first(std::min(together.size() - data.size(), data.size())));
      note_sent({range.begin, range.begin + data.size()}, header.is_final, packet_number, sent);
      return {true, data.size()};
    }
  }
  return copy_data(range, packet, packet_number, sent);
}

// How many bytes of `range` are to be copied: up to where data begins that is worth referring to.
std::size_t SendStream::bytes_to_copy(Range range, std::size_t room) const {
  std::uint64_t count = 0;
  const std::uint64_t wanted = std::min<std::uint64_t>(range.size(), room);
  while (count < wanted) {
    const std::size_t together = buffer_.contiguous(range.begin + count).size();
    if (count > 0 && together >= kReferBytes) break;
    count += together;
  }
  return static_cast<std::size_t>(std::min(count, wanted));
}

SendStream::Written SendStream::copy_data(Range range, wire::PacketWriter& packet,
                                          std::uint64_t packet_number, SentFrames& sent) {
  const std::size_t room = packet.remaining();
  const std::size_t wanted = bytes_to_copy(range, room);
  wire::StreamHeader header{.stream_id = id_, .offset = range.begin, .data_bytes = wanted};
  const std::size_t overhead = wire::stream_header_size(header);
  if (overhead > room) return {};
  const std::size_t count = std::min(wanted, room - overhead);
  if (count < wanted && (count == 0 || (count < kWorthSendingBytes && !packet.is_empty()))) return {};
  header.data_bytes = count;
  header.is_final = is_final_at(range.begin + count);
  wire::encode_stream_header(packet.frames(), header);
  buffer_.copy(range.begin, packet.frames().reserve(count));
  note_sent({range.begin, range.begin + count}, header.is_final, packet_number, sent);
  return {true, count};
}

void SendStream::note_sent(Range range, bool is_final, std::uint64_t packet_number, SentFrames& sent) {
  std::uint8_t tries = 1;
  if (range.begin == next_) {
    next_ = range.end;
    context_->flow.on_sent(range.size());
    context_->counters.stream_bytes_sent.add(range.size());
  } else {
    lost_.remove(range);
    if (unreliable_) tries = unreliable_->on_sent_again(range);
    context_->counters.stream_bytes_retransmitted.add(range.size());
  }
  if (is_final) is_final_lost_ = false;
  if (state_ != SendState::DataSent) enter(is_final ? SendEvent::Final : SendEvent::Data);
  sent.add({.packet_number = packet_number,
            .stream_id = id_,
            .range = range,
            .kind = SentFrame::Kind::Data,
            .tries = tries,
            .is_final = is_final});
}

bool SendStream::write_control(wire::PacketWriter& packet, std::uint64_t packet_number, SentFrames& sent) {
  const auto write = [&](Delivery& delivery, SentFrame::Kind kind, const auto& frame) {
    if (!delivery.is_wanted()) return true;
    write_if_wanted(delivery, frame, packet, packet_number);
    if (delivery.is_wanted()) return false;
    sent.add({.packet_number = packet_number, .stream_id = id_, .range = {}, .kind = kind});
    return true;
  };
  return write(reset_, SentFrame::Kind::Reset, wire::ResetStreamFrame{id_, reset_code_, next_}) &&
         write(blocked_, SentFrame::Kind::StreamDataBlocked, wire::StreamDataBlockedFrame{id_, max_data_}) &&
         (!unreliable_ ||
          write(unreliable_->gap(), SentFrame::Kind::Gap, wire::StreamGapFrame{id_, unreliable_->gap_end()}));
}

void SendStream::on_acked(const SentFrame& frame) {
  if (frame.kind == SentFrame::Kind::StreamDataBlocked) {
    blocked_.on_packet_acked(frame.packet_number);
  } else if (frame.kind == SentFrame::Kind::Reset) {
    if (reset_.on_packet_acked(frame.packet_number)) enter(SendEvent::ResetAcked);
  } else if (frame.kind == SentFrame::Kind::Gap) {
    if (unreliable_->gap().on_packet_acked(frame.packet_number)) check_all_acked();
  } else if (!is_reset()) {
    acked_.add(frame.range);
    lost_.remove(frame.range);
    if (frame.is_final) {
      is_final_acked_ = true;
      is_final_lost_ = false;
    }
    release_settled();
    check_all_acked();
  }
}

// Bytes that are acknowledged or given up, as are all before them, are not needed any more.
void SendStream::release_settled() {
  if (acked_.is_empty() || acked_.front().begin > buffer_.begin()) return;
  buffer_.release_until(std::max(buffer_.begin(), acked_.front().end));
  acked_.remove_below(buffer_.begin());
  if (unreliable_) unreliable_->on_settled_until(buffer_.begin());
}

void SendStream::check_all_acked() {
  if (!is_final_acked_ || buffer_.size() > 0 || state_ != SendState::DataSent) return;
  if (!is_gap_undelivered()) enter(SendEvent::AllAcked);
}

void SendStream::on_lost(const SentFrame& frame) {
  if (frame.kind == SentFrame::Kind::StreamDataBlocked) {
    blocked_.on_packet_lost(frame.packet_number);
  } else if (frame.kind == SentFrame::Kind::Reset) {
    reset_.on_packet_lost(frame.packet_number);
  } else if (frame.kind == SentFrame::Kind::Gap) {
    unreliable_->gap().on_packet_lost(frame.packet_number);
  } else if (!is_reset() && !is_terminal(state_)) {
    if (frame.is_final && !is_final_acked_) is_final_lost_ = true;
    const Range range{std::max(frame.range.begin, buffer_.begin()), frame.range.end};
    if (unreliable_ && range.begin < range.end) return on_data_lost(range, frame.tries);
    lost_.add(range);
    for (const Range& acked : acked_.ranges()) lost_.remove(acked);
  }
}

// ---- giving up ----

void SendStream::on_data_lost(Range range, std::uint8_t tries) {
  const bool is_given_up = !unreliable_->may_be_sent_again(tries);
  if (preamble_.is_message && is_given_up) return give_up_message();
  // The preamble is sent until it is there.
  const Range content{std::max<std::uint64_t>(range.begin, 1), range.end};
  lost_.add({range.begin, content.begin});
  if (is_given_up && content.size() > 0) {
    give_up(content);
  } else {
    lost_.add(content);
    unreliable_->on_lost(content, tries);
  }
  for (const Range& acked : acked_.ranges()) lost_.remove(acked);
  give_up_expired();
}

// What is before `offset` and is waiting to be sent, for the first time or again.
bool SendStream::give_up_until(std::uint64_t offset) {
  if (offset <= buffer_.begin() || is_reset() || is_terminal(state_)) return false;
  const bool is_unsent_late = next_ < offset;
  if (preamble_.is_message) {
    if (!is_unsent_late && lost_.is_empty()) return false;
    give_up_message();
    return true;
  }
  RangeSet late = lost_;
  late.remove_below(1);
  late.remove({offset, UINT64_MAX});
  for (const Range& range : late.ranges()) give_up(range);
  // What was never sent counts against the peer's limits like what was: a gap that goes beyond them waits.
  const std::uint64_t limit = std::min({offset, max_data_, next_ + context_->flow.credit()});
  if (limit <= std::max<std::uint64_t>(next_, 1)) return !late.is_empty();
  const Range unsent{std::max<std::uint64_t>(next_, 1), limit};
  context_->flow.on_sent(limit - next_);
  if (next_ == 0) lost_.add({0, 1});
  next_ = limit;
  give_up(unsent);
  return true;
}

// Half a message is none.
void SendStream::give_up_message() {
  context_->counters.messages_given_up.add(1);
  reset(static_cast<std::uint64_t>(ProtocolCode::NoError));
}

void SendStream::give_up(Range range) {
  context_->counters.stream_bytes_given_up.add(range.size());
  acked_.add(range);
  lost_.remove(range);
  unreliable_->on_given_up(range);
  release_settled();
}

bool SendStream::has_undelivered() const {
  if (is_terminal(state_)) return false;
  return is_reset() || is_finish_requested_ || buffered_bytes() > 0 || is_gap_undelivered();
}

bool SendStream::take_writable() {
  if (wanted_room_ == 0 || is_reset() || (room() < wanted_room_ && !is_drained())) return false;
  wanted_room_ = 0;
  return true;
}

void SendStream::check_invariants() const {
  JETWAY_ASSERT(next_ >= buffer_.begin() || is_reset());
  JETWAY_ASSERT(next_ <= buffer_.end() || is_reset());
  JETWAY_ASSERT(next_ <= max_data_);
  JETWAY_ASSERT(lost_.is_empty() ||
                (lost_.front().begin >= buffer_.begin() && lost_.ranges().back().end <= next_));
  JETWAY_ASSERT(acked_.is_empty() || acked_.front().begin > buffer_.begin());
  JETWAY_ASSERT(pending_.size() < kStreamUnitMaxBytes);
}

}  // namespace jetway::session
