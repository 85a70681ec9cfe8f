#pragma once

#include <cstdint>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/base/time.h"
#include "jetway/crypto/handshake.h"
#include "jetway/jsp/frame.h"
#include "jetway/session/frame_source.h"
#include "jetway/session/range_set.h"
#include "jetway/wire/packet_writer.h"

namespace jetway::jsp {

// The handshake's bytes in one packet space (RFC 9000 section 7.5), both ways: an ordered stream without flow
// control, since it is bounded as a whole.
class CryptoStream {
 public:
  // Two messages of the largest size: an Init, and the Init that answers a Retry of the handshake. What a
  // peer sends beyond is a fault.
  static constexpr std::size_t kReceivedMaxBytes = 2 * crypto::kHandshakeMessageMaxBytes;

  // ---- receiving ----

  session::Checked<void> handle(const CryptoFrame& frame);
  // What has arrived in order and was not consumed.
  ByteView readable() const { return ByteView{received_}.subspan(consumed_, readable_end() - consumed_); }
  void consume(std::size_t count) { consumed_ += count; }
  std::size_t buffered_bytes() const { return received_.size(); }

  // ---- sending ----

  void write(ByteView bytes);
  session::SendInterest send_interest() const;
  // At most, with the headers of the frames.
  std::size_t wanted_bytes() const;
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t record);
  void on_packet_acked(std::uint64_t record);
  void on_packet_lost(std::uint64_t record);
  bool is_acked() const { return acked_bytes_ == output_.size(); }

 private:
  struct Sent {
    std::uint64_t record = 0;
    session::Range range;
  };
  std::size_t readable_end() const;

  Bytes received_;  // up to the highest offset; what is not there yet is zero
  session::RangeSet arrived_;
  std::size_t consumed_ = 0;

  Bytes output_;
  std::uint64_t next_ = 0;  // first byte that was never sent
  session::RangeSet lost_;
  session::RangeSet acked_;
  std::size_t acked_bytes_ = 0;
  std::vector<Sent> sent_;
};

static_assert(session::FrameSource<CryptoStream>);

}  // namespace jetway::jsp
