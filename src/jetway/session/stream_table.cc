#include "jetway/session/stream_table.h"

#include <algorithm>
#include <utility>

#include "jetway/base/assert.h"

namespace jetway::session {

namespace {
constexpr std::array kDirections{Direction::TwoWay, Direction::OneWay};
}

StreamTable::StreamTable(Role role, StreamContext& context) : role_(role), context_(&context) {
  limits_of(Direction::TwoWay).peer_concurrent = context.config.streams_two_way_max;
  limits_of(Direction::OneWay).peer_concurrent = context.config.streams_one_way_max;
  for (Limits& limits : limits_) limits.peer_maximum = limits.peer_concurrent;
}

std::array<bool, 2> StreamTable::on_established() {
  std::array<bool, 2> is_wanted{};
  for (const Direction direction : kDirections) {
    Limits& limits = limits_of(direction);
    limits.maximum = direction == Direction::TwoWay ? context_->peer.streams_two_way_max
                                                    : context_->peer.streams_one_way_max;
    limits.blocked.cancel();
    is_wanted[static_cast<std::size_t>(direction)] = std::exchange(limits.is_wanted, false);
  }
  return is_wanted;
}

bool StreamTable::is_beyond(const PeerParameters& peer) const {
  return limits_[static_cast<std::size_t>(Direction::TwoWay)].opened > peer.streams_two_way_max ||
         limits_[static_cast<std::size_t>(Direction::OneWay)].opened > peer.streams_one_way_max;
}

Stream& StreamTable::insert(StreamId id) {
  auto stream = std::make_unique<Stream>();
  stream->id = id;
  stream->schedule.stream_id = id;
  return *(streams_[id] = std::move(stream));
}

Stream* StreamTable::open(Direction direction, const StreamPreamble& preamble) {
  Limits& limits = limits_of(direction);
  if (limits.opened == limits.maximum) {
    if (!limits.is_wanted) limits.blocked.request();
    limits.is_wanted = true;
    return nullptr;
  }
  const StreamId id = make_stream_id(role_, direction, limits.opened++);
  Stream& stream = insert(id);
  stream.is_announced = !preamble.is_message;
  stream.schedule.priority = preamble.priority;
  stream.send.emplace(id, preamble, context_->peer.stream_window_bytes, *context_);
  if (direction == Direction::TwoWay) stream.receive.emplace(id, *context_);
  return &stream;
}

Stream* StreamTable::find(StreamId id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

void StreamTable::erase(StreamId id) {
  streams_.erase(id);
  if (opener_of(id) == role_) return;
  Limits& limits = limits_of(direction_of(id));
  ++limits.peer_over;
  // Told when half of them are over, so that many short streams do not cost a frame each.
  const std::uint64_t maximum = std::min(limits.peer_over + limits.peer_concurrent, wire::kMaxStreamsLimit);
  if ((maximum - limits.peer_maximum) * 2 < limits.peer_concurrent) return;
  limits.peer_maximum = maximum;
  limits.max_streams.request();
}

Checked<Stream*> StreamTable::for_frame(StreamId id) {
  Limits& limits = limits_of(direction_of(id));
  if (opener_of(id) == role_) {
    if (index_of(id) >= limits.opened)
      return fault(ProtocolCode::StreamState, "frame of a stream that was never opened");
    return find(id);
  }
  if (index_of(id) >= limits.peer_maximum)
    return fault(ProtocolCode::StreamLimit, "more streams than allowed");
  while (limits.peer_opened <= index_of(id)) {
    const StreamId opened = make_stream_id(opener_of(id), direction_of(id), limits.peer_opened++);
    Stream& stream = insert(opened);
    stream.receive.emplace(opened, *context_);
    if (direction_of(id) == Direction::TwoWay) {
      stream.send.emplace(opened, StreamPreamble{}, context_->peer.stream_window_bytes, *context_);
    }
  }
  return find(id);
}

Checked<Stream*> StreamTable::for_data_of_peer(StreamId id) {
  if (direction_of(id) == Direction::OneWay && opener_of(id) == role_) {
    return fault(ProtocolCode::StreamState, "data on a stream that only we send on");
  }
  return for_frame(id);
}

Checked<Stream*> StreamTable::for_data_to_peer(StreamId id) {
  if (direction_of(id) == Direction::OneWay && opener_of(id) != role_) {
    return fault(ProtocolCode::StreamState, "a stream that only the peer sends on");
  }
  return for_frame(id);
}

bool StreamTable::on_max_streams(Direction direction, std::uint64_t maximum) {
  Limits& limits = limits_of(direction);
  if (maximum <= limits.maximum) return false;
  limits.maximum = maximum;
  limits.blocked.cancel();
  return std::exchange(limits.is_wanted, false);
}

SendInterest StreamTable::send_interest() const {
  SendInterest interest = SendInterest::None;
  for (const Limits& limits : limits_) {
    interest = std::max({interest, limits.max_streams.send_interest(), limits.blocked.send_interest()});
  }
  return interest;
}

void StreamTable::write_frames(TimePoint, wire::PacketWriter& packet, std::uint64_t packet_number) {
  for (const Direction direction : kDirections) {
    Limits& limits = limits_of(direction);
    write_if_wanted(limits.max_streams, wire::MaxStreamsFrame{direction, limits.peer_maximum}, packet,
                    packet_number);
    write_if_wanted(limits.blocked, wire::StreamsBlockedFrame{direction, limits.maximum}, packet,
                    packet_number);
  }
}

void StreamTable::on_packet_acked(std::uint64_t packet_number) {
  for (Limits& limits : limits_) {
    limits.max_streams.on_packet_acked(packet_number);
    limits.blocked.on_packet_acked(packet_number);
  }
}

void StreamTable::on_packet_lost(std::uint64_t packet_number) {
  for (Limits& limits : limits_) {
    limits.max_streams.on_packet_lost(packet_number);
    limits.blocked.on_packet_lost(packet_number);
  }
}

void StreamTable::check_invariants() const {
  std::array<std::uint64_t, 2> of_peer{};
  for (const auto& [id, stream] : streams_) {
    JETWAY_ASSERT(stream->id == id && !stream->is_over());
    if (stream->send) stream->send->check_invariants();
    if (stream->receive) stream->receive->check_invariants();
    if (opener_of(id) != role_) ++of_peer[static_cast<std::size_t>(direction_of(id))];
  }
  for (const Direction direction : kDirections) {
    const Limits& limits = limits_[static_cast<std::size_t>(direction)];
    JETWAY_ASSERT(limits.opened <= limits.maximum);
    JETWAY_ASSERT(limits.peer_opened <= limits.peer_maximum);
    const std::uint64_t open = of_peer[static_cast<std::size_t>(direction)];
    JETWAY_ASSERT(open == limits.peer_opened - limits.peer_over && open <= limits.peer_concurrent);
  }
}

}  // namespace jetway::session
