#pragma once

#include <functional>
#include <memory>
#include <string>

#include "jetway/io/event_loop.h"
#include "jetway/io/pipe_driver.h"
#include "jetway/io/socket.h"
#include "jetway/transport/admission_queue.h"
#include "jetway/transport/transport.h"

namespace jetway::transport {

// What differs between listeners over stream sockets.
struct PipeListenerHooks {
  std::string transport;
  io::PathMeasure measure = nullptr;
  // Of a connection that was just accepted: options to set; returns how the log and people call the peer.
  std::move_only_function<std::string(int descriptor)> on_accepted;
  std::move_only_function<void()> on_closed;
};

// Takes connections from a listening socket and runs their handshakes side by side, each within its deadline;
// who has authenticated itself is handed out by the queue, which other listeners may share and close.
class PipeListener final : public Listener {
 public:
  // `socket` listens.
  PipeListener(io::EventLoop& loop, io::Socket socket, Address local_address, const TransportConfig& config,
               PipeListenerHooks hooks, std::shared_ptr<AdmissionQueue> queue);
  PipeListener(const PipeListener&) = delete;
  PipeListener& operator=(const PipeListener&) = delete;
  ~PipeListener() override;

  io::Task<std::optional<io::Connection>> accept() override;
  void close() override;
  Address local_address() const override;

 private:
  class Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace jetway::transport
