#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "jetway/io/connection_driver.h"
#include "jetway/jsp/connection.h"

namespace jetway::io {

class ConnectionCore;
class UdpEndpoint;

// A connection over datagrams: one of those that share a UdpEndpoint, which moves its packets.
class DatagramDriver final : public ConnectionDriver {
 public:
  // `connection` lives in the endpoint until the driver has gone.
  DatagramDriver(std::shared_ptr<UdpEndpoint> endpoint, jsp::Connection& connection);
  DatagramDriver(const DatagramDriver&) = delete;
  DatagramDriver& operator=(const DatagramDriver&) = delete;
  ~DatagramDriver() override;

  session::Session& session() override { return connection_.session(); }
  void on_progress() override;
  void admit() override;
  void refuse(std::string_view reason) override;
  void close(std::uint64_t code, std::string_view reason) override;
  void set_network_status(session::NetworkStatus status, bool is_background) override;
  // The peer is told, once, if there is a way; nobody waits for it.
  bool open_path(const IpEndpoint& local) override;
  void abort() override;
  bool is_established() const override { return connection_.is_established(); }
  const crypto::PeerId& peer() const override { return connection_.peer(); }
  crypto::Suite suite() const override { return connection_.suite(); }
  crypto::KeyExchange key_exchange() const override { return connection_.key_exchange(); }
  PipeNames names() const override;
  session::PathStatistics path_statistics() const override { return connection_.path_statistics(); }
  std::vector<PathSummary> paths() const override;

  // --- for the endpoint ---

  void set_core(ConnectionCore& core) { core_ = &core; }
  // Something has happened to the engine.
  void settle();
  // Closed, and what had to be said about that is said.
  bool is_over() const;
  void finish();

 private:
  void open_wanted_paths();

  std::shared_ptr<UdpEndpoint> endpoint_;
  jsp::Connection& connection_;
  ConnectionCore* core_ = nullptr;  // its owner
  // Where paths are wanted from for which the peer has not given us an ID yet; and where they go.
  std::vector<IpEndpoint> wanted_paths_;
  bool is_settling_ = false;  // the endpoint knows that there is something to be done
  bool is_finished_ = false;
};

}  // namespace jetway::io
