#pragma once

#include <string>

#include "jetway/base/rare.h"
#include "jetway/session/frame_source.h"

namespace jetway::session {

// The end of a connection: why, and CONNECTION_CLOSE where the peer has to be told.
class Closing {
 public:
  // The first reason stays, unless something worse happens while we wait for the streams to be drained; a
  // second call ends that wait.
  void close(const CloseReason& reason);

  bool is_closed() const { return reason_.has_value(); }
  const Rare<CloseReason>& reason() const { return reason_; }
  // Our own orderly close: CONNECTION_CLOSE waits until the streams are drained.
  bool is_draining() const { return is_draining_; }
  void on_drained() { is_draining_ = false; }
  bool is_sent() const { return is_closed() && !is_draining_ && !frame_.is_wanted(); }

  SendInterest send_interest() const { return is_draining_ ? SendInterest::None : frame_.send_interest(); }
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t packet_number);
  void on_packet_acked(std::uint64_t packet_number) { frame_.on_packet_acked(packet_number); }
  void on_packet_lost(std::uint64_t packet_number) { frame_.on_packet_lost(packet_number); }

 private:
  Rare<CloseReason> reason_;
  bool is_draining_ = false;
  Delivery frame_;
};

}  // namespace jetway::session
