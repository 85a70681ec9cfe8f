#include "jetway/jsp/early_data.h"

#include <utility>
#include <variant>

#include "jetway/jsp/frame.h"
#include "jetway/wire/frame.h"

namespace jetway::jsp {

using session::fault;
using session::ProtocolCode;

namespace {

bool is_early(const wire::Frame& frame) {
  return std::holds_alternative<wire::StreamFrame>(frame) ||
         std::holds_alternative<wire::ResetStreamFrame>(frame) ||
         std::holds_alternative<wire::StopSendingFrame>(frame) ||
         std::holds_alternative<wire::DataBlockedFrame>(frame) ||
         std::holds_alternative<wire::StreamDataBlockedFrame>(frame) ||
         std::holds_alternative<wire::StreamsBlockedFrame>(frame);
}

}  // namespace

bool EarlyData::keep(ByteView packet, Ecn ecn) {
  const std::size_t cost = packet.size() + sizeof(Kept);
  if (cost > kKeptMaxBytes - kept_bytes_) return false;
  kept_bytes_ += cost;
  kept_.push_back({.packet = to_bytes(packet), .ecn = ecn});
  return true;
}

std::vector<EarlyData::Kept> EarlyData::accept(const crypto::EarlySecret& secret) {
  opener_.emplace(secret.suite, secret.traffic);
  kept_bytes_ = 0;
  return std::exchange(kept_, {});
}

std::optional<session::Fault> find_forbidden_early(ByteView payload) {
  wire::Reader in{payload};
  for (wire::skip_padding(in); !in.is_empty(); wire::skip_padding(in)) {
    const auto type = peek_frame_type(in);
    if (type == static_cast<std::uint64_t>(FrameType::Ping)) {
      in.varint();
      continue;
    }
    if (!type || is_transport_frame(*type))
      return session::Fault{ProtocolCode::ProtocolViolation, "a frame that Early packets do not have"};
    const auto frame = wire::decode_frame(in);
    if (!frame) return session::Fault{ProtocolCode::FrameEncoding, frame.error().reason};
    if (!is_early(*frame))
      return session::Fault{ProtocolCode::ProtocolViolation, "a frame that Early packets do not have"};
  }
  return std::nullopt;
}

void TicketDelivery::offer(Bytes ticket, std::chrono::milliseconds lifetime) {
  ticket_ = std::move(ticket);
  lifetime_ = lifetime;
  delivery_.request();
}

void TicketDelivery::write_frames(TimePoint, wire::PacketWriter& packet, std::uint64_t record) {
  const NewTicketFrame frame{.lifetime = lifetime_, .ticket = ticket_};
  if (!delivery_.is_wanted() || frame_size(frame) > packet.remaining()) return;
  encode_frame(packet.frames(), frame);
  delivery_.on_sent(record);
}

}  // namespace jetway::jsp
