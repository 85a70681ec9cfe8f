#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "jetway/base/bytes.h"
#include "jetway/base/time.h"
#include "jetway/jsp/types.h"

namespace jetway::sim {

// What sendmsg() may answer.
enum class SendError : std::uint8_t {
  WouldBlock,     // EAGAIN: the host keeps it, sends it when it can, and does not poll until then
  NoBufferSpace,  // ENOBUFS: it is gone; the host polls again a millisecond later
  TooLarge,       // EMSGSIZE: larger than the MTU of the host's own link, and gone
  NotPermitted,   // EPERM: a packet filter does not like it
  Unreachable,    // ENETUNREACH: no interface that is up leads there
};

std::string_view to_text(SendError error);

// Any engine that lives on datagrams, as a simulated host runs it: after each input it is polled until it has
// nothing to send, and called again at next_timeout(). Times are those of the host's own clocks.
class DatagramNode {
 public:
  virtual ~DatagramNode() = default;

  virtual void handle_datagram(const Now& now, const jsp::Datagram& datagram) = 0;
  // Writes one batch into `out` (64 KiB).
  virtual std::optional<jsp::Transmit> poll_transmit(const Now& now, MutableBytes out) = 0;
  virtual std::optional<TimePoint> next_timeout() = 0;
  virtual void handle_timeout(const Now& now) = 0;
  // The batch that poll_transmit() gave last.
  virtual void handle_send_error(const Now& now, const jsp::Transmit& transmit, SendError error) = 0;
};

}  // namespace jetway::sim
