#pragma once

#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "jetway/base/ip_endpoint.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/task.h"
#include "jetway/transport/admission_queue.h"
#include "jetway/transport/dialing.h"
#include "jetway/transport/socket_address.h"
#include "jetway/transport/transport.h"

// JSP over UDP.
namespace jetway::transport {

// A connection over a socket of its own, whose handshake has begun.
Dialed begin_jsp(io::EventLoop& loop, const SocketAddress& remote, const std::string& name,
                 const TransportConfig& config);
// The same, when the handshake is done.
io::Task<Dialed> dial_jsp(io::EventLoop* loop, SocketAddress remote, std::string name,
                          std::shared_ptr<const TransportConfig> config,
                          std::shared_ptr<DialProgress> progress);

// Who dials the bound socket is handed out by the queue. The error is the errno.
std::expected<std::unique_ptr<Listener>, int> listen_jsp(io::EventLoop& loop, const SocketAddress& local,
                                                         const TransportConfig& config,
                                                         std::shared_ptr<AdmissionQueue> queue);
// One for each loop, all on one port (listen_sharded()).
std::expected<std::vector<std::unique_ptr<Listener>>, int> listen_jsp_sharded(
    std::span<io::EventLoop* const> loops, const SocketAddress& local, const TransportConfig& config);

}  // namespace jetway::transport
