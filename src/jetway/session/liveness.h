#pragma once

#include <cstdint>
#include <optional>

#include "jetway/base/queue.h"
#include "jetway/session/frame_source.h"
#include "jetway/session/stream_context.h"

namespace jetway::session {

// Whether the peer is still there and how far away it is: PING and PONG, keepalive, the idle timeout (RFC
// 9000 section 10.1), the smoothed round trip (RFC 9002 section 5.3).
class Liveness {
 public:
  Liveness(StreamContext& context, TimePoint now) : context_(&context), last_activity_(now) {}

  // The peer's idle timeout is known; measures the round trip for the first time.
  void on_established(TimePoint now);
  void on_activity(TimePoint now) { last_activity_ = now; }
  void ping() { ping_.request(); }
  void set_rtt(Duration smoothed);

  void handle(const wire::PingFrame& frame);
  void handle(TimePoint now, const wire::PongFrame& frame);

  std::optional<TimePoint> next_timeout() const;
  // False: the connection has been idle for too long.
  bool handle_timeout(TimePoint now);

  SendInterest send_interest() const;
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t packet_number);
  void on_packet_acked(std::uint64_t packet_number) { ping_.on_packet_acked(packet_number); }
  void on_packet_lost(std::uint64_t packet_number) { ping_.on_packet_lost(packet_number); }

  void release_memory() { pongs_.release_memory(); }

 private:
  // Answers that wait; older ones go, since one is as good as another to a peer that asks so often.
  static constexpr std::size_t kPongsMax = 4;

  Duration keepalive() const;  // zero: never
  std::optional<TimePoint> keepalive_at() const;
  std::optional<TimePoint> idle_at() const;

  StreamContext* context_;
  bool is_established_ = false;
  Duration idle_timeout_{0};  // zero: never
  TimePoint last_activity_;
  std::optional<TimePoint> last_keepalive_;

  Delivery ping_;
  std::uint64_t token_ = 0;           // of the newest PING
  std::optional<TimePoint> sent_at_;  // while it is not answered
  Queue<std::uint64_t> pongs_;
};

}  // namespace jetway::session
