#include "jetway/session/flow_control.h"

#include <algorithm>

#include "jetway/base/assert.h"

namespace jetway::session {

bool ReceiveWindow::consume(std::uint64_t count, TimePoint now, std::optional<Duration> rtt) {
  consumed_ += count;
  if (maximum_ - consumed_ > window_bytes_ / 2) return false;
  // Half a window in less than one round trip is a window in less than two.
  if (rtt && now - updated_ < *rtt) window_bytes_ = std::min(window_bytes_ * 2, window_max_bytes_);
  maximum_ = std::max(maximum_, consumed_ + window_bytes_);
  updated_ = now;
  return true;
}

void ReceiveWindow::grow_to(std::uint64_t window_bytes) {
  window_bytes_ = std::max(window_bytes_, std::min(window_bytes, window_max_bytes_));
}

Checked<void> ConnectionFlow::on_received(std::uint64_t count) {
  received_ += count;
  if (received_ > window_.maximum())
    return fault(ProtocolCode::FlowControl, "more data than the connection allows");
  return {};
}

void ConnectionFlow::on_consumed(std::uint64_t count, TimePoint now, std::optional<Duration> rtt) {
  if (window_.consume(count, now, rtt)) max_data_.request();
}

bool ConnectionFlow::on_max_data(std::uint64_t maximum) {
  if (maximum <= send_maximum_) return false;
  const bool was_blocked = credit() == 0;
  send_maximum_ = maximum;
  blocked_.cancel();
  return was_blocked;
}

void ConnectionFlow::restart() {
  send_maximum_ = sent_ = 0;
  blocked_at_.reset();
  blocked_.cancel();
}

void ConnectionFlow::on_blocked() {
  if (blocked_at_ == send_maximum_) return;
  blocked_at_ = send_maximum_;
  blocked_.request();
}

void ConnectionFlow::write_frames(TimePoint, wire::PacketWriter& packet, std::uint64_t packet_number) {
  write_if_wanted(max_data_, wire::MaxDataFrame{window_.maximum()}, packet, packet_number);
  write_if_wanted(blocked_, wire::DataBlockedFrame{send_maximum_}, packet, packet_number);
}

void ConnectionFlow::on_packet_acked(std::uint64_t packet_number) {
  max_data_.on_packet_acked(packet_number);
  blocked_.on_packet_acked(packet_number);
}

void ConnectionFlow::on_packet_lost(std::uint64_t packet_number) {
  max_data_.on_packet_lost(packet_number);
  blocked_.on_packet_lost(packet_number);
}

void ConnectionFlow::check_invariants() const {
  JETWAY_ASSERT(sent_ <= send_maximum_);
  JETWAY_ASSERT(window_.consumed() <= received_);
}

}  // namespace jetway::session
