#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
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
  std::chrono::milliseconds idle_timeout = session::SessionConfig{}.idle_timeout;
  jsp::JspConfig jsp;
  // The server leaves tickets, and the client uses them for early data.
  bool uses_tickets = false;
};

transport::TransportConfig make_config(const JetwayOptions& options);

// All throw std::runtime_error.
transport::Address address_of(const Layout& layout, const JetwayOptions& options, std::uint16_t port);
std::unique_ptr<transport::Listener> listen(io::EventLoop& loop, const Layout& layout,
                                            const JetwayOptions& options);
// The next connection, admitted.
io::Task<io::Connection> accept(transport::Listener* listener);
io::Task<io::Connection> connect(io::EventLoop* loop, const Layout* layout, JetwayOptions options,
                                 std::uint16_t port);
std::uint16_t port_of(const transport::Listener& listener);

// As run_both(), each end on an event loop of its own.
using JetwayServer = std::function<io::Task<EndReport>(io::EventLoop* loop, transport::Listener* listener)>;
using JetwayClient = std::function<io::Task<EndReport>(io::EventLoop* loop, std::uint16_t port)>;
BothReports run_both_of_jetway(const Layout& layout, const JetwayOptions& options, const JetwayServer& server,
                               const JetwayClient& client);

// Usage and counters of one end's connection.
EndReport report_of(const io::Connection& connection, const Usage& usage);

template <class T>
void require(const T& outcome) {
  if (!outcome) throw std::runtime_error(std::string(outcome.error().reason));
}

}  // namespace jetway::bench
