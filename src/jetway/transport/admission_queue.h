#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "jetway/base/queue.h"
#include "jetway/io/connection.h"
#include "jetway/io/connection_core.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/task.h"
#include "jetway/io/wait_list.h"
#include "jetway/transport/transport.h"

namespace jetway::transport {

// What accept() hands out of a listener: peers that have authenticated themselves, in the order in which they
// did, whichever pipes they came by; and the limits on how many there are.
class AdmissionQueue : public std::enable_shared_from_this<AdmissionQueue> {
 public:
  // Uses connections_max and unadmitted_max.
  AdmissionQueue(io::EventLoop& loop, const TransportConfig& config);
  AdmissionQueue(const AdmissionQueue&) = delete;
  AdmissionQueue& operator=(const AdmissionQueue&) = delete;
  ~AdmissionQueue() = default;

  // One of connections_max, for the connection to keep; null when all are taken. `where` is for the log.
  std::shared_ptr<const void> take_slot(const std::string& where);
  // A connection that has begun its handshake; `name` is how the log calls the peer.
  void add(std::shared_ptr<io::ConnectionCore> core, std::string name);
  // nullopt once it is closed.
  static io::Task<std::optional<io::Connection>> next(std::shared_ptr<AdmissionQueue> queue);
  // Refuses those that wait, and all that come.
  void close();

 private:
  // A peer that has authenticated itself and was not handed out yet.
  struct Ready {
    io::Connection connection;
    std::shared_ptr<io::ConnectionCore> core;
  };
  class Slot;

  static io::Task<void> authenticate(std::shared_ptr<AdmissionQueue> queue,
                                     std::shared_ptr<io::ConnectionCore> core, std::string name);
  static io::Task<void> count_until_decided(std::shared_ptr<AdmissionQueue> queue,
                                            std::shared_ptr<io::ConnectionCore> core);

  io::EventLoop& loop_;
  const std::size_t connections_max_;
  const std::size_t unadmitted_max_;
  bool is_closed_ = false;
  std::size_t open_ = 0;        // connections, those in the handshake included
  std::size_t unadmitted_ = 0;  // handed out and not decided about
  Queue<Ready> ready_;          // bounded by connections_max
  io::WaitList changed_;
  bool is_full_logged_ = false;
};

}  // namespace jetway::transport
