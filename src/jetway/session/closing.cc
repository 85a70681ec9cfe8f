#include "jetway/session/closing.h"

namespace jetway::session {

void Closing::close(const CloseReason& reason) {
  const bool tells_peer = reason.by == CloseReason::By::Us || reason.by == CloseReason::By::Error;
  const bool is_first = !is_closed();
  if (is_first || (is_draining_ && reason.by != CloseReason::By::Us)) {
    reason_ = reason;
    if (tells_peer) frame_.request();
  }
  is_draining_ = is_first && reason.by == CloseReason::By::Us;
  if (!tells_peer) frame_.cancel();  // there is nobody to tell
}

void Closing::write_frames(TimePoint, wire::PacketWriter& packet, std::uint64_t packet_number) {
  if (is_draining_ || !reason_) return;
  write_if_wanted(frame_,
                  wire::ConnectionCloseFrame{.by_application = reason_->by_application,
                                             .error_code = reason_->code,
                                             .reason = as_bytes(reason_->text)},
                  packet, packet_number);
}

}  // namespace jetway::session
