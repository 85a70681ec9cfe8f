#pragma once

#include <cstddef>
#include <deque>
#include <memory>

#include "jetway/base/time.h"
#include "jetway/crypto/peer_id.h"
#include "jetway/crypto/ticket.h"

namespace jetway::transport {

// Where a dialer keeps the tickets that listeners leave with it, for early data in its next connections to
// them (TransportConfig). Used by the event loop of those connections only.
class TicketStore {
 public:
  using Ticket = std::shared_ptr<const crypto::ResumptionTicket>;

  virtual ~TicketStore() = default;
  virtual void put(Ticket ticket) = 0;
  // One of that listener's that has not expired; the store forgets it, since it is good for one connection.
  // Null: there is none.
  virtual Ticket take(const crypto::PeerId& listener, WallTime now) = 0;
};

// For as long as the process lives.
class MemoryTicketStore final : public TicketStore {
 public:
  // Some 300 bytes each; of more the oldest goes.
  explicit MemoryTicketStore(std::size_t tickets_max = 256) : tickets_max_(tickets_max) {}

  void put(Ticket ticket) override;
  Ticket take(const crypto::PeerId& listener, WallTime now) override;
  std::size_t size() const { return tickets_.size(); }

 private:
  std::size_t tickets_max_;
  std::deque<Ticket> tickets_;  // the newest last
};

}  // namespace jetway::transport
