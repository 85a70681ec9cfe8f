#include "tests/jsp_sim/workload.h"

#include <algorithm>
#include <format>
#include <utility>

#include "tests/jsp_sim/pattern.h"

namespace jetway::sim {

using session::Direction;
using session::Role;
using session::StreamErrc;

namespace {

// Messages and datagrams begin with their key.
constexpr std::size_t kKeyBytes = sizeof(std::uint64_t);
constexpr std::uint64_t kResetCode = 77;
constexpr std::uint64_t kStopCode = 78;

std::uint64_t key_of(ByteView bytes) {
  std::uint64_t key = 0;
  if (bytes.size() < kKeyBytes) throw WorkloadError("a message or datagram without its key");
  std::memcpy(&key, bytes.data(), kKeyBytes);
  return key;
}

Bytes make_content(std::uint64_t key, std::size_t bytes) {
  Bytes content(std::max(bytes, kKeyBytes));
  fill_pattern(key, 0, content);
  std::memcpy(content.data(), &key, kKeyBytes);
  return content;
}

bool has_content(std::uint64_t key, ByteView bytes) {
  const ByteView rest = bytes.subspan(kKeyBytes);
  return match_pattern(key, kKeyBytes, rest) == rest.size();
}

bool is_reliable(const session::StreamOptions& options) {
  return options.delivery.mode == session::DeliveryMode::Reliable;
}

}  // namespace

// ---- the ledger ----

std::uint64_t Ledger::add_message(Role writer, std::size_t bytes, bool is_reliable_message) {
  messages_[index(writer)][next_key_] = {.bytes = std::max(bytes, kKeyBytes),
                                         .is_reliable = is_reliable_message};
  return next_key_++;
}

void Ledger::on_message(Role writer, ByteView message) {
  const std::uint64_t key = key_of(message);
  const auto found = messages_[index(writer)].find(key);
  if (found == messages_[index(writer)].end()) throw WorkloadError("a message that was never sent");
  if (found->second.is_received) throw WorkloadError(std::format("message {} came twice", key));
  if (message.size() != found->second.bytes || !has_content(key, message)) {
    throw WorkloadError(std::format("message {} has changed on its way", key));
  }
  found->second.is_received = true;
}

std::uint64_t Ledger::add_datagram(Role writer) {
  datagrams_[index(writer)][next_key_] = false;
  return next_key_++;
}

void Ledger::on_datagram(Role writer, ByteView datagram) {
  const std::uint64_t key = key_of(datagram);
  const auto found = datagrams_[index(writer)].find(key);
  if (found == datagrams_[index(writer)].end()) throw WorkloadError("a datagram that was never sent");
  if (std::exchange(found->second, true)) throw WorkloadError(std::format("datagram {} came twice", key));
  if (!has_content(key, datagram))
    throw WorkloadError(std::format("datagram {} has changed on its way", key));
  ++datagrams_received[index(writer)];
}

void Ledger::on_read(Role writer, session::StreamId id, const session::ReadResult& result, ByteView bytes) {
  if (!has_flow(writer, id)) throw WorkloadError(std::format("stream {} was never written to", id));
  Flow& read_flow = flow(writer, id);
  if (result.skipped_bytes > 0 && read_flow.is_reliable) {
    throw WorkloadError(std::format("reliable stream {} has a gap at {}", id, read_flow.read));
  }
  read_flow.read += result.skipped_bytes;
  const std::size_t matching = match_pattern(read_flow.key, read_flow.read, bytes);
  if (matching != bytes.size()) {
    throw WorkloadError(std::format("stream {} has something else at {}", id, read_flow.read + matching));
  }
  read_flow.read += bytes.size();
  if (read_flow.read > read_flow.written) {
    throw WorkloadError(std::format("stream {} has more than was written", id));
  }
  if (!result.is_end) return;
  if (!read_flow.is_finished || read_flow.read != read_flow.planned) {
    throw WorkloadError(std::format("stream {} ends at {} of {}", id, read_flow.read, read_flow.planned));
  }
  read_flow.is_at_end = true;
}

std::string Ledger::missing() const {
  std::string text;
  for (std::size_t side = 0; side < 2; ++side) {
    const char* const name = side == 0 ? "dialer" : "listener";
    if (streams_left[side] + messages_left[side] + datagrams_left[side] > 0) {
      text += std::format("the {} has still to begin {} streams, {} messages, {} datagrams\n", name,
                          streams_left[side], messages_left[side], datagrams_left[side]);
    }
    for (const auto& [id, flow] : flows_[side]) {
      if (flow.is_over()) continue;
      text += std::format("{} stream {} of the {}: {} of {} bytes written{}{}, {} read\n",
                          flow.is_reliable ? "reliable" : "unreliable", id, name, flow.written, flow.planned,
                          flow.is_finished ? ", finished" : "", flow.is_reset ? ", reset" : "", flow.read);
    }
    for (const auto& [key, message] : messages_[side]) {
      if (message.is_reliable && !message.is_received) {
        text += std::format("message {} of the {} ({} bytes)\n", key, name, message.bytes);
      }
    }
  }
  return text;
}

// ---- a side ----

Worker::Worker(Role role, SidePlan plan, Ledger& ledger, std::uint64_t seed)
    : role_(role), plan_(std::move(plan)), ledger_(ledger), random_(seed), buffer_(plan_.read_bytes) {
  ledger_.streams_left[side()] = plan_.streams.size();
  ledger_.messages_left[side()] = plan_.messages.size();
  ledger_.datagrams_left[side()] = plan_.datagrams.size();
}

Role Worker::peer() const { return role_ == Role::Dialer ? Role::Listener : Role::Dialer; }

void Worker::handle_event(const Now&, JspConnection&, const session::EngineEvent&) {}

void Worker::handle_event(const Now&, JspConnection&, const session::Event& event) {
  const auto find_sending = [&](session::StreamId id) {
    return std::ranges::find(sending_, id, [](const Sending& sending) { return sending.id; });
  };
  if (const auto* const opened = std::get_if<session::StreamOpened>(&event)) {
    if (!ledger_.has_flow(peer(), opened->id)) throw WorkloadError("the peer did not open this stream");
    Ledger::Flow& flow = ledger_.flow(peer(), opened->id);
    flow.is_opened = true;
    reading_.push_back({.id = opened->id, .stop_at = flow.stop_at});
    const bool answers = opened->direction == Direction::TwoWay;
    if (!answers) return;
    // What the opener of a two-way stream wants to be told stands in our flow of it already.
    StreamPlan plan;
    plan.bytes = ledger_.flow(role_, opened->id).planned;
    sending_.push_back({.id = opened->id, .plan = plan});
  } else if (const auto* const readable = std::get_if<session::StreamReadable>(&event)) {
    for (Reading& reading : reading_) reading.is_readable |= reading.id == readable->id;
  } else if (const auto* const writable = std::get_if<session::StreamWritable>(&event)) {
    if (const auto found = find_sending(writable->id); found != sending_.end()) found->is_full = false;
  } else if (const auto* const stopped = std::get_if<session::StreamStopped>(&event)) {
    ledger_.flow(role_, stopped->id).is_reset = true;
    if (const auto found = find_sending(stopped->id); found != sending_.end()) found->is_done = true;
  } else if (std::holds_alternative<session::StreamsAvailable>(event)) {
    is_waiting_for_streams_ = false;
  } else if (const auto* const message = std::get_if<session::MessageReceived>(&event)) {
    ledger_.on_message(peer(), message->message.view());
  } else if (const auto* const datagram = std::get_if<session::DatagramReceived>(&event)) {
    ledger_.on_datagram(peer(), datagram->datagram.view());
  }
}

void Worker::start(const Now& now) {
  started_at_ = now.engine;
  buffer_.resize(std::max<std::size_t>(plan_.read_bytes, 1));
}

void Worker::plan_at(TimePoint at) {
  if (!next_action_ || at < *next_action_) next_action_ = at;
}

bool Worker::act(const Now& now, JspConnection& connection) {
  session::Session& session = connection.session();
  next_action_.reset();
  if (session.is_closed() || (!session.is_admitted() && !plan_.is_early)) return false;
  if (!started_at_) start(now);
  bool has_acted = open_streams(now, session);
  for (std::size_t i = 0; i < sending_.size(); ++i) has_acted |= write(now, session, sending_[i]);
  for (std::size_t i = 0; i < reading_.size(); ++i) has_acted |= read(session, reading_[i]);
  std::erase_if(sending_, [](const Sending& sending) { return sending.is_done; });
  std::erase_if(reading_, [&](const Reading& reading) { return ledger_.flow(peer(), reading.id).is_at_end; });
  has_acted |= send_messages(now, session);
  has_acted |= send_datagrams(now, session);
  return has_acted;
}

bool Worker::open_streams(const Now& now, session::Session& session) {
  bool has_acted = false;
  while (next_stream_ < plan_.streams.size() && !is_waiting_for_streams_) {
    const StreamPlan& plan = plan_.streams[next_stream_];
    const TimePoint at = *started_at_ + plan.start;
    if (at > now.engine) {
      plan_at(at);
      break;
    }
    const auto id = session.open_stream(plan.direction, plan.options);
    if (!id) {
      if (id.error().code == StreamErrc::NotAdmitted && plan_.is_early) break;
      if (id.error().code != StreamErrc::TooManyStreams) throw WorkloadError(std::string(id.error().reason));
      is_waiting_for_streams_ = true;
      break;
    }
    ++next_stream_;
    --ledger_.streams_left[side()];
    has_acted = true;
    Ledger::Flow& flow = ledger_.flow(role_, *id);
    flow.key = random_();
    flow.planned = plan.bytes;
    flow.is_reliable = is_reliable(plan.options);
    flow.stop_at = plan.peer_stops_at;
    flow.is_two_way = plan.direction == Direction::TwoWay;
    sending_.push_back({.id = *id, .plan = plan});
    if (plan.direction != Direction::TwoWay) continue;
    Ledger::Flow& answer = ledger_.flow(peer(), *id);
    answer.key = random_();
    answer.planned = plan.answer_bytes;
    answer.is_two_way = true;
    reading_.push_back({.id = *id, .stop_at = std::nullopt});
  }
  return has_acted;
}

bool Worker::write(const Now& now, session::Session& session, Sending& sending) {
  if (sending.is_done || sending.is_full) return false;
  Ledger::Flow& flow = ledger_.flow(role_, sending.id);
  bool has_acted = false;
  while (!sending.is_done && !sending.is_full && flow.written < flow.planned) {
    if (sending.next_write > now.engine) {
      plan_at(sending.next_write);
      return has_acted;
    }
    has_acted |= write_piece(now, session, sending, flow);
  }
  if (sending.is_done || flow.written < flow.planned) return has_acted;
  sending.is_done = true;
  if (sending.plan.end == StreamPlan::End::Reset) {
    flow.is_reset = true;
    if (!session.reset(sending.id, kResetCode)) throw WorkloadError("a stream cannot be reset");
  } else {
    flow.is_finished = true;
    if (const auto finished = session.finish(sending.id); !finished) {
      if (finished.error().code != StreamErrc::Stopped) throw WorkloadError("a stream cannot be finished");
      flow.is_reset = true;
    }
  }
  return true;
}

bool Worker::write_piece(const Now& now, session::Session& session, Sending& sending, Ledger::Flow& flow) {
  Bytes piece(std::min<std::uint64_t>(sending.plan.piece_bytes, flow.planned - flow.written));
  fill_pattern(flow.key, flow.written, piece);
  const auto taken = session.write(sending.id, ByteView{piece});
  if (!taken) {
    if (taken.error().code != StreamErrc::Stopped) throw WorkloadError(std::string(taken.error().reason));
    flow.is_reset = true;
    sending.is_done = true;
    return false;
  }
  flow.written += *taken;
  sending.is_full = *taken < piece.size();
  if (sending.plan.pause > Duration{0}) sending.next_write = now.engine + sending.plan.pause;
  return *taken > 0;
}

bool Worker::read(session::Session& session, Reading& reading) {
  Ledger::Flow& flow = ledger_.flow(peer(), reading.id);
  bool has_acted = false;
  while (reading.is_readable && !flow.is_at_end) {
    if (reading.stop_at && flow.read >= *reading.stop_at) {
      flow.is_at_end = true;
      return session.stop(reading.id, kStopCode).has_value() || has_acted;
    }
    const auto result = session.read(reading.id, buffer_);
    if (!result) {
      if (result.error().code != StreamErrc::Reset) throw WorkloadError(std::string(result.error().reason));
      if (!flow.is_reset) throw WorkloadError(std::format("nobody has reset stream {}", reading.id));
      flow.is_at_end = true;
      return true;
    }
    if (result->is_nothing()) {
      reading.is_readable = false;
      return has_acted;
    }
    ledger_.on_read(peer(), reading.id, *result, ByteView{buffer_}.first(result->bytes));
    has_acted = true;
  }
  return has_acted;
}

bool Worker::send_messages(const Now& now, session::Session& session) {
  bool has_acted = false;
  while (next_message_ < plan_.messages.size() && !is_waiting_for_streams_) {
    const MessagePlan& plan = plan_.messages[next_message_];
    const TimePoint at = *started_at_ + plan.start;
    if (at > now.engine) {
      plan_at(at);
      break;
    }
    const std::uint64_t key = ledger_.add_message(role_, plan.bytes, is_reliable(plan.options));
    const auto sent = session.send_message(make_content(key, plan.bytes), plan.options);
    if (!sent) {
      ledger_.withdraw_message(role_, key);
      if (sent.error().code == StreamErrc::NotAdmitted && plan_.is_early) break;
      if (sent.error().code != StreamErrc::TooManyStreams)
        throw WorkloadError(std::string(sent.error().reason));
      is_waiting_for_streams_ = true;
      break;
    }
    ++next_message_;
    --ledger_.messages_left[side()];
    has_acted = true;
  }
  return has_acted;
}

bool Worker::send_datagrams(const Now& now, session::Session& session) {
  if (!session.is_admitted()) return false;
  bool has_acted = false;
  while (next_datagram_ < plan_.datagrams.size()) {
    const DatagramPlan& plan = plan_.datagrams[next_datagram_];
    const TimePoint at = *started_at_ + plan.start;
    if (at > now.engine) {
      plan_at(at);
      break;
    }
    ++next_datagram_;
    --ledger_.datagrams_left[side()];
    has_acted = true;
    const auto sent = session.send_datagram(make_content(ledger_.add_datagram(role_), plan.bytes));
    if (!sent && sent.error().code != StreamErrc::MessageTooLarge) {
      throw WorkloadError(std::string(sent.error().reason));
    }
  }
  return has_acted;
}

}  // namespace jetway::sim
