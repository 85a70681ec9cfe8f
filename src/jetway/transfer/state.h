#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace jetway::transfer {

// The life of a transfer, the same on both sides.
//
//   Created ─Begin→ Preparing ─Activate→ Active ─AllMoved→ Completing ─Confirm→ Completed
//                                         │ ↑
//                                   Pause ↓ │ Resume
//                                        Paused
//
//   Fail leads from every state on the way to Failed, Cancel to Cancelled; nothing leads out of Completed,
//   Failed and Cancelled.
//
// Preparing: offered, not accepted yet (or waiting for another run of the same job). Active: entries and
// chunks move. Completing: all is verified and stored; roots are compared and the receiver makes it durable.
enum class TransferState : std::uint8_t {
  Created,
  Preparing,
  Active,
  Paused,
  Completing,
  Completed,
  Failed,
  Cancelled,
};
enum class TransferEvent : std::uint8_t { Begin, Activate, Pause, Resume, AllMoved, Confirm, Fail, Cancel };

inline constexpr std::size_t kTransferStates = 8;
inline constexpr std::size_t kTransferEvents = 8;

constexpr bool is_final(TransferState state) {
  return state == TransferState::Completed || state == TransferState::Failed ||
         state == TransferState::Cancelled;
}

constexpr std::optional<TransferState> next(TransferState from, TransferEvent event) {
  using enum TransferState;
  if (is_final(from)) return std::nullopt;
  switch (event) {
    case TransferEvent::Begin:
      if (from == Created) return Preparing;
      break;
    case TransferEvent::Activate:
      if (from == Preparing) return Active;
      break;
    case TransferEvent::Pause:
      if (from == Active) return Paused;
      break;
    case TransferEvent::Resume:
      if (from == Paused) return Active;
      break;
    case TransferEvent::AllMoved:
      if (from == Active) return Completing;
      break;
    case TransferEvent::Confirm:
      if (from == Completing) return Completed;
      break;
    case TransferEvent::Fail:
      return Failed;
    case TransferEvent::Cancel:
      return Cancelled;
  }
  return std::nullopt;
}

std::string_view to_string(TransferState state);

}  // namespace jetway::transfer
