#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "jetway/crypto/identity.h"
#include "jetway/crypto/system_random.h"
#include "jetway/jsp/endpoint.h"

namespace jetway::jsp {

// One end with the time that was spent in it.
struct End {
  std::unique_ptr<Endpoint> endpoint;
  Connection* connection = nullptr;
  IpEndpoint address;
  std::chrono::steady_clock::duration spent{0};
};

struct EndsOptions {
  std::size_t datagram_max_bytes = 1472;
  std::uint64_t window_max_bytes = CongestionConfig{}.window_max_bytes;
  std::uint32_t ack_packets_max = JspConfig{}.ack_packets_max;
  // Datagrams of a batch come one by one, and what follows from each is sent before the next.
  bool is_spread = false;
};

// A dialer and a listener in one thread that hand their datagrams to each other, a delay apart; time is
// virtual. What comes on a stream is read at once and dropped.
class Ends {
 public:
  explicit Ends(const EndsOptions& options);

  // One direction after the other.
  void turn();
  // On a stream of the dialer; turn() has it sent.
  void write(session::StreamId stream, Buffer& data);

  End dialer;
  End listener;
  std::uint64_t datagrams_to_listener = 0;
  std::uint64_t datagrams_to_dialer = 0;
  std::uint64_t bytes_read = 0;

 private:
  Now now() const;
  std::shared_ptr<const crypto::Identity> identity();
  void drain(End& end);
  void read(End& end, session::StreamId id);
  void move(End& from, End& to);
  void hand_over(End& to, const IpEndpoint& from, Ecn ecn, MutableBytes datagram);
  void hold_answers(End& of);

  struct Held {
    Ecn ecn;
    Bytes bytes;
  };

  crypto::SystemRandom random_;
  bool is_spread_;
  std::vector<Held> held_;
  TimePoint time_{std::chrono::hours(1)};
  Bytes out_ = Bytes(65'536);
  Bytes answer_ = Bytes(65'536);
  Bytes target_ = Bytes(1 << 20);
};

}  // namespace jetway::jsp
