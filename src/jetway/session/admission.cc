#include "jetway/session/admission.h"

#include <utility>

#include "jetway/base/assert.h"

namespace jetway::session {

void Admission::admit() {
  JETWAY_ASSERT(role_ == Role::Listener);
  if (!std::exchange(is_admitted_, true)) frame_.request();
}

Checked<bool> Admission::handle(const wire::AdmittedFrame&) {
  if (role_ == Role::Listener) return fault(ProtocolCode::ProtocolViolation, "a dialer admits nobody");
  return !std::exchange(is_admitted_, true);
}

void Admission::write_frames(TimePoint, wire::PacketWriter& packet, std::uint64_t packet_number) {
  write_if_wanted(frame_, wire::AdmittedFrame{}, packet, packet_number);
}

}  // namespace jetway::session
