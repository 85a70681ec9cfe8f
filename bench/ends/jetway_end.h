#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "bench/ends/measure.h"
#include "jetway/io/event_loop.h"
#include "jetway/transport/transport.h"

namespace jetway::bench {

struct JetwayOptions {
  std::string transport = "tcp";
  std::size_t connections_max = 64;
  std::chrono::milliseconds keepalive{30'000};
  jsp::JspConfig jsp;
};

transport::TransportConfig make_config(const JetwayOptions& options);

// Throw std::runtime_error.
std::unique_ptr<transport::Listener> listen(io::EventLoop& loop, const Layout& layout,
                                            const JetwayOptions& options);
io::Task<io::Connection> connect(io::EventLoop* loop, const Layout* layout, JetwayOptions options,
                                 std::uint16_t port);
std::uint16_t port_of(const transport::Listener& listener);

// Usage and counters of one end's connection.
EndReport report_of(const io::Connection& connection, const Usage& usage);

template <class T>
void require(const T& outcome) {
  if (!outcome) throw std::runtime_error(std::string(outcome.error().reason));
}

}  // namespace jetway::bench
