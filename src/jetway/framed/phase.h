#pragma once

#include <cstdint>
#include <optional>

namespace jetway::framed {

// The life of a connection. The dialer waits for the listener's ADMITTED, the listener for admit().
//
//   Handshaking ─Authenticated→ AwaitingAdmission ─Admitted→ Open
//        └──────────Close───────────────┴──────────Close───────┴→ Closing ─CloseSent→ Closed
//
//   Lost (pipe at its end, idle, too late) leads from each of them to Closed.
enum class Phase : std::uint8_t { Handshaking, AwaitingAdmission, Open, Closing, Closed };
enum class PhaseEvent : std::uint8_t { Authenticated, Admitted, Close, CloseSent, Lost };

constexpr std::optional<Phase> next(Phase from, PhaseEvent event) {
  using enum Phase;
  const bool is_living = from == Handshaking || from == AwaitingAdmission || from == Open;
  switch (event) {
    case PhaseEvent::Authenticated:
      if (from == Handshaking) return AwaitingAdmission;
      break;
    case PhaseEvent::Admitted:
      if (from == AwaitingAdmission) return Open;
      break;
    case PhaseEvent::Close:
      if (is_living) return Closing;
      break;
    case PhaseEvent::CloseSent:
      if (from == Closing) return Closed;
      break;
    case PhaseEvent::Lost:
      if (is_living || from == Closing) return Closed;
      break;
  }
  return std::nullopt;
}

}  // namespace jetway::framed
