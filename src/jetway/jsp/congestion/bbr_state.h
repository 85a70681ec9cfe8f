#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace jetway::jsp {

// The states of BBR (draft-ietf-ccwg-bbr section 5.1.1), each an experiment that shows one property of the
// path.
//
//     Startup ── pipe filled ──> Drain ── drained ──> Down ── headroom left ──> Cruise
//        ^                                             ^ └──── probe due ───┐      │ probe due
//        │ was spurious                     probe over │                    v      v
//        └── (any)                                     Up <── round over ── Refill
//
//     any ── round trip time not seen for long ──> ProbeRtt ── seen ──> Cruise (Startup before the pipe was
//     filled)
enum class BbrState : std::uint8_t {
  Startup,   // doubles the rate each round, to find how much there is
  Drain,     // takes the queue away that this has made
  Down,      // less than the path delivers: queues and other flows get room
  Cruise,    // as much as the path delivers
  Refill,    // the same for one round without the bounds learned from congestion, so that the pipe is full
  Up,        // more than the path delivered so far: is there more?
  ProbeRtt,  // half of what fills the pipe: how long is it when empty?
};

enum class BbrEvent : std::uint8_t {
  PipeFilled,       // delivery stopped growing, or loss says so
  Drained,          // no more in flight than fills the pipe
  HeadroomLeft,     // the same, with room for others
  ProbeDue,         // time to look for more bandwidth
  RoundOver,        // one round trip in this state
  ProbeOver,        // there is no more, or too much was in flight
  RoundTripStale,   // nothing near the minimum seen for too long
  RoundTripSeen,    // half the pipe for long enough, after the pipe had been filled once
  StartedTooEarly,  // the same before
  StartupUndone,    // the loss that ended Startup was a reordering
  ProbeUndone,      // the loss that ended a probe was
};

constexpr std::optional<BbrState> next(BbrState from, BbrEvent event) {
  using enum BbrState;
  switch (event) {
    case BbrEvent::PipeFilled:
      if (from == Startup) return Drain;
      break;
    case BbrEvent::Drained:
      if (from == Drain) return Down;
      break;
    case BbrEvent::HeadroomLeft:
      if (from == Down) return Cruise;
      break;
    case BbrEvent::ProbeDue:
      if (from == Down || from == Cruise) return Refill;
      break;
    case BbrEvent::RoundOver:
      if (from == Refill) return Up;
      break;
    case BbrEvent::ProbeOver:
      if (from == Up) return Down;
      break;
    case BbrEvent::RoundTripStale:
      if (from != ProbeRtt) return ProbeRtt;
      break;
    case BbrEvent::RoundTripSeen:
      if (from == ProbeRtt) return Cruise;
      break;
    case BbrEvent::StartedTooEarly:
      if (from == ProbeRtt) return Startup;
      break;
    case BbrEvent::StartupUndone:
      if (from != ProbeRtt && from != Startup) return Startup;
      break;
    case BbrEvent::ProbeUndone:
      if (from == Down || from == Cruise) return Refill;
      break;
  }
  return std::nullopt;
}

// Multiples of the bandwidth that packets leave with, and of the bandwidth-delay product that may be in
// flight.
struct BbrGains {
  double pacing;
  double window;
};

// draft-ietf-ccwg-bbr section 5.6.1.
constexpr BbrGains gains(BbrState state) {
  switch (state) {
    case BbrState::Startup:
      return {.pacing = 2.77, .window = 2.0};
    case BbrState::Drain:
      return {.pacing = 0.5, .window = 2.0};
    case BbrState::Down:
      return {.pacing = 0.9, .window = 2.0};
    case BbrState::Cruise:
      return {.pacing = 1.0, .window = 2.0};
    case BbrState::Refill:
      return {.pacing = 1.0, .window = 2.0};
    case BbrState::Up:
      return {.pacing = 1.25, .window = 2.25};
    case BbrState::ProbeRtt:
      return {.pacing = 1.0, .window = 0.5};
  }
  return {.pacing = 1.0, .window = 2.0};
}

constexpr bool is_probe_bandwidth(BbrState state) {
  using enum BbrState;
  return state == Down || state == Cruise || state == Refill || state == Up;
}

// Sends more than it knows to fit, or just as much without bounds: what is lost then is a finding.
constexpr bool is_accelerating(BbrState state) {
  using enum BbrState;
  return state == Startup || state == Refill || state == Up;
}

constexpr std::string_view bbr_state_name(BbrState state) {
  switch (state) {
    case BbrState::Startup:
      return "startup";
    case BbrState::Drain:
      return "drain";
    case BbrState::Down:
      return "probe down";
    case BbrState::Cruise:
      return "cruise";
    case BbrState::Refill:
      return "refill";
    case BbrState::Up:
      return "probe up";
    case BbrState::ProbeRtt:
      return "probe rtt";
  }
  return "";
}

}  // namespace jetway::jsp
