#pragma once

#include "jetway/session/frame_source.h"

namespace jetway::session {

// Whether the two may talk: the listener decides, and says so with ADMITTED. Until then there are no streams,
// messages or datagrams.
class Admission {
 public:
  explicit Admission(Role role) : role_(role) {}

  bool is_admitted() const { return is_admitted_; }
  // Listener.
  void admit();
  // Dialer: true the first time.
  Checked<bool> handle(const wire::AdmittedFrame& frame);

  SendInterest send_interest() const { return frame_.send_interest(); }
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t packet_number);
  void on_packet_acked(std::uint64_t packet_number) { frame_.on_packet_acked(packet_number); }
  void on_packet_lost(std::uint64_t packet_number) { frame_.on_packet_lost(packet_number); }

 private:
  Role role_;
  bool is_admitted_ = false;
  Delivery frame_;
};

}  // namespace jetway::session
