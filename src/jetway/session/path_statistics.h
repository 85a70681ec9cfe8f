#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "jetway/base/time.h"

namespace jetway::session {

// What holds a sender back right now.
enum class LimitedBy : std::uint8_t {
  Application,     // there is nothing more to send
  ReceiverWindow,  // the peer's flow control
  Congestion,      // the congestion window is full
  Pacing,          // the next packet waits for its turn
  Cpu,             // everything may be sent and is being sealed as fast as it goes
};
constexpr std::string_view limited_by_name(LimitedBy limit) {
  switch (limit) {
    case LimitedBy::Application:
      return "application";
    case LimitedBy::ReceiverWindow:
      return "receiver window";
    case LimitedBy::Congestion:
      return "congestion";
    case LimitedBy::Pacing:
      return "pacing";
    case LimitedBy::Cpu:
      return "cpu";
  }
  return "";
}

// What is known about the way to the peer: of the path in use where there are several. Totals are since the
// beginning; what an engine cannot know is nullopt.
struct PathStatistics {
  std::optional<Duration> rtt;      // smoothed
  std::optional<Duration> min_rtt;  // of the last seconds, or of all time
  std::optional<std::uint64_t> packets_sent;
  std::optional<std::uint64_t> packets_lost;
  std::optional<std::uint64_t> bytes_retransmitted;
  std::optional<std::uint64_t> packets_repaired;  // by FEC, both ways
  std::optional<std::uint64_t> congestion_window_bytes;
  std::optional<std::uint64_t> pacing_bytes_per_second;
  std::optional<std::uint64_t> mtu_bytes;  // payload of the largest datagram
  std::optional<LimitedBy> limited_by;
  std::uint32_t paths = 1;  // in use

  // Of what was sent, 0 to 1; nullopt before anything was or where it is not known.
  std::optional<double> loss() const {
    if (!packets_sent || !packets_lost || *packets_sent == 0) return std::nullopt;
    return static_cast<double>(*packets_lost) / static_cast<double>(*packets_sent);
  }
};

}  // namespace jetway::session
