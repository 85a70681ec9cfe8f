#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "jetway/base/time.h"
#include "jetway/jsp/fec/controller.h"
#include "jetway/jsp/fec/decoder.h"
#include "jetway/jsp/fec/encoder.h"
#include "jetway/jsp/frame.h"
#include "jetway/session/frame_source.h"
#include "jetway/session/types.h"
#include "jetway/wire/packet_writer.h"

namespace jetway::jsp {

struct FecConfig {
  // Off: protects nothing; what the peer protects is repaired all the same.
  bool protects = true;
  FecControllerConfig controller = {};
  FecDecoderConfig decoder = {};
};

struct FecStatistics {
  std::uint64_t packets_protected = 0;
  std::uint64_t repairs_sent = 0;
  std::uint64_t repair_bytes_sent = 0;
  std::uint64_t packets_repaired = 0;  // of what came
};

// Forward error correction of one connection, both ways (docs/protocol/jsp.md section 11). A frame source for
// FEC_REPAIR and RECOVERED; packets are known by their records.
//
// Whoever builds a packet asks, after all other frames of JSP, session.wants_protection() and mark(), writes
// the mark and leaves kReserveBytes free of session frames. When these have been written, on_packet_built()
// is told what stands behind the mark, padding included: that is what a repair gives back. Where it says that
// the packet is not protected, the mark goes (or becomes padding).
class Fec {
 public:
  // What the payload of a packet with a mark leaves free of session frames, so that its repair symbol, some
  // 30 bytes longer, fits into a packet of the same size beside an ACK.
  static constexpr std::size_t kReserveBytes = 64;

  explicit Fec(const FecConfig& config = {});

  // --- what we send ---

  // For the next packet; nullopt while nothing is protected.
  std::optional<FecSourceFrame> mark() const;
  // False: it is not protected, the mark is not used up.
  bool on_packet_built(TimePoint now, PathId path, PacketNumber number, const std::array<ByteView, 2>& frames,
                       const session::PacketContent& content);
  void set_rtt(Duration smoothed) { controller_.set_rtt(smoothed); }
  // What the peer said in the handshake: without, nothing is protected.
  void set_peer_takes_repair(bool takes_repair) { protects_ &= takes_repair; }

  session::SendInterest send_interest() const;
  // At most one repair symbol per packet.
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t record);
  // Of every packet of the application space; a packet that the peer repaired has been lost.
  void on_packet_acked(std::uint64_t record);
  void on_packet_lost(std::uint64_t record);

  std::optional<TimePoint> next_timeout() const;
  void handle_timeout(TimePoint now);

  // --- what comes ---

  // Before the frames behind the mark are used. False: they have been repaired, skip them.
  session::Checked<bool> on_source(const FecSourceFrame& mark, PathId path, PacketNumber number,
                                   ByteView frames);
  session::Checked<void> on_repair(const FecRepairFrame& repair);
  // After each of these until it gives nothing: frames of the session to be used as if they had come now.
  // Their packet is not acknowledged; it is reported as RECOVERED.
  std::optional<RepairedPacket> poll_repaired();

  // Nothing has come or gone for a while.
  void release_memory();

  bool is_protecting() const { return sending_ != nullptr && protects_ && controller_.is_on(); }
  const FecController& controller() const { return controller_; }
  const FecStatistics& statistics() const { return statistics_; }
  void check_invariants() const;

 private:
  // What is said in RECOVERED until it is acknowledged, the newest last, at most so many.
  static constexpr std::size_t kRecoveredMax = kRecoveredRangesMax;
  struct Recovered {
    PathId path = 0;
    PacketNumber number = 0;
  };
  // A connection that loses nothing has neither of these.
  struct Sending {
    FecEncoder encoder;
    std::optional<TimePoint> group_began;  // while a group is open
    std::size_t group_bytes = 0;           // of its packets
    TimePoint last_source{};
    std::uint32_t refusals = 0;  // packets that had no room for the first repair symbol
  };
  struct Receiving {
    explicit Receiving(const FecDecoderConfig& config) : decoder(config) {}

    FecDecoder decoder;
    std::array<Recovered, kRecoveredMax> recovered{};
    std::size_t recovered_count = 0;
    session::Delivery delivery;
  };
  FecDecoder& decoder();
  bool expects_more(TimePoint now) const;
  void write_repair(wire::PacketWriter& packet);
  void write_recovered(wire::PacketWriter& packet, std::uint64_t record);
  void note_recovered(PathId path, PacketNumber number);

  bool protects_;
  FecDecoderConfig decoder_config_;
  FecController controller_;
  FecStatistics statistics_;
  std::unique_ptr<Sending> sending_;
  std::unique_ptr<Receiving> receiving_;
};

}  // namespace jetway::jsp
