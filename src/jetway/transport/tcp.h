#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "jetway/io/event_loop.h"
#include "jetway/io/task.h"
#include "jetway/transport/admission_queue.h"
#include "jetway/transport/dialing.h"
#include "jetway/transport/socket_address.h"
#include "jetway/transport/transport.h"

// The framed engine over TCP.
namespace jetway::transport {

// To the first of `remotes` that answers.
io::Task<Dialed> dial_tcp(io::EventLoop* loop, std::vector<SocketAddress> remotes, std::string name,
                          std::shared_ptr<const TransportConfig> config,
                          std::shared_ptr<DialProgress> progress);

// Who connects to the bound socket is handed out by the queue. The error is the errno.
std::expected<std::unique_ptr<Listener>, int> listen_tcp(io::EventLoop& loop, const SocketAddress& local,
                                                         const TransportConfig& config,
                                                         std::shared_ptr<AdmissionQueue> queue);

}  // namespace jetway::transport
