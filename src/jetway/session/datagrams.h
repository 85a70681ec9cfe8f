#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "jetway/base/queue.h"
#include "jetway/session/frame_source.h"
#include "jetway/session/stream_context.h"

namespace jetway::session {

// Datagrams (RFC 9221): sent once, never again, and never split. Both queues are bounded; the oldest goes
// first.
class Datagrams {
 public:
  explicit Datagrams(StreamContext& context) : context_(&context) {}

  std::expected<void, StreamError> send(ByteView datagram);
  Checked<void> handle(const wire::DatagramFrame& frame);
  std::optional<Buffer> take_received();

  SendInterest send_interest() const {
    return outgoing_.empty() ? SendInterest::None : SendInterest::NewData;
  }
  // One that fits no packet is dropped.
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t packet_number);
  void on_packet_acked(std::uint64_t) {}
  void on_packet_lost(std::uint64_t) {}

  void release_memory() {
    outgoing_.release_memory();
    incoming_.release_memory();
  }

  void check_invariants() const;

 private:
  void push(Queue<Buffer>& queue, ByteView datagram);

  StreamContext* context_;
  Queue<Buffer> outgoing_;
  Queue<Buffer> incoming_;
  std::uint32_t refusals_ = 0;  // packets in a row that the first one did not fit into
};

}  // namespace jetway::session
