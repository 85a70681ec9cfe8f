#include "jetway/node/connection_config.h"

#include <algorithm>
#include <utility>

namespace jetway::node {

transport::TransportConfig transport_config(const NetworkSettings& settings,
                                            std::shared_ptr<const crypto::Identity> identity) {
  transport::TransportConfig config;
  config.connect_timeout = settings.connect_timeout;
  config.stalled_timeout = settings.stalled_timeout;
  config.connections_max = settings.connections_max;
  config.socket_buffer_bytes = static_cast<int>(settings.socket_buffer.bytes);

  framed::FramedConfig& framed = config.framed;
  framed.handshake_timeout = settings.handshake_timeout;
  framed.admission_timeout = settings.admission_timeout;
  framed.packet_payload_bytes = settings.packet_size.bytes;

  jsp::JspConfig& jsp = config.jsp;
  jsp.handshake_timeout = settings.handshake_timeout;
  jsp.admission_timeout = settings.admission_timeout;
  jsp.congestion.algorithm = settings.congestion;
  jsp.fec = settings.fec;

  config.handshake.identity = std::move(identity);
  config.handshake.clock_tolerance = settings.clock_tolerance;
  if (!settings.suites.empty()) config.handshake.suites = settings.suites;

  session::SessionConfig& session = config.session;
  session.idle_timeout = settings.idle_timeout;
  session.network = settings.status;
  session.is_background = settings.background;
  session.keepalive = settings.keepalive;
  session.keepalive_background = settings.keepalive_background;
  session.stream_window_max_bytes = settings.stream_window.bytes;
  session.stream_window_bytes = std::min(session.stream_window_bytes, session.stream_window_max_bytes);
  session.connection_window_max_bytes = settings.connection_window.bytes;
  session.connection_window_bytes =
      std::min(session.connection_window_bytes, session.connection_window_max_bytes);
  return config;
}

TransferTuning transfer_tuning(const TransferSettings& settings) {
  TransferTuning tuning;
  tuning.chunk_buffers = settings.buffers;
  tuning.data_streams = settings.streams;
  return tuning;
}

}  // namespace jetway::node
