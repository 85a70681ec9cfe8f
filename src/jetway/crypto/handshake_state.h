#pragma once

#include <cstdint>
#include <optional>

namespace jetway::crypto {

// The two state machines of the handshake (docs/protocol/handshake.md section 2). An event is a message that
// has been checked, never one that has merely arrived; whatever has no arrow is the peer's fault.
//
//   SentInit ─ResponseVerified→ Done
//      └─RetryAnswered→ SentInitAgain ─ResponseVerified→ Done
//   every state ─Error→ Failed
enum class DialerState : std::uint8_t { SentInit, SentInitAgain, Done, Failed };
enum class DialerEvent : std::uint8_t { RetryAnswered, ResponseVerified, Error };

constexpr std::optional<DialerState> next(DialerState from, DialerEvent event) {
  const bool is_waiting = from == DialerState::SentInit || from == DialerState::SentInitAgain;
  switch (event) {
    case DialerEvent::RetryAnswered:
      if (from == DialerState::SentInit) return DialerState::SentInitAgain;
      break;
    case DialerEvent::ResponseVerified:
      if (is_waiting) return DialerState::Done;
      break;
    case DialerEvent::Error:
      return DialerState::Failed;
  }
  return std::nullopt;
}

//   Start ─InitAccepted→ SentResponse ─ConfirmVerified→ Done
//     └─RetrySent→ SentRetry ─InitAccepted→ SentResponse
//   every state ─Error→ Failed
enum class ListenerState : std::uint8_t { Start, SentRetry, SentResponse, Done, Failed };
enum class ListenerEvent : std::uint8_t { RetrySent, InitAccepted, ConfirmVerified, Error };

constexpr std::optional<ListenerState> next(ListenerState from, ListenerEvent event) {
  switch (event) {
    case ListenerEvent::RetrySent:
      if (from == ListenerState::Start) return ListenerState::SentRetry;
      break;
    case ListenerEvent::InitAccepted:
      if (from == ListenerState::Start || from == ListenerState::SentRetry)
        return ListenerState::SentResponse;
      break;
    case ListenerEvent::ConfirmVerified:
      if (from == ListenerState::SentResponse) return ListenerState::Done;
      break;
    case ListenerEvent::Error:
      return ListenerState::Failed;
  }
  return std::nullopt;
}

}  // namespace jetway::crypto
