#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "jetway/crypto/identity.h"
#include "jetway/crypto/init_filter.h"
#include "jetway/framed/connection.h"
#include "tests/sim/byte_pipe.h"

namespace jetway::sim {

struct FramedLinkConfig {
  std::uint64_t seed = 1;
  framed::FramedConfig dialer;  // identities are made from the seed; the dialer knows everybody
  framed::FramedConfig listener;
  BytePipeConfig to_listener;
  BytePipeConfig to_dialer;
  // What the test does instead of admitting every peer at once.
  bool admits = true;
};

// One end of the link with what its engine has reported.
class FramedEnd {
 public:
  FramedEnd(framed::Connection connection, const crypto::PeerId& peer_id)
      : engine(std::move(connection)), id(peer_id) {}

  // The first of its kind; null: none.
  template <class T>
  const T* find_event() const {
    for (const framed::Event& event : events) {
      if (const T* found = std::get_if<T>(&event)) return found;
    }
    return nullptr;
  }
  const session::CloseReason* close_reason() const {
    const auto* closed = find_event<framed::Closed>();
    return closed == nullptr ? nullptr : &closed->reason;
  }
  session::Session& session() { return engine.session(); }

  framed::Connection engine;
  crypto::PeerId id;
  std::vector<framed::Event> events;
  std::vector<session::Event> session_events;
};

// A dialer and a listener joined by two pipes, in virtual time. After every step the sessions' invariants are
// checked.
class FramedLink {
 public:
  explicit FramedLink(FramedLinkConfig config);

  FramedEnd& dialer() { return *dialer_; }
  FramedEnd& listener() { return *listener_; }
  Now now() const {
    return {.engine = time_,
            .wall = WallTime(std::chrono::floor<WallTime::duration>(kEpoch + time_.time_since_epoch()))};
  }
  Duration elapsed() const { return time_.time_since_epoch(); }
  const BytePipe& pipe_to_listener() const { return to_listener_; }
  const BytePipe& pipe_to_dialer() const { return to_dialer_; }
  BytePipe& pipe_to_listener() { return to_listener_; }
  BytePipe& pipe_to_dialer() { return to_dialer_; }

  // Runs until `is_done` (looked at after every step) or `limit` of virtual time has passed, or nothing is
  // left to happen; what `is_done` says then.
  bool run_until(const std::function<bool()>& is_done, Duration limit = std::chrono::seconds(60));
  void run_for(Duration duration);
  // Both ends know that it is over.
  bool is_over() const { return dialer_->engine.is_closed() && listener_->engine.is_closed(); }
  // The dialer is admitted.
  bool connect(Duration limit = std::chrono::seconds(10));

 private:
  static constexpr std::chrono::system_clock::duration kEpoch = std::chrono::hours(24 * 365 * 55);

  bool step();
  bool transmit(FramedEnd& end, BytePipe& pipe);
  bool receive(FramedEnd& end, BytePipe& pipe);
  bool expire(FramedEnd& end);
  void drain(FramedEnd& end);
  std::optional<TimePoint> next_event() const;

  FramedLinkConfig config_;
  SeededRandom random_;
  crypto::InitFilter filter_;
  TimePoint time_{};
  BytePipe to_listener_;
  BytePipe to_dialer_;
  std::optional<FramedEnd> dialer_;
  std::optional<FramedEnd> listener_;
};

}  // namespace jetway::sim
