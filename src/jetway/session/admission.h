#pragma once

#include "jetway/session/frame_source.h"

namespace jetway::session {

// Whether the two may talk: the listener decides, and says so with ADMITTED. Until then there are no streams,
// messages or datagrams, but for early data (docs/protocol/session.md section 11).
class Admission {
 public:
  explicit Admission(Role role) : role_(role) {}

  bool is_admitted() const { return is_admitted_; }
  // Listener.
  void admit();
  // Dialer: true the first time.
  Checked<bool> handle(const wire::AdmittedFrame& frame);

  // Dialer: early data may be sent. Listener: it is taken.
  void begin_early() { early_ = Early::Open; }
  // Dialer: the listener has dropped all of it.
  void on_early_rejected() { early_ = Early::Rejected; }
  bool has_early() const { return early_ != Early::None; }
  bool sends_streams() const { return is_admitted_ || (role_ == Role::Dialer && early_ == Early::Open); }
  bool takes_streams() const { return is_admitted_ || role_ == Role::Dialer || early_ == Early::Open; }

  SendInterest send_interest() const { return frame_.send_interest(); }
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t packet_number);
  void on_packet_acked(std::uint64_t packet_number) { frame_.on_packet_acked(packet_number); }
  void on_packet_lost(std::uint64_t packet_number) { frame_.on_packet_lost(packet_number); }

 private:
  enum class Early : std::uint8_t { None, Open, Rejected };

  Role role_;
  bool is_admitted_ = false;
  Early early_ = Early::None;
  Delivery frame_;
};

}  // namespace jetway::session
