#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "jetway/jsp/trace.h"

namespace jetway::jsp {

struct QlogInfo {
  session::Role role = session::Role::Dialer;
  ByteView original_destination;  // names the connection on both ends
  WallTime wall{};                // of `engine`
  TimePoint engine{};
};

// Writes a connection's trace as qlog (draft-ietf-quic-qlog-main-schema), in JSON text sequences (RFC 7464):
// what qvis and its like read. Packet, recovery and connectivity events have the names and fields of
// draft-ietf-quic-qlog-quic-events; frames that QUIC does not have stand under "jetway:" names.
//
// `write` takes whole records, without line ends of their own; it may drop them, and is called from the
// connection's thread. Payload never appears in a trace, only its sizes.
class QlogTrace final : public Trace {
 public:
  using Write = std::function<void(std::string_view record)>;
  QlogTrace(const QlogInfo& info, Write write);

  void on_packet(TimePoint now, const TracedPacket& packet) override;
  void on_packet_dropped(TimePoint now, std::size_t bytes, std::string_view why) override;
  void on_packet_lost(TimePoint now, PacketSpace space, PathId path, const SentPacket& packet) override;
  void on_metrics(TimePoint now, const TracedMetrics& metrics) override;
  void on_datagram_size(TimePoint now, PathId path, std::size_t bytes) override;
  void on_path(TimePoint now, PathId path, const IpEndpoint& remote, std::string_view what) override;
  void on_phase(TimePoint now, std::string_view phase) override;
  void on_closed(TimePoint now, const session::CloseReason& reason) override;

  // As in "6a657477617931-dialer.sqlog".
  static std::string file_name(const QlogInfo& info);

 private:
  void event(TimePoint now, std::string_view name, std::string_view data);

  Write write_;
  TimePoint begin_;
  std::string record_;  // reused
  std::string data_;    // reused
  std::string_view congestion_state_;
};

}  // namespace jetway::jsp
