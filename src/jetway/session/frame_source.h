#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "jetway/base/time.h"
#include "jetway/session/delivery.h"
#include "jetway/session/types.h"
#include "jetway/wire/packet_writer.h"

namespace jetway::session {

// A part of a session that puts frames into packets: what fits now, remembered under the packet's number
// until that is acknowledged or lost. The session is a loop over such parts.
template <class Part>
concept FrameSource = requires(Part part, const Part view, TimePoint now, wire::PacketWriter& packet,
                               std::uint64_t packet_number) {
  { view.send_interest() } -> std::same_as<SendInterest>;
  part.write_frames(now, packet, packet_number);
  part.on_packet_acked(packet_number);
  part.on_packet_lost(packet_number);
};

// What the peer did that ends the connection: the code it is told, and a static reason.
struct Fault {
  ProtocolCode code;
  std::string_view reason;
};
inline CloseReason reason_of(const Fault& fault) {
  return reason_of(CloseReason::By::Error, fault.code, fault.reason);
}
template <class T>
using Checked = std::expected<T, Fault>;

inline std::unexpected<Fault> fault(ProtocolCode code, std::string_view reason) {
  return std::unexpected(Fault{code, reason});
}

// Writes a frame when it is wanted and fits.
template <class Frame>
void write_if_wanted(Delivery& delivery, const Frame& frame, wire::PacketWriter& packet,
                     std::uint64_t packet_number) {
  if (!delivery.is_wanted() || wire::frame_size(frame) > packet.remaining()) return;
  wire::encode_frame(packet.frames(), frame);
  delivery.on_sent(packet_number);
}

}  // namespace jetway::session
