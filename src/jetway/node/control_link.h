#pragma once

#include <optional>

#include "jetway/base/bytes.h"
#include "jetway/io/connection.h"
#include "jetway/io/task.h"
#include "jetway/transfer/failure.h"
#include "jetway/transfer/message_stream.h"

namespace jetway::node {

// Codes with which streams of a transfer are reset or stopped (docs/protocol/transfer.md, section 9).
inline constexpr std::uint64_t kStreamAborted = 1;
inline constexpr std::uint64_t kStreamUnknownTransfer = 2;

// The control stream of a transfer, as messages. One coroutine reads and one writes at a time.
class ControlLink {
 public:
  explicit ControlLink(io::Stream stream) : stream_(std::move(stream)) {}

  // False: the connection or the stream is gone.
  io::Task<bool> write(Bytes framed_message);
  // The next message, a view until the next call; nullopt: the peer has said all it had to say. Fails with
  // Protocol or ConnectionLost.
  io::Task<transfer::TransferResult<std::optional<ByteView>>> read();
  void finish() { static_cast<void>(stream_.finish()); }

 private:
  io::Stream stream_;
  transfer::MessageDecoder decoder_;
  Bytes input_ = Bytes(64 * 1024);
};

transfer::TransferFailure connection_lost();

}  // namespace jetway::node
