#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/jsp_sim/jsp_pair.h"
#include "tests/jsp_sim/workload.h"

namespace jetway::sim {

// What befalls a run at some time, beside what its links do.
enum class Mishap : std::uint8_t {
  None,
  NatRebinds,       // the NAT before the dialer gives it another port...
  NatMoves,         // ...or another address
  DialerMigrates,   // by command, to its second address
  PathOpens,        // by command, over the second address
  FirstPathBreaks,  // after the second was opened, the dialer's first interface goes down
  PathAbandoned,    // by command of either side: the first, after the second was opened
  InterfaceDown,    // for a few seconds; of the dialer its first
  RouteChanges,     // both directions have another delay, rate and MTU
  SendsFail,        // all of them, for a few seconds
  Sleep,            // for a few seconds
  SleepForAnHour,
  WallClockJumps,    // by an hour, forth or back
  EngineClockJumps,  // by a second
  EngineClockLeaps,  // by an hour
  NetworkStatus,     // the application says that the network is another one now
  KeysUpdate,        // by command
  CloseInTheMiddle,  // by either side, whatever is under way
  ListenerRestarts,  // and knows nothing of the connection
  DialerVanishes,    // without a word
};

struct ScheduledMishap {
  Mishap mishap = Mishap::None;
  Duration at{0};
  Duration duration{0};
  bool by_dialer = true;
  SleepingClock sleeping_clock = SleepingClock::Runs;
  SendError send_error = SendError::WouldBlock;
  LinkConfig link{};  // of a route that changes
};

// Whether the dialer has a ticket.
enum class TicketPlan : std::uint8_t { None, Good, OfAnother };

// All that one seed stands for.
struct ScenarioPlan {
  JspPairConfig pair;
  SidePlan dialer;
  SidePlan listener;
  std::vector<ScheduledMishap> mishaps;
  bool has_nat = false;
  bool batches_input = false;
  double send_failures = 0;
  SendError send_error = SendError::WouldBlock;
  Duration dialer_clock_error{0};
  Duration admission_delay{0};  // until somebody lets the dialer in
  bool closes_by_dialer = true;
  TicketPlan ticket = TicketPlan::None;
  // The network is such that the connection may well not come about or not last.
  bool is_rough = false;

  std::string describe() const;
};

ScenarioPlan draw_scenario(std::uint64_t seed, std::size_t trace_events);

struct ScenarioResult {
  std::optional<std::string> failure;
  std::string trace;
  std::uint64_t fingerprint = 0;
  std::uint64_t events = 0;
  Duration elapsed{0};
  bool was_connected = false;
  bool was_complete = false;  // all that was to be sent has arrived
};

// Runs it to its end: the workload is done or the connection lost, everything closed, nothing left to happen.
ScenarioResult run_scenario(const ScenarioPlan& plan);

}  // namespace jetway::sim
