#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "jetway/base/time.h"
#include "jetway/io/connection.h"
#include "jetway/session/path_statistics.h"

namespace jetway::command {

// What held a transfer back while it ran: what did so most of the time.
class LimitTally {
 public:
  void add(std::optional<session::LimitedBy> limit);
  std::optional<session::LimitedBy> most() const;

 private:
  std::array<std::uint32_t, 5> counts_{};  // by LimitedBy
};

// "0.05 ms", "12.3 ms", "1.2 s"
std::string rtt_text(Duration rtt);

// The path in words, for the result line, with what is known: "jsp, RTT 12.3 ms, 0.4 % lost, 37 repaired,
// limited by congestion". `limited` is what the line is to say of that. Of several paths each by itself: "jsp
// over 2 paths (192.0.2.1:9: 60.0 MB, RTT 40.1 ms, 0 % lost; 198.51.100.1:9: ...), limited by congestion".
std::string path_words(const io::ConnectionInfo& connection, std::optional<session::LimitedBy> limited);

// All there is to say, as a line of its own: "path jsp 192.0.2.1:4717 to 192.0.2.7:4717: RTT 12.3 ms (least
// 11.8 ms), 0.4 % lost, 1.20 MB sent again, 37 packets repaired, window 1.20 MB, paced at 117 MB/s, packets
// of 1,472 bytes, limited by congestion". Of several paths each has a line below it.
std::string path_line(const io::ConnectionInfo& connection, std::optional<session::LimitedBy> limited);

}  // namespace jetway::command
