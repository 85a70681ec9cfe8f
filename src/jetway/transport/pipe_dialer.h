#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "jetway/io/connection_core.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/pipe_driver.h"
#include "jetway/io/socket.h"
#include "jetway/io/task.h"
#include "jetway/transport/socket_address.h"
#include "jetway/transport/transport.h"

// What every transport over stream sockets does to connect.
namespace jetway::transport {

// A stream socket connected to the first of `addresses` that answers: they are tried in order, the next one
// 250 ms after the one before or when that has failed (RFC 8305 section 5). `name` is for the error.
io::Task<std::expected<io::Socket, TransportError>> connect_socket(io::EventLoop* loop,
                                                                   std::vector<SocketAddress> addresses,
                                                                   TimePoint deadline, std::string name);

// A connection whose handshake over a connected socket has begun.
std::shared_ptr<io::ConnectionCore> start_dialing(io::EventLoop& loop, io::Socket socket, io::PipeNames names,
                                                  io::PathMeasure measure, const TransportConfig& config);

// Why nothing is connected to `name`, from the errno.
TransportError connect_error(const std::string& name, int error);

// The parts of a configuration as the layers below take them.
framed::FramedConfig framed_config(const TransportConfig& config);
io::PipeConfig pipe_config(const TransportConfig& config);
io::ReceiveLimits receive_limits(const TransportConfig& config);

}  // namespace jetway::transport
