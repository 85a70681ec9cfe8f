#include "jetway/jsp/crypto_stream.h"

#include <algorithm>

namespace jetway::jsp {

using session::fault;
using session::ProtocolCode;
using session::SendInterest;

namespace {

// Type, offset and length.
constexpr std::size_t kFrameHeaderMaxBytes = 1 + 4 + 4;
// A piece of the handshake is not worth a frame below this.
constexpr std::size_t kPieceMinBytes = 32;

}  // namespace

session::Checked<void> CryptoStream::handle(const CryptoFrame& frame) {
  if (frame.data.size() > kReceivedMaxBytes || frame.offset > kReceivedMaxBytes - frame.data.size()) {
    return fault(ProtocolCode::CryptoBuffer, "more handshake than there can be");
  }
  const auto begin = static_cast<std::size_t>(frame.offset);
  const std::size_t end = begin + frame.data.size();
  if (end <= consumed_ || frame.data.empty()) return {};
  if (received_.size() < end) received_.resize(end);
  // The first copy of a byte counts: what was acted upon is not changed afterwards.
  session::RangeSet missing;
  missing.add({begin, end});
  for (const session::Range& range : arrived_.ranges()) missing.remove(range);
  for (const session::Range& range : missing.ranges()) {
    copy_bytes(MutableBytes{received_}.subspan(range.begin, range.size()),
               frame.data.subspan(range.begin - begin, range.size()));
  }
  arrived_.add({begin, end});
  return {};
}

std::size_t CryptoStream::readable_end() const {
  if (arrived_.is_empty() || arrived_.front().begin > 0) return 0;
  return static_cast<std::size_t>(arrived_.front().end);
}

void CryptoStream::write(ByteView bytes) { output_.insert(output_.end(), bytes.begin(), bytes.end()); }

SendInterest CryptoStream::send_interest() const {
  if (!lost_.is_empty()) return SendInterest::LostData;
  return next_ < output_.size() ? SendInterest::NewData : SendInterest::None;
}

std::size_t CryptoStream::wanted_bytes() const {
  std::size_t wanted = next_ < output_.size() ? output_.size() - next_ + kFrameHeaderMaxBytes : 0;
  for (const session::Range& range : lost_.ranges()) wanted += range.size() + kFrameHeaderMaxBytes;
  return wanted;
}

void CryptoStream::write_frames(TimePoint, wire::PacketWriter& packet, std::uint64_t record) {
  while (send_interest() != SendInterest::None) {
    const session::Range wanted = lost_.is_empty() ? session::Range{next_, output_.size()} : lost_.front();
    CryptoFrame frame{.offset = wanted.begin, .data = {}};
    const std::size_t overhead = frame_size(frame) + 1;  // the length may take a byte more
    if (packet.remaining() < overhead + std::min<std::size_t>(wanted.size(), kPieceMinBytes)) return;
    const auto count = std::min<std::uint64_t>(wanted.size(), packet.remaining() - overhead);
    frame.data = ByteView{output_}.subspan(wanted.begin, count);
    encode_frame(packet.frames(), frame);
    const session::Range range{wanted.begin, wanted.begin + count};
    lost_.remove(range);
    next_ = std::max(next_, range.end);
    sent_.push_back({record, range});
  }
}

void CryptoStream::on_packet_acked(std::uint64_t record) {
  std::erase_if(sent_, [&](const Sent& sent) {
    if (sent.record != record) return false;
    acked_.add(sent.range);
    lost_.remove(sent.range);
    return true;
  });
  acked_bytes_ = 0;
  for (const session::Range& range : acked_.ranges()) acked_bytes_ += range.size();
}

void CryptoStream::on_packet_lost(std::uint64_t record) {
  std::erase_if(sent_, [&](const Sent& sent) {
    if (sent.record != record) return false;
    lost_.add(sent.range);
    return true;
  });
  for (const session::Range& range : acked_.ranges()) lost_.remove(range);
}

}  // namespace jetway::jsp
