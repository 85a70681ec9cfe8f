#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "jetway/framed/connection.h"
#include "jetway/io/connection_core.h"
#include "jetway/io/connection_driver.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/socket.h"
#include "jetway/io/timer.h"
#include "jetway/io/wait_list.h"

namespace jetway::io {

// How a byte pipe is driven; from the transport's configuration.
struct PipeConfig {
  // A peer that takes nothing of what we send for so long is given up.
  std::chrono::milliseconds stalled_timeout{60'000};
  // How long the peer may take to close its end after a goodbye.
  std::chrono::milliseconds linger_timeout{1'000};
  // Packets that are sealed before the system takes them. At least one packet is.
  std::size_t transmit_buffer_bytes = 256 * 1024;
};

// What the system knows about the path of a socket.
using PathMeasure = session::PathStatistics (*)(int descriptor);

// One end of a byte pipe that is about to become a connection.
struct Pipe {
  Socket socket;
  framed::Connection engine;
  PipeNames names;
  PathMeasure measure = nullptr;  // null: nothing is known
  // What the engine borrows, and whatever else has to last as long as the pipe is open.
  std::shared_ptr<const void> dependencies;
};

// A connection over a byte pipe: the framed engine and its socket. Two coroutines drive it: one reads from
// the socket into the engine, one sends what the engine has to send.
class PipeDriver final : public ConnectionDriver {
 public:
  static std::shared_ptr<ConnectionCore> start(EventLoop& loop, Pipe pipe, const PipeConfig& config,
                                               const ReceiveLimits& limits);
  PipeDriver(EventLoop& loop, Pipe pipe, const PipeConfig& config);

  session::Session& session() override { return engine_.session(); }
  void on_progress() override;
  void admit() override { engine_.admit(loop_.now()); }
  void refuse(std::string_view reason) override { engine_.refuse(loop_.now(), reason); }
  void close(std::uint64_t code, std::string_view reason) override {
    engine_.close(loop_.now(), code, reason);
  }
  void set_network_status(session::NetworkStatus status, bool is_background) override {
    session().set_network_status(status, is_background);
  }
  bool open_path(const IpEndpoint&) override { return false; }
  std::vector<PathSummary> paths() const override { return {}; }
  void abort() override;
  bool is_established() const override { return engine_.is_established(); }
  const crypto::PeerId& peer() const override { return engine_.peer(); }
  crypto::Suite suite() const override { return engine_.suite(); }
  crypto::KeyExchange key_exchange() const override { return engine_.key_exchange(); }
  PipeNames names() const override { return names_; }
  session::PathStatistics path_statistics() const override;

 private:
  enum class Sent : std::uint8_t { All, More, WouldBlock, Failed };
  using Core = std::shared_ptr<ConnectionCore>;

  // Each keeps the core, and so the driver, alive.
  static Task<void> read_loop(Core core, PipeDriver* pipe);
  static Task<void> write_loop(Core core, PipeDriver* pipe);
  Task<void> linger();
  void receive_some();
  Sent send_some();
  void seal_some();
  void discard_some();
  void on_read_end();
  void on_pipe_failed(std::string_view text);
  void on_timer();
  void arm_timer();
  void finish();

  EventLoop& loop_;
  ConnectionCore* core_ = nullptr;  // its owner
  Socket socket_;
  framed::Connection engine_;
  PipeNames names_;
  PathMeasure measure_;
  std::shared_ptr<const void> dependencies_;
  PipeConfig config_;
  Timer timer_;

  // Sealed packets of which the first unsent_begin_ bytes are gone.
  std::unique_ptr<std::byte[]> transmit_;
  std::size_t transmit_capacity_;
  std::size_t unsent_begin_ = 0;
  std::size_t unsent_end_ = 0;

  WaitList output_wanted_;
  WaitList read_over_;
  bool is_read_over_ = false;  // the peer's end of the pipe
  bool is_finished_ = false;
  session::PathStatistics last_statistics_;  // when it was finished
};

}  // namespace jetway::io
