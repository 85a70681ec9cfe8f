#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace jetway::transfer {

// Why a transfer ended without success; the numbers are those of the wire (docs/protocol/transfer.md,
// section 9). A code that we do not know is shown as Failed.
enum class FailureCode : std::uint8_t {
  Failed = 1,           // anything without a code of its own
  Refused = 2,          // a person or a rule of the receiver said no
  LimitExceeded = 3,    // more bytes, files or depth than the receiver takes
  BadName = 4,          // a name, link or type that the receiver does not write
  SourceChanged = 5,    // a file was modified, shortened or removed while it was read
  Integrity = 6,        // a chunk or the root does not match what was announced
  Io = 7,               // disk full, permission, missing folder, on the side that reports it
  Cancelled = 8,        // by a person, on the side that reports it; what was verified is kept
  Protocol = 9,         // the other side broke the transfer protocol
  ConnectionLost = 10,  // never on the wire; run again to continue
  Busy = 11,            // more transfers at a time than the receiver serves
};

struct TransferFailure {
  FailureCode code = FailureCode::Failed;
  std::string reason;    // one line for people: what, where, what to do; foreign parts are escaped
  bool by_peer = false;  // the other side reported it

  bool operator==(const TransferFailure& other) const {
    return code == other.code && by_peer == other.by_peer;
  }
};

template <class T = void>
using TransferResult = std::expected<T, TransferFailure>;

inline std::unexpected<TransferFailure> failed(FailureCode code, std::string reason) {
  return std::unexpected(TransferFailure{code, std::move(reason)});
}

// "source_changed": for logs and JSON.
std::string_view to_string(FailureCode code);

// Whether the same send, run again, continues where this one stopped.
constexpr bool is_resumable(FailureCode code) {
  return code == FailureCode::ConnectionLost || code == FailureCode::Cancelled || code == FailureCode::Io ||
         code == FailureCode::SourceChanged || code == FailureCode::Busy;
}

}  // namespace jetway::transfer
