#pragma once

#include <cstddef>
#include <optional>

#include "jetway/base/bytes.h"
#include "jetway/transfer/failure.h"
#include "jetway/transfer/messages.h"

// Messages as they travel on a control stream (docs/protocol/transfer.md, section 3).
namespace jetway::transfer {

// Puts a varint with its length before a message.
Bytes frame_message(ByteView message);

// Takes messages out of the bytes of a control stream, however they were cut. Holds at most one message.
class MessageDecoder {
 public:
  explicit MessageDecoder(std::size_t message_max_bytes = kMessageMaxBytes) : max_bytes_(message_max_bytes) {}

  void feed(ByteView bytes);
  // The next whole message, a view until the next call of either; nullopt: more bytes are needed. Protocol
  // when the peer announces a larger one.
  TransferResult<std::optional<ByteView>> next();

 private:
  std::size_t max_bytes_;
  Bytes buffer_;
  std::size_t consumed_ = 0;
};

}  // namespace jetway::transfer
