#pragma once

#include <cstdint>

#include "jetway/base/time.h"
#include "jetway/jsp/congestion/controller.h"
#include "jetway/jsp/sent_packet.h"

namespace jetway::jsp {

// Measures how fast a path delivers (draft-ietf-ccwg-bbr section 4.1, delivery rate samples): notes in each
// packet how far delivery had come when it left, and makes a sample of what had changed when it was
// acknowledged. One per path; it has to be told of exactly those packets that count as in flight, as the
// congestion controller is. (The loss of an MTU probe is told to neither.)
//
// For each ACK: on_packet_acked() and on_packet_lost() per packet, then one make_sample().
class RateSampler {
 public:
  // Fills packet.delivery. packet.sent_at and .bytes are set; `in_flight_bytes` includes the packet.
  void on_packet_sent(SentPacket& packet, std::uint64_t in_flight_bytes);

  // `now` is when the acknowledgement came.
  void on_packet_acked(TimePoint now, const SentPacket& packet);
  void on_packet_lost(const SentPacket& packet) { lost_bytes_ += packet.bytes; }
  // An acknowledgement of what had been declared lost: it was delivered after all.
  void on_spurious_loss(TimePoint now, const SentPacket& packet);

  // There was room to send and nothing to be sent: packets up to those on the way now, and those sent until
  // these have arrived, say nothing about what the path could do.
  void on_application_limited(std::uint64_t in_flight_bytes);

  // What the packets acknowledged since the last call came to. No valid sample (interval 0) when there were
  // none, or when it spans less than `min_rtt` and so is the burst of an acknowledgement, not of the path.
  RateSample make_sample(Duration min_rtt);

  std::uint64_t delivered_bytes() const { return delivered_bytes_; }
  std::uint64_t lost_bytes() const { return lost_bytes_; }
  bool is_application_limited() const { return limited_until_bytes_ != 0; }

 private:
  // The newest packet acknowledged since the last sample.
  struct Newest {
    std::uint64_t record = 0;
    TimePoint sent_at{};
    DeliveryRecord delivery;
  };

  std::uint64_t delivered_bytes_ = 0;
  TimePoint delivered_at_{};
  TimePoint first_sent_at_{};  // of the flight that is being measured
  std::uint64_t lost_bytes_ = 0;
  std::uint64_t limited_until_bytes_ = 0;  // of delivery; 0: not limited by the application
  Newest newest_;
  bool has_newest_ = false;
};

}  // namespace jetway::jsp
