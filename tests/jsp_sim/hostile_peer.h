#pragma once

#include <deque>
#include <functional>
#include <optional>

#include "jetway/crypto/handshake.h"
#include "jetway/jsp/config.h"
#include "jetway/jsp/crypto_stream.h"
#include "jetway/jsp/frame.h"
#include "jetway/jsp/protection/application_keys.h"
#include "jetway/wire/frame.h"
#include "jetway/wire/writer.h"
#include "tests/sim/host.h"

namespace jetway::sim {

// A dialer that proves who it is as it should and then sends whatever frames a test wants, with no regard for
// any limit. It acknowledges nothing by itself and repeats nothing: its links should not lose.
class HostilePeer final : public DatagramNode {
 public:
  HostilePeer(Host& host, jsp::JspConfig config, const IpEndpoint& listener, std::uint64_t seed);
  HostilePeer(const HostilePeer&) = delete;
  HostilePeer& operator=(const HostilePeer&) = delete;
  ~HostilePeer() override;

  // The handshake is done on its side.
  bool is_established() const { return keys_.has_value(); }

  // A packet with these frames, after the handshake.
  void send(const std::function<void(wire::Writer&)>& write_frames);
  // An Early packet with these frames; the configuration has a ticket. Goes before the handshake is done.
  void send_early(const std::function<void(wire::Writer&)>& write_frames);
  // An Initial packet with these frames, besides those of the handshake.
  void send_initial(const std::function<void(wire::Writer&)>& write_frames);

  // Of packets with short headers; 0: none.
  std::uint64_t packets_received = 0;
  std::optional<jsp::PacketNumber> largest_received;
  std::uint64_t packets_sent = 0;

  void handle_datagram(const Now& now, const jsp::Datagram& datagram) override;
  std::optional<jsp::Transmit> poll_transmit(const Now& now, MutableBytes out) override;
  std::optional<TimePoint> next_timeout() override { return std::nullopt; }
  void handle_timeout(const Now&) override {}
  void handle_send_error(const Now&, const jsp::Transmit&, SendError) override {}

 private:
  void start();
  void send_handshake(jsp::PacketType type, jsp::Sealer& sealer, jsp::PacketNumber& number,
                      const std::function<bool(wire::PacketWriter&)>& write);
  void take_initial(const Now& now, ByteView payload);
  void go_on(const Now& now);

  Host& host_;
  jsp::JspConfig config_;
  IpEndpoint listener_;
  SeededRandom random_;
  crypto::HandshakeRandom client_random_{};
  std::optional<crypto::Handshake> handshake_;
  std::optional<jsp::Sealer> initial_sealer_;
  std::optional<jsp::Opener> initial_opener_;
  std::optional<jsp::Sealer> early_sealer_;
  std::optional<jsp::ApplicationKeys> keys_;
  jsp::PathOpenState open_state_;
  jsp::CryptoStream initial_;
  jsp::CryptoStream confirming_;
  jsp::ConnectionId destination_;
  std::optional<jsp::PacketNumber> largest_initial_;
  jsp::PacketNumber next_initial_ = 0;
  jsp::PacketNumber next_confirming_ = 0;
  jsp::PacketNumber next_number_ = 0;
  std::uint64_t record_ = 1;
  std::deque<Bytes> queue_;
};

}  // namespace jetway::sim
