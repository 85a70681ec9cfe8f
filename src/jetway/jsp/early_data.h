#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/base/time.h"
#include "jetway/crypto/handshake.h"
#include "jetway/jsp/protection/packet_protection.h"
#include "jetway/jsp/types.h"
#include "jetway/session/frame_source.h"
#include "jetway/wire/packet_writer.h"

// Early data (docs/protocol/jsp.md section 4.6).
namespace jetway::jsp {

// The keys of Early packets for as long as there may be some, and at the listener those packets that came
// before it had the keys. Their numbers and acknowledgements are those of path 0.
class EarlyData {
 public:
  // Kept at a time, with what keeping costs; what comes beyond is dropped.
  static constexpr std::size_t kKeptMaxBytes = 16 * 1024;
  struct Kept {
    Bytes packet;
    Ecn ecn = Ecn::NotCapable;
  };

  // ---- dialer ----

  void offer(const crypto::EarlySecret& secret) { sealer_.emplace(secret.suite, secret.traffic); }
  // The listener will open none, or better keys are there.
  void withdraw() { sealer_.reset(); }
  // Null: nothing is sent early (any more).
  Sealer* sealer() { return sealer_ ? &*sealer_ : nullptr; }

  // ---- listener ----

  // False: there is no room.
  bool keep(ByteView packet, Ecn ecn);
  // The ticket was taken: packets can be opened from now on. Those that were kept, as they came.
  std::vector<Kept> accept(const crypto::EarlySecret& secret);
  bool is_accepted() const { return opener_.has_value(); }
  Opened open(const PacketHeader& header, MutableBytes packet, std::optional<PacketNumber> largest) {
    return opener_->open(header, packet, largest);
  }
  // A packet with a short header has come: Early ones are only late now (RFC 9001 section 4.9.3).
  void end_at(TimePoint time) {
    if (!ends_at_) ends_at_ = time;
  }
  std::optional<TimePoint> next_timeout() const { return ends_at_; }

 private:
  std::optional<Sealer> sealer_;
  std::optional<Opener> opener_;
  std::vector<Kept> kept_;
  std::size_t kept_bytes_ = 0;
  std::optional<TimePoint> ends_at_;
};

// What an Early packet may not hold: everything but PADDING, PING, and of the session's frames those that
// carry a stream towards the listener.
std::optional<session::Fault> find_forbidden_early(ByteView payload);

// Listener: NEW_TICKET, sent until the peer has it.
class TicketDelivery {
 public:
  void offer(Bytes ticket, std::chrono::milliseconds lifetime);

  session::SendInterest send_interest() const { return delivery_.send_interest(); }
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t record);
  // True when the peer has it.
  bool on_packet_acked(std::uint64_t record) { return delivery_.on_packet_acked(record); }
  void on_packet_lost(std::uint64_t record) { delivery_.on_packet_lost(record); }

 private:
  Bytes ticket_;
  std::chrono::milliseconds lifetime_{0};
  session::Delivery delivery_;
};

static_assert(session::FrameSource<TicketDelivery>);

// What tickets take: at the listener until the dialer has its own, at the dialer for as long as some may
// come.
struct Resumption {
  crypto::SecretBytes secret;
  std::uint16_t version = 0;
  TicketDelivery new_ticket{};    // listener
  std::size_t tickets_taken = 0;  // dialer
};

}  // namespace jetway::jsp
