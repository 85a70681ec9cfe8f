#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "jetway/crypto/handshake.h"
#include "jetway/session/types.h"

// How a failed handshake is told in CONNECTION_CLOSE (docs/protocol/frames.md): ProtocolCode::Handshake plus
// the HandshakeErrc.
namespace jetway::session {

inline std::uint64_t code_of(const crypto::HandshakeError& error) {
  return std::to_underlying(ProtocolCode::Handshake) + std::to_underlying(error.code);
}

// What a peer's close says about the handshake, if anything.
inline std::optional<crypto::HandshakeError> handshake_error_of(std::uint64_t code) {
  const std::uint64_t first = std::to_underlying(ProtocolCode::Handshake);
  if (code < first || code > first + std::to_underlying(crypto::HandshakeErrc::Internal)) return std::nullopt;
  return crypto::HandshakeError{static_cast<crypto::HandshakeErrc>(code - first),
                                "the peer broke off the handshake", std::nullopt};
}

}  // namespace jetway::session
