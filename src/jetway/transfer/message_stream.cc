#include "jetway/transfer/message_stream.h"

#include <format>

#include "jetway/base/assert.h"
#include "jetway/wire/reader.h"
#include "jetway/wire/varint.h"
#include "jetway/wire/writer.h"

namespace jetway::transfer {

Bytes frame_message(ByteView message) {
  JETWAY_ASSERT(message.size() <= kMessageMaxBytes);
  Bytes framed(wire::varint_size(message.size()) + message.size());
  wire::Writer out(framed);
  out.sized_bytes(message);
  return framed;
}

void MessageDecoder::feed(ByteView bytes) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_));
  consumed_ = 0;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

TransferResult<std::optional<ByteView>> MessageDecoder::next() {
  const ByteView waiting = ByteView{buffer_}.subspan(consumed_);
  wire::Reader in(waiting);
  const std::uint64_t length = in.varint();
  if (!in.ok()) return std::nullopt;
  if (length > max_bytes_) {
    return failed(FailureCode::Protocol,
                  std::format("control message of {} bytes; at most {} are taken", length, max_bytes_));
  }
  if (in.remaining() < length) return std::nullopt;
  const ByteView message = in.bytes(static_cast<std::size_t>(length));
  consumed_ += waiting.size() - in.remaining();
  return message;
}

}  // namespace jetway::transfer
