#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jetway/base/ip_endpoint.h"
#include "jetway/base/time.h"
#include "jetway/crypto/handshake.h"
#include "jetway/crypto/peer_id.h"
#include "jetway/crypto/suite.h"
#include "jetway/io/connection.h"
#include "jetway/session/path_statistics.h"
#include "jetway/session/session.h"

namespace jetway::io {

// The names of a connection's ends, for people.
struct PipeNames {
  std::string transport;
  std::string local_address;
  std::string remote_address;
};

// What stands below a ConnectionCore: the engine of one connection (framed, jsp) and whoever moves its
// packets, be it over a socket of its own or over one that many share. The core owns it and calls it; on the
// loop's thread, like everything here.
//
// The other way round a driver tells its core three things: settle() after it has given the engine any input,
// on_engine_event() for each of the engine's events (from within on_progress()), and on_driver_done() when
// nothing moves any more. It holds a shared pointer to its core for as long as it may call it, that is until
// then.
class ConnectionDriver {
 public:
  ConnectionDriver() = default;
  ConnectionDriver(const ConnectionDriver&) = delete;
  ConnectionDriver& operator=(const ConnectionDriver&) = delete;
  virtual ~ConnectionDriver() = default;

  // Stays where it is for as long as the driver lives, also after the connection has closed: what came before
  // can still be read.
  virtual session::Session& session() = 0;

  // Something was given to the engine or to its session, by whomever. Hands the engine's events to the core,
  // sees to it that what is to be sent will be, and keeps the engine's next deadline. Called once for every
  // command: cheap when there is nothing to do.
  virtual void on_progress() = 0;

  // Commands; on_progress() follows.
  virtual void admit() = 0;
  virtual void refuse(std::string_view reason) = 0;
  virtual void close(std::uint64_t code, std::string_view reason) = 0;
  virtual void set_network_status(session::NetworkStatus status, bool is_background) = 0;
  // See Connection::open_path(); false: there are no paths here.
  virtual bool open_path(const IpEndpoint& local) = 0;
  // Gives up without a word, at once: on_driver_done() comes before it returns.
  virtual void abort() = 0;

  virtual bool is_established() const = 0;  // the handshake is done
  // Once it is established.
  virtual const crypto::PeerId& peer() const = 0;
  virtual crypto::Suite suite() const = 0;
  virtual crypto::KeyExchange key_exchange() const = 0;

  // Of the path in use now, or in use last.
  virtual PipeNames names() const = 0;
  virtual session::PathStatistics path_statistics() const = 0;
  // Every one by itself, those in use first; empty where there is only one ever.
  virtual std::vector<PathSummary> paths() const = 0;
};

}  // namespace jetway::io
