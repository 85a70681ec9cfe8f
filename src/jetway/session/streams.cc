#include "jetway/session/streams.h"

#include <algorithm>
#include <utility>

#include "jetway/base/assert.h"

namespace jetway::session {

namespace {

// A retransmission would hurt.
bool is_urgent(const Stream& stream) {
  if (!stream.send) return false;
  const StreamPreamble& preamble = stream.send->preamble();
  if (preamble.is_message) return stream.message_bytes <= PacketContent::kShortMessageBytes;
  return preamble.delivery != DeliveryMode::Reliable;
}

}  // namespace

Streams::Streams(Role role, StreamContext& context, Queue<Event>& events)
    : context_(&context), events_(&events), table_(role, context), scheduler_(context.config.class_weights) {}

// ---- the peer's limits ----

void Streams::on_established() {
  const auto is_wanted = table_.on_established();
  for (const Direction direction : {Direction::TwoWay, Direction::OneWay}) {
    if (is_wanted[static_cast<std::size_t>(direction)]) events_->push_back(StreamsAvailable{direction});
  }
  // Of early data.
  table_.for_each([&](Stream& stream) {
    if (!stream.send) return;
    stream.send->on_max_stream_data(context_->peer.stream_window_bytes);
    update_schedule(stream);
    queue_control(stream);
  });
  unblock();
}

bool Streams::restart(const PeerParameters& peer) {
  bool is_within = !table_.is_beyond(peer);
  sent_ = {};
  has_lost_data_ = false;
  table_.for_each([&](Stream& stream) {
    is_within &= stream.message_bytes <= peer.message_max_bytes;
    stream.send->restart(peer.stream_window_bytes);
  });
  return is_within;
}

// ---- after every change of a stream ----

// Brings all that depends on a stream's state up to date: whether it is scheduled, what the application is
// told. The stream may be gone afterwards.
void Streams::update(Stream& stream) {
  if (stream.receive) tell_receiving(stream);
  if (stream.send) tell_sending(stream);
  queue_control(stream);
  if (!stream.is_over()) return;
  schedule(stream, false);
  message_bytes_ -= std::exchange(stream.message_bytes, 0);
  if (is_message_wanted_ && message_bytes_ <= context_->config.send_buffer_bytes / 2) {
    is_message_wanted_ = false;
    events_->push_back(StreamsAvailable{Direction::OneWay});
  }
  table_.erase(stream.id);
}

void Streams::schedule(Stream& stream, bool is_active) {
  if (stream.schedule.is_active() == is_active) return;
  if (is_active) {
    scheduler_.activate(stream.schedule);
    urgent_ += is_urgent(stream) ? 1u : 0u;
  } else {
    scheduler_.deactivate(stream.schedule);
    urgent_ -= is_urgent(stream) ? 1u : 0u;
  }
}

void Streams::update_schedule(Stream& stream) {
  if (stream.send->data_interest(context_->flow.credit()) != SendInterest::None) {
    schedule(stream, true);
    return;
  }
  schedule(stream, false);
  if (!stream.send->is_blocked_by_connection()) return;
  context_->flow.on_blocked();
  if (!std::exchange(stream.is_blocked, true)) blocked_.push_back(stream.id);
}

void Streams::tell_sending(Stream& stream) {
  update_schedule(stream);
  if (!stream.is_announced) return;
  if (stream.send->take_writable()) events_->push_back(StreamWritable{stream.id});
  if (stream.send->state() == SendState::DataReceived && !std::exchange(stream.is_finish_told, true)) {
    events_->push_back(StreamFinished{stream.id});
  }
}

void Streams::tell_receiving(Stream& stream) {
  ReceiveStream& receive = *stream.receive;
  if (!stream.is_announced) announce(stream);
  if (auto message = are_messages_held_ ? std::nullopt : receive.take_message()) {
    context_->counters.messages_received.add(1);
    events_->push_back(MessageReceived{std::move(*message), receive.preamble()->priority});
  }
  if (receive.preamble() && receive.preamble()->is_message && is_terminal(receive.state()))
    on_message_over(stream.id);
  if (stream.is_announced && receive.take_readable()) events_->push_back(StreamReadable{stream.id});
}

void Streams::announce(Stream& stream) {
  ReceiveStream& receive = *stream.receive;
  if (!receive.preamble()) {
    if (!receive.is_reset()) return;
    // Given up before it began: of interest only where the application has a side of its own to end.
    if (!stream.send) return receive.on_reset_read();
  } else if (receive.preamble()->is_message) {
    if (receive.is_reset()) receive.on_reset_read();
    if (is_terminal(receive.state()) || std::ranges::find(messages_, stream.id) != messages_.end()) return;
    messages_.push_back(stream.id);
    if (messages_.front() == stream.id) receive.open_message_window();
    return;
  }
  stream.is_announced = true;
  if (receive.preamble()) scheduler_.set_priority(stream.schedule, receive.preamble()->priority);
  events_->push_back(
      StreamOpened{stream.id, direction_of(stream.id), stream.schedule.priority,
                   receive.preamble() ? receive.preamble()->delivery : DeliveryMode::Reliable});
  tell_stopped(stream);
}

void Streams::tell_stopped(Stream& stream) {
  if (!stream.is_announced || !stream.stopped_code || std::exchange(stream.is_stop_told, true)) return;
  events_->push_back(StreamStopped{stream.id, *stream.stopped_code});
}

void Streams::hold_messages(bool is_held) {
  are_messages_held_ = is_held;
  if (is_held) return;
  for (const StreamId id : std::vector<StreamId>(messages_.begin(), messages_.end())) {
    if (Stream* const stream = table_.find(id)) update(*stream);
  }
}

void Streams::on_message_over(StreamId id) {
  const bool was_first = !messages_.empty() && messages_.front() == id;
  std::erase(messages_, id);
  if (!was_first || messages_.empty()) return;
  Stream* const first = table_.find(messages_.front());
  JETWAY_ASSERT(first != nullptr);
  first->receive->open_message_window();
  queue_control(*first);
}

void Streams::queue_control(Stream& stream) {
  const bool is_wanted =
      (stream.send && stream.send->wants_control()) || (stream.receive && stream.receive->wants_control());
  if (is_wanted && !std::exchange(stream.has_control, true)) control_.push_back(stream.id);
}

void Streams::unblock() {
  for (const StreamId id : std::exchange(blocked_, {})) {
    Stream* const stream = table_.find(id);
    if (stream == nullptr) continue;
    stream->is_blocked = false;
    update_schedule(*stream);
  }
}

void Streams::date_writes() {
  for (const StreamId id : undated_) {
    Stream* const stream = table_.find(id);
    if (stream == nullptr) continue;
    stream->is_undated = false;
    stream->send->date_writes();
  }
  undated_.clear();
}

// ---- the peer's frames ----

Checked<void> Streams::handle(const wire::StreamFrame& frame) {
  const auto stream = table_.for_data_of_peer(frame.stream_id);
  if (!stream) return std::unexpected(stream.error());
  if (*stream == nullptr) return {};
  ReceiveStream& receive = *(*stream)->receive;
  if (auto taken = receive.on_data(frame.offset, frame.data, frame.is_final); !taken) return taken;
  const bool is_message = receive.preamble() && receive.preamble()->is_message;
  if (is_message && direction_of(frame.stream_id) == Direction::TwoWay) {
    return fault(ProtocolCode::ProtocolViolation, "message on a two-way stream");
  }
  update(**stream);
  return {};
}

Checked<void> Streams::handle(const wire::ResetStreamFrame& frame) {
  const auto stream = table_.for_data_of_peer(frame.stream_id);
  if (!stream) return std::unexpected(stream.error());
  if (*stream == nullptr) return {};
  if (auto taken = (*stream)->receive->on_reset(frame.error_code, frame.final_size); !taken) return taken;
  const auto& preamble = (*stream)->receive->preamble();
  if (preamble && preamble->is_message) (*stream)->receive->on_reset_read();
  update(**stream);
  return {};
}

Checked<void> Streams::handle(const wire::StreamGapFrame& frame) {
  const auto stream = table_.for_data_of_peer(frame.stream_id);
  if (!stream) return std::unexpected(stream.error());
  if (*stream == nullptr) return {};
  if (auto taken = (*stream)->receive->on_gap(frame.offset); !taken) return taken;
  update(**stream);
  return {};
}

Checked<void> Streams::handle(const wire::StopSendingFrame& frame) {
  const auto found = table_.for_data_to_peer(frame.stream_id);
  if (!found) return std::unexpected(found.error());
  Stream* const stream = *found;
  if (stream == nullptr || stream->send->is_reset() || is_terminal(stream->send->state())) return {};
  stream->send->reset(frame.error_code);
  stream->stopped_code = frame.error_code;
  tell_stopped(*stream);
  update(*stream);
  return {};
}

Checked<void> Streams::handle(const wire::MaxStreamDataFrame& frame) {
  const auto stream = table_.for_data_to_peer(frame.stream_id);
  if (!stream) return std::unexpected(stream.error());
  if (*stream == nullptr) return {};
  (*stream)->send->on_max_stream_data(frame.maximum);
  update(**stream);
  return {};
}

// Our windows follow the application, so that the peer's being blocked asks nothing of us; but it has to be a
// stream that it may send on.
Checked<void> Streams::handle(const wire::StreamDataBlockedFrame& frame) {
  const auto stream = table_.for_data_of_peer(frame.stream_id);
  if (!stream) return std::unexpected(stream.error());
  return {};
}

Checked<void> Streams::handle(const wire::MaxStreamsFrame& frame) {
  if (table_.on_max_streams(frame.direction, frame.maximum))
    events_->push_back(StreamsAvailable{frame.direction});
  return {};
}

Checked<void> Streams::handle(const wire::MaxDataFrame& frame) {
  if (context_->flow.on_max_data(frame.maximum)) unblock();
  return {};
}

// ---- our frames ----

SendInterest Streams::send_interest() const {
  if (has_lost_data_) return SendInterest::LostData;
  const bool has_frames = !control_.empty() || !scheduler_.is_idle();
  return std::max(table_.send_interest(), has_frames ? SendInterest::NewData : SendInterest::None);
}

void Streams::write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t packet_number) {
  table_.write_frames(now, packet, packet_number);
  if (write_control(packet, packet_number)) write_data(packet, packet_number);
  if (!has_lost_data_) return;
  has_lost_data_ = false;
  scheduler_.for_each_active([&](const ScheduleEntry& entry) {
    SendStream& send = *table_.find(entry.stream_id)->send;
    has_lost_data_ |= send.data_interest(context_->flow.credit()) == SendInterest::LostData;
  });
}

// False: the packet is full.
bool Streams::write_control(wire::PacketWriter& packet, std::uint64_t packet_number) {
  while (!control_.empty()) {
    Stream* const stream = table_.find(control_.front());
    if (stream != nullptr) {
      if (stream->send && !stream->send->write_control(packet, packet_number, sent_)) return false;
      if (stream->receive && !stream->receive->write_control(packet, packet_number, sent_)) return false;
      stream->has_control = false;
    }
    control_.pop_front();
  }
  return true;
}

void Streams::write_data(wire::PacketWriter& packet, std::uint64_t packet_number) {
  while (packet.remaining() > 0) {
    ScheduleEntry* const entry = scheduler_.next();
    if (entry == nullptr) return;
    Stream& stream = *table_.find(entry->stream_id);
    const bool had_credit = context_->flow.credit() > 0;
    const bool has_given_up = stream.send->give_up_expired();
    if (!has_given_up) {
      const auto written = stream.send->write_data(packet, packet_number, sent_);
      if (!written.has_written) return;
      scheduler_.charge(*entry, std::max<std::size_t>(written.bytes, 1));
      note_content(stream);
    }
    tell_sending(stream);
    queue_control(stream);
    if (had_credit && context_->flow.credit() == 0) {
      scheduler_.for_each_active(
          [&](const ScheduleEntry& other) { update_schedule(*table_.find(other.stream_id)); });
    }
    if (has_given_up && !write_control(packet, packet_number)) return;
  }
}

void Streams::note_content(const Stream& stream) {
  PacketContent& content = context_->content;
  content.has_system |= stream.schedule.priority == Priority::System;
  if (!is_urgent(stream)) {
    content.has_bulk = true;
  } else if (stream.send->preamble().is_message) {
    content.has_message = true;
  } else {
    content.has_unreliable = true;
  }
}

bool Streams::wants_protection(std::size_t room_bytes) {
  return urgent_ > 0 || (!scheduler_.is_idle() && is_tail(room_bytes));
}

bool Streams::is_tail(std::size_t room_bytes) {
  if (scheduler_.active() > 1) return false;
  std::uint64_t waiting = 0;
  scheduler_.for_each_active(
      [&](const ScheduleEntry& entry) { waiting += table_.find(entry.stream_id)->send->unsent_bytes(); });
  return waiting <= PacketContent::kTailBytes + room_bytes;
}

void Streams::on_packet_acked(std::uint64_t packet_number) {
  table_.on_packet_acked(packet_number);
  sent_.settle(packet_number, [&](const SentFrame& frame) {
    Stream* const stream = table_.find(frame.stream_id);
    if (stream == nullptr) return;
    const bool is_of_receiver =
        frame.kind == SentFrame::Kind::StopSending || frame.kind == SentFrame::Kind::MaxStreamData;
    if (is_of_receiver) {
      stream->receive->on_acked(frame);
    } else {
      ++context_->deliveries;
      stream->send->on_acked(frame);
    }
    update(*stream);
  });
}

void Streams::on_packet_lost(std::uint64_t packet_number) {
  table_.on_packet_lost(packet_number);
  sent_.settle(packet_number, [&](const SentFrame& frame) {
    Stream* const stream = table_.find(frame.stream_id);
    if (stream == nullptr) return;
    const bool is_of_receiver =
        frame.kind == SentFrame::Kind::StopSending || frame.kind == SentFrame::Kind::MaxStreamData;
    if (is_of_receiver) {
      stream->receive->on_lost(frame);
    } else {
      stream->send->on_lost(frame);
      has_lost_data_ |= stream->send->data_interest(context_->flow.credit()) == SendInterest::LostData;
    }
    update(*stream);
  });
}

void Streams::release_memory() {
  table_.release_memory();
  sent_.release_memory();
  control_.release_memory();
  for (std::vector<StreamId>* streams : {&blocked_, &undated_, &messages_}) streams->shrink_to_fit();
}

bool Streams::is_drained() const {
  bool is_drained = true;
  table_.for_each(
      [&](const Stream& stream) { is_drained &= !stream.send || !stream.send->has_undelivered(); });
  return is_drained;
}

std::uint64_t Streams::sendable_bytes() {
  std::uint64_t fresh = 0;
  std::uint64_t lost = 0;
  scheduler_.for_each_active([&](const ScheduleEntry& entry) {
    const SendStream& send = *table_.find(entry.stream_id)->send;
    fresh += send.allowed_bytes();
    lost += send.lost_bytes();
  });
  return lost + std::min(fresh, context_->flow.credit());
}

bool Streams::is_blocked_by_peer() const {
  bool is_blocked = !blocked_.empty();
  table_.for_each(
      [&](const Stream& stream) { is_blocked |= stream.send && stream.send->is_blocked_by_window(); });
  return is_blocked;
}

void Streams::check_invariants() const {
  table_.check_invariants();
  context_->flow.check_invariants();
  std::size_t active = 0;
  std::size_t urgent = 0;
  std::uint64_t message_bytes = 0;
  table_.for_each([&](const Stream& stream) {
    active += stream.schedule.is_active() ? 1u : 0u;
    urgent += stream.schedule.is_active() && is_urgent(stream) ? 1u : 0u;
    message_bytes += stream.message_bytes;
  });
  JETWAY_ASSERT(active == scheduler_.active());
  JETWAY_ASSERT(urgent == urgent_);
  JETWAY_ASSERT(message_bytes == message_bytes_);
  for (const StreamId id : messages_) JETWAY_ASSERT(table_.find(id) != nullptr);
}

}  // namespace jetway::session
