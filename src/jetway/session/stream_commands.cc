// The application's side of `Streams`.

#include <algorithm>
#include <utility>

#include "jetway/base/assert.h"
#include "jetway/session/streams.h"

namespace jetway::session {

namespace {

std::unexpected<StreamError> error(StreamErrc code, std::string_view reason, std::uint64_t peer_code = 0) {
  return std::unexpected(StreamError{code, reason, peer_code});
}

}  // namespace

Streams::Found Streams::find(StreamId id) const {
  Stream* const stream = table_.find(id);
  if (stream == nullptr || !stream->is_announced) return error(StreamErrc::NoSuchStream, "no such stream");
  return stream;
}

Streams::Found Streams::find_for_writing(StreamId id) const {
  const Found found = find(id);
  if (!found) return found;
  const Stream& stream = **found;
  if (!stream.send) return error(StreamErrc::WrongDirection, "only the peer sends on this stream");
  if (stream.stopped_code)
    return error(StreamErrc::Stopped, "the peer wants no more of this stream", *stream.stopped_code);
  if (stream.send->is_finished() || stream.send->is_reset()) {
    return error(StreamErrc::Finished, "the stream has been finished");
  }
  return found;
}

Streams::Found Streams::find_for_reading(StreamId id) {
  const Found found = find(id);
  if (!found) return found;
  Stream& stream = **found;
  if (!stream.receive) return error(StreamErrc::WrongDirection, "only we send on this stream");
  if (stream.receive->is_stopped()) return error(StreamErrc::Finished, "reading was given up");
  if (stream.receive->is_reset()) {
    const std::uint64_t code = stream.receive->reset_code();
    stream.receive->on_reset_read();
    update(stream);
    return error(StreamErrc::Reset, "the peer gave up the stream", code);
  }
  return found;
}

template <class Result>
std::expected<Result, StreamError> Streams::fail_reading(const Fault& what) {
  fault_ = what;
  return error(StreamErrc::ConnectionClosed, what.reason);
}

std::expected<StreamId, StreamError> Streams::open(Direction direction, const StreamOptions& options) {
  const bool is_agreed =
      std::ranges::find(context_->peer.compression, options.compression) != context_->peer.compression.end();
  Stream* const stream =
      table_.open(direction, {.compression = is_agreed ? options.compression : Compression::None,
                              .is_message = false,
                              .priority = options.priority,
                              .delivery = options.delivery.mode});
  if (stream == nullptr) return error(StreamErrc::TooManyStreams, "the peer allows no more streams now");
  stream->send->set_delivery(options.delivery);
  return stream->id;
}

std::expected<std::size_t, StreamError> Streams::write(StreamId id, ByteView data) {
  const Found stream = find_for_writing(id);
  if (!stream) return std::unexpected(stream.error());
  const std::size_t count = (*stream)->send->write(data);
  after_write(**stream);
  return count;
}

std::expected<bool, StreamError> Streams::write(StreamId id, Buffer& data) {
  const Found stream = find_for_writing(id);
  if (!stream) return std::unexpected(stream.error());
  const bool is_taken = (*stream)->send->write(data);
  after_write(**stream);
  return is_taken;
}

void Streams::after_write(Stream& stream) {
  update_schedule(stream);
  queue_control(stream);
  note_undated(stream);
}

void Streams::note_undated(Stream& stream) {
  if (stream.send->is_undated() && !std::exchange(stream.is_undated, true)) undated_.push_back(stream.id);
}

std::expected<void, StreamError> Streams::finish(StreamId id) {
  const Found stream = find_for_writing(id);
  if (!stream) return std::unexpected(stream.error());
  (*stream)->send->finish();
  update(**stream);
  return {};
}

std::expected<void, StreamError> Streams::reset(StreamId id, std::uint64_t code) {
  const Found stream = find(id);
  if (!stream) return std::unexpected(stream.error());
  if (!(*stream)->send) return error(StreamErrc::WrongDirection, "only the peer sends on this stream");
  (*stream)->send->reset(code);
  update(**stream);
  return {};
}

std::expected<ReadResult, StreamError> Streams::read(StreamId id, MutableBytes out) {
  const Found stream = find_for_reading(id);
  if (!stream) return std::unexpected(stream.error());
  const auto progress = (*stream)->receive->read(out);
  if (!progress) return fail_reading<ReadResult>(progress.error());
  update(**stream);
  return *progress;
}

std::expected<void, StreamError> Streams::post_read(StreamId id, MutableBytes out) {
  const Found stream = find_for_reading(id);
  if (!stream) return std::unexpected(stream.error());
  if (auto posted = (*stream)->receive->post(out); !posted) return fail_reading<void>(posted.error());
  update(**stream);
  return {};
}

std::expected<ReadResult, StreamError> Streams::take_posted_read(StreamId id) {
  const Found found = find(id);
  if (!found) return std::unexpected(found.error());
  Stream& stream = **found;
  if (stream.receive && stream.receive->is_posted()) {
    const ReadResult result = stream.receive->take_posted();
    // What had arrived before a reset is the application's; the next call tells it of the reset.
    if (result.bytes > 0 || !stream.receive->is_reset()) {
      update(stream);
      return result;
    }
  }
  const Found readable = find_for_reading(id);
  if (!readable) return std::unexpected(readable.error());
  return ReadResult{};
}

bool Streams::is_at_gap(StreamId id) const {
  const Found stream = find(id);
  return stream && (*stream)->receive && (*stream)->receive->is_at_gap();
}

std::expected<void, StreamError> Streams::stop(StreamId id, std::uint64_t code) {
  const Found stream = find(id);
  if (!stream) return std::unexpected(stream.error());
  if (!(*stream)->receive) return error(StreamErrc::WrongDirection, "only we send on this stream");
  (*stream)->receive->stop(code);
  update(**stream);
  return {};
}

std::expected<void, StreamError> Streams::set_priority(StreamId id, Priority priority) {
  const Found stream = find(id);
  if (!stream) return std::unexpected(stream.error());
  scheduler_.set_priority((*stream)->schedule, priority);
  return {};
}

std::expected<void, StreamError> Streams::set_compression(StreamId id, Compression compression) {
  const Found stream = find_for_writing(id);
  if (!stream) return std::unexpected(stream.error());
  const auto& understood = context_->peer.compression;
  const bool is_agreed = std::ranges::find(understood, compression) != understood.end();
  if (!(*stream)->send->set_compression(is_agreed ? compression : Compression::None)) {
    return error(StreamErrc::Finished, "compression is chosen before the first write");
  }
  return {};
}

std::expected<void, StreamError> Streams::set_delivery(StreamId id, const DeliveryOptions& delivery) {
  const Found stream = find_for_writing(id);
  if (!stream) return std::unexpected(stream.error());
  if (!(*stream)->send->set_delivery(delivery)) {
    return error(StreamErrc::Finished, "delivery is chosen before the first write");
  }
  return {};
}

std::expected<void, StreamError> Streams::send_message(ByteView message, const StreamOptions& options) {
  if (message.size() > context_->peer.message_max_bytes || message.size() > kUnitMaxBytes) {
    return error(StreamErrc::MessageTooLarge, "message is larger than the peer takes");
  }
  if (message_bytes_ > 0 && message_bytes_ + message.size() > context_->config.send_buffer_bytes) {
    is_message_wanted_ = true;
    return error(StreamErrc::TooManyStreams, "too many messages wait to be sent");
  }
  const auto& understood = context_->peer.compression;
  const bool may_compress = std::ranges::find(understood, options.compression) != understood.end() &&
                            message.size() >= context_->config.compression_threshold_bytes &&
                            !looks_incompressible(message);
  const auto smaller = may_compress
                           ? context_->codec.compress(options.compression, message, context_->effort())
                           : std::nullopt;
  Stream* const stream =
      table_.open(Direction::OneWay, {.compression = smaller ? options.compression : Compression::None,
                                      .is_message = true,
                                      .priority = options.priority,
                                      .delivery = options.delivery.mode});
  if (stream == nullptr) return error(StreamErrc::TooManyStreams, "the peer allows no more streams now");
  stream->send->set_delivery(options.delivery);
  if (smaller) {
    context_->counters.compression_raw_bytes.add(message.size());
    context_->counters.compression_stored_bytes.add(smaller->size());
    stream->send->write_message(encode_unit_header(message.size(), smaller->size()).view(), *smaller);
  } else {
    stream->send->write_message({}, message);
  }
  note_undated(*stream);
  context_->counters.messages_sent.add(1);
  stream->message_bytes = message.size();
  message_bytes_ += message.size();
  update(*stream);
  return {};
}

}  // namespace jetway::session
