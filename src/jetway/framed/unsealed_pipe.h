#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "jetway/base/bytes.h"
#include "jetway/base/time.h"
#include "jetway/crypto/handshake.h"

namespace jetway::framed {

// A CONNECTION_CLOSE that nobody signed: a hint, no more.
struct UnsealedClose {
  std::uint64_t code = 0;
};

// What goes over the pipe before there are keys (docs/protocol/packet.md): CRYPTO frames with the handshake's
// messages, and CONNECTION_CLOSE when it fails, in unsealed packets.
class UnsealedPipe {
 public:
  explicit UnsealedPipe(crypto::Handshake handshake);

  crypto::Handshake& handshake() { return handshake_; }

  // The payload of one packet. The peer's close where there was one.
  std::expected<std::optional<UnsealedClose>, crypto::HandshakeError> handle_payload(WallTime now,
                                                                                     ByteView payload);
  // Instead of whatever else was still to be sent.
  void close(std::uint64_t code);

  bool wants_to_send() const { return sent_ < output_.size() || close_code_.has_value(); }
  // One packet into `out`, the bytes written; 0: nothing to send.
  std::size_t poll_packet(MutableBytes out);

 private:
  std::expected<void, crypto::HandshakeError> handle_crypto(WallTime now, std::uint64_t offset,
                                                            ByteView data);
  void take_output();

  crypto::Handshake handshake_;
  std::uint64_t received_bytes_ = 0;
  Bytes output_;          // all of the handshake's output so far: a few kilobytes
  std::size_t sent_ = 0;  // of it
  std::optional<std::uint64_t> close_code_;
};

}  // namespace jetway::framed
