#include "jetway/transport/ticket_store.h"

#include <algorithm>
#include <utility>

namespace jetway::transport {

void MemoryTicketStore::put(Ticket ticket) {
  tickets_.push_back(std::move(ticket));
  if (tickets_.size() > tickets_max_) tickets_.pop_front();
}

TicketStore::Ticket MemoryTicketStore::take(const crypto::PeerId& listener, WallTime now) {
  std::erase_if(tickets_, [&](const Ticket& ticket) { return ticket->expires <= now; });
  const auto newest = std::find_if(tickets_.rbegin(), tickets_.rend(),
                                   [&](const Ticket& ticket) { return ticket->listener == listener; });
  if (newest == tickets_.rend()) return nullptr;
  Ticket ticket = std::move(*newest);
  tickets_.erase(std::next(newest).base());
  return ticket;
}

}  // namespace jetway::transport
