#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace jetway::jsp {

//   Handshaking ─Authenticated→ AwaitingAdmission ─Admitted→ Open
//        └───────────┬─────────────────┴───────────────────────┘
//                    ├─Close→ Closing ─CloseSent→ Lingering ─Expired→ Closed
//                    └─Lost──────┴──────────────────────────────────→ Closed
//
// Closing still delivers what was written before an orderly close; Lingering answers what comes with the
// close again (RFC 9000 section 10.2, docs/protocol/jsp.md section 4.7). Lost: nobody is there to be told.
enum class Phase : std::uint8_t { Handshaking, AwaitingAdmission, Open, Closing, Lingering, Closed };
enum class PhaseEvent : std::uint8_t { Authenticated, Admitted, Close, CloseSent, Expired, Lost };

constexpr std::string_view phase_name(Phase phase) {
  constexpr std::array<std::string_view, 6> kNames = {"handshaking", "awaiting admission", "open",
                                                      "closing",     "lingering",          "closed"};
  return kNames[static_cast<std::size_t>(phase)];
}

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
      if (from == Closing) return Lingering;
      break;
    case PhaseEvent::Expired:
      if (from == Lingering) return Closed;
      break;
    case PhaseEvent::Lost:
      if (from != Closed) return Closed;
      break;
  }
  return std::nullopt;
}

}  // namespace jetway::jsp
