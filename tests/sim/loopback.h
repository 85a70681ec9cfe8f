#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "jetway/io/connection.h"
#include "jetway/io/event_loop.h"
#include "jetway/transport/transport.h"

namespace jetway::sim {

// Not simulated at all: real sockets on this machine for the tests of io and transport.

// A folder that goes away with the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  const std::filesystem::path& path() const { return path_; }
  // A socket's address in it.
  transport::Address socket(const std::string& name = "socket") const;

 private:
  std::filesystem::path path_;
};

// With an identity of its own; knows everybody.
transport::TransportConfig make_transport_config();

// A port of the system's choice on the loopback interface.
transport::Address loopback_address(transport::HostProtocol protocol = transport::HostProtocol::Tcp);

// The two ends of one connection.
struct ConnectedPair {
  std::unique_ptr<transport::Listener> listener;
  io::Connection dialer;
  io::Connection accepted;
};
io::Task<ConnectedPair> connect_pair(io::EventLoop* loop, transport::Address address,
                                     transport::TransportConfig dialer_config,
                                     transport::TransportConfig listener_config);

}  // namespace jetway::sim
