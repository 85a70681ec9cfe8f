#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "jetway/base/random.h"
#include "jetway/crypto/identity.h"
#include "jetway/jsp/endpoint.h"

namespace jetway::jsp {

// What the link between the two ends does with a datagram on its way.
enum class Fate : std::uint8_t { Deliver, Drop, Twice, Late };

struct PairConfig {
  std::uint64_t seed = 1;
  JspConfig dialer{};
  JspConfig listener{};
  EndpointConfig dialer_endpoint{.is_shared = false};
  EndpointConfig listener_endpoint{};
  crypto::InitFilterConfig filter{};
  Duration one_way_delay = std::chrono::milliseconds(10);
  // Larger datagrams vanish.
  std::size_t mtu = 1472;
  bool admits = true;
  // Sees, and may change, every datagram before it leaves; nothing: all arrive.
  std::function<Fate(bool to_listener, Bytes& datagram)> on_datagram{};
};

// One end of the pair: an endpoint and what its connection has reported.
struct PairEnd {
  std::unique_ptr<Endpoint> endpoint;
  Connection* connection = nullptr;
  IpEndpoint address;
  std::vector<session::EngineEvent> events;
  std::vector<session::Event> session_events;

  template <class T>
  const T* find() const {
    for (const session::EngineEvent& event : events) {
      if (const T* found = std::get_if<T>(&event)) return found;
    }
    return nullptr;
  }
  const session::CloseReason* close_reason() const {
    const auto* closed = find<session::Closed>();
    return closed == nullptr ? nullptr : &closed->reason;
  }
  session::Session& session() { return connection->session(); }
};

// A dialer and a listener with nothing but delay and the test's wishes between them, in virtual time.
// Invariants are checked after every event. For networks there is tests/sim.
class Pair {
 public:
  explicit Pair(PairConfig config = {});

  // Begins to dial; run_until() does the rest.
  void dial();
  // Dialed and admitted.
  bool connect(Duration limit = std::chrono::seconds(10));

  bool run_until(const std::function<bool()>& is_done, Duration limit = std::chrono::seconds(60));
  void run_for(Duration duration);

  // The test has given a connection commands.
  void touch(PairEnd& end) { end.endpoint->touch(*end.connection); }
  // From nowhere to one of the ends.
  void inject(PairEnd& to, const IpEndpoint& from, ByteView datagram);

  Now now() const;
  Duration elapsed() const { return time_.time_since_epoch(); }
  // From now on the dialer's datagrams come from there: a NAT has forgotten it.
  void rebind_dialer(const IpEndpoint& address) { seen_dialer_ = address; }

  PairEnd dialer;
  PairEnd listener;
  std::uint64_t datagrams_to_listener = 0;
  std::uint64_t datagrams_to_dialer = 0;
  std::uint64_t bytes_to_listener = 0;
  std::uint64_t bytes_to_dialer = 0;

 private:
  struct UnderWay {
    TimePoint arrival;
    bool to_listener;
    IpEndpoint from;
    IpEndpoint to;
    Ecn ecn;
    Bytes bytes;
  };
  bool step();
  bool transmit(PairEnd& end);
  void send(PairEnd& from, const Transmit& transmit, Bytes datagram);
  void drain(PairEnd& end);
  std::optional<TimePoint> next_event() const;

  PairConfig config_;
  SeededRandom random_;
  TimePoint time_{};
  IpEndpoint seen_dialer_;
  std::deque<UnderWay> under_way_;
  Bytes out_ = Bytes(65'536);
};

// Sends `data` on a new stream of one end and reads it at the other; what was read, or nothing in time.
std::optional<Bytes> carry(Pair& pair, PairEnd& from, PairEnd& to, ByteView data,
                           Duration limit = std::chrono::seconds(60));

}  // namespace jetway::jsp
