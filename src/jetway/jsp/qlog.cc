#include "jetway/jsp/qlog.h"

#include <format>
#include <iterator>

#include "jetway/base/text.h"
#include "jetway/jsp/frame.h"
#include "jetway/wire/frame.h"

namespace jetway::jsp {

namespace {

constexpr char kRecordSeparator = '\x1e';

double milliseconds(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

std::string hex_of(ByteView bytes) {
  std::string text;
  for (const std::byte byte : bytes)
    std::format_to(std::back_inserter(text), "{:02x}", std::to_integer<int>(byte));
  return text;
}

// As the content of a JSON string (RFC 8259 section 7). Foreign text may not be UTF-8: what is not ASCII is
// replaced.
std::string escape_json(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      escaped += '\\';
      escaped += c;
    } else if (c < ' ' || c > '~') {
      escaped += '?';
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string_view packet_type(PacketSpace space) {
  switch (space) {
    case PacketSpace::Initial:
      return "initial";
    case PacketSpace::Handshake:
      return "handshake";
    case PacketSpace::Application:
      return "1RTT";
  }
  return "";
}

// Writes the frames of one packet as a JSON array, from the transport's own on.
class FrameLister {
 public:
  explicit FrameLister(std::string& out) : out_(&out) {}

  // `more`: payload that follows the last frame in another piece of memory.
  void list(ByteView frames, std::size_t more) {
    wire::Reader in{frames};
    RangeBuffer ranges;
    for (skip(in); !in.is_empty(); skip(in)) {
      const auto type = peek_frame_type(in);
      if (!type) return;
      if (is_transport_frame(*type)) {
        const auto frame = decode_frame(in, ranges);
        if (!frame) return;
        std::visit([this](const auto& known) { put(known); }, *frame);
        continue;
      }
      const auto frame = wire::decode_frame(in);
      if (!frame) return;
      more_ = in.is_empty() ? more : 0;
      std::visit([this](const auto& known) { put(known); }, *frame);
    }
  }

 private:
  static void skip(wire::Reader& in) { wire::skip_padding(in); }

  template <class... Arguments>
  void add(std::format_string<Arguments...> format, Arguments&&... arguments) {
    if (!std::exchange(is_first_, false)) *out_ += ',';
    std::format_to(std::back_inserter(*out_), format, std::forward<Arguments>(arguments)...);
  }
  void simple(std::string_view name) { add(R"({{"frame_type":"{}"}})", name); }

  void put(const PingFrame&) { simple("ping"); }
  void put(const HandshakeDoneFrame&) { simple("handshake_done"); }
  void put(const ImmediateAckFrame&) { simple("immediate_ack"); }
  void put(const AckFrame& frame) {
    std::string text;
    for (const PacketRange& range : frame.ranges) {
      if (!text.empty()) text += ',';
      std::format_to(std::back_inserter(text), "[{},{}]", range.first, range.last);
    }
    add(R"({{"frame_type":"ack","ack_delay":{:.3f},"acked_ranges":[{}]}})", milliseconds(frame.delay), text);
  }
  void put(const CryptoFrame& frame) {
    add(R"({{"frame_type":"crypto","offset":{},"raw":{{"payload_length":{}}}}})", frame.offset,
        frame.data.size());
  }
  void put(const NewConnectionIdFrame& frame) {
    add(R"({{"frame_type":"new_connection_id","path_id":{},"sequence_number":{},"retire_prior_to":{},"connection_id":"{}"}})",
        frame.path, frame.sequence, frame.retire_prior_to, hex_of(frame.id.view()));
  }
  void put(const RetireConnectionIdFrame& frame) {
    add(R"({{"frame_type":"retire_connection_id","path_id":{},"sequence_number":{}}})", frame.path,
        frame.sequence);
  }
  void put(const PathChallengeFrame&) { simple("path_challenge"); }
  void put(const PathResponseFrame&) { simple("path_response"); }
  void put(const PathAbandonFrame& frame) {
    add(R"({{"frame_type":"path_abandon","path_id":{}}})", frame.path);
  }
  void put(const PathStatusFrame& frame) {
    add(R"({{"frame_type":"path_status","path_id":{},"is_backup":{}}})", frame.path, frame.is_backup);
  }
  void put(const AckFrequencyFrame& frame) {
    add(R"({{"frame_type":"ack_frequency","ack_eliciting_threshold":{},"max_ack_delay":{:.3f}}})",
        frame.ack_eliciting_threshold, milliseconds(frame.max_ack_delay));
  }
  void put(const FecSourceFrame& frame) {
    add(R"({{"frame_type":"jetway:fec_source","group":{},"index":{}}})", frame.group, frame.index);
  }
  void put(const FecRepairFrame& frame) {
    add(R"({{"frame_type":"jetway:fec_repair","group":{},"index":{},"raw":{{"payload_length":{}}}}})",
        frame.group, frame.index, frame.symbol.size());
  }
  void put(const RecoveredFrame&) { simple("jetway:recovered"); }
  void put(const NewTicketFrame&) { simple("jetway:new_ticket"); }

  void put(const wire::StreamFrame& frame) {
    add(R"({{"frame_type":"stream","stream_id":{},"offset":{},"length":{},"fin":{}}})", frame.stream_id,
        frame.offset, frame.data.size() + more_, frame.is_final);
  }
  void put(const wire::ResetStreamFrame& frame) {
    add(R"({{"frame_type":"reset_stream","stream_id":{},"error_code":{},"final_size":{}}})", frame.stream_id,
        frame.error_code, frame.final_size);
  }
  void put(const wire::StopSendingFrame& frame) {
    add(R"({{"frame_type":"stop_sending","stream_id":{},"error_code":{}}})", frame.stream_id,
        frame.error_code);
  }
  void put(const wire::MaxDataFrame& frame) {
    add(R"({{"frame_type":"max_data","maximum":{}}})", frame.maximum);
  }
  void put(const wire::MaxStreamDataFrame& frame) {
    add(R"({{"frame_type":"max_stream_data","stream_id":{},"maximum":{}}})", frame.stream_id, frame.maximum);
  }
  void put(const wire::DatagramFrame& frame) {
    add(R"({{"frame_type":"datagram","length":{}}})", frame.data.size() + more_);
  }
  void put(const wire::ConnectionCloseFrame& frame) {
    add(R"({{"frame_type":"connection_close","error_space":"{}","error_code":{}}})",
        frame.by_application ? "application" : "transport", frame.error_code);
  }
  // The rest says little beyond its name.
  template <class Frame>
  void put(const Frame&) {
    simple("jetway:session");
  }

  std::string* out_;
  bool is_first_ = true;
  std::size_t more_ = 0;
};

}  // namespace

QlogTrace::QlogTrace(const QlogInfo& info, Write write) : write_(std::move(write)), begin_(info.engine) {
  record_ = std::format(
      "{}{{\"qlog_version\":\"0.4\",\"qlog_format\":\"JSON-SEQ\",\"title\":\"jetway\","
      "\"trace\":{{\"vantage_point\":{{\"type\":\"{}\"}},\"common_fields\":{{\"ODCID\":\"{}\","
      "\"time_format\":\"relative\",\"reference_time\":{},\"protocol_type\":[\"JSP\"]}}}}}}\n",
      kRecordSeparator, info.role == session::Role::Dialer ? "client" : "server",
      hex_of(info.original_destination), info.wall.time_since_epoch().count());
  write_(record_);
}

std::string QlogTrace::file_name(const QlogInfo& info) {
  return std::format("{}-{}.sqlog", hex_of(info.original_destination),
                     info.role == session::Role::Dialer ? "dialer" : "listener");
}

void QlogTrace::event(TimePoint now, std::string_view name, std::string_view data) {
  record_.clear();
  std::format_to(std::back_inserter(record_), "{}{{\"time\":{:.3f},\"name\":\"{}\",\"data\":{{{}}}}}\n",
                 kRecordSeparator, milliseconds(now - begin_), name, data);
  write_(record_);
}

void QlogTrace::on_packet(TimePoint now, const TracedPacket& packet) {
  data_.clear();
  std::format_to(
      std::back_inserter(data_),
      R"("header":{{"packet_type":"{}","packet_number":{},"path_id":{}}},"raw":{{"length":{}}},"frames":[)",
      packet_type(packet.space), packet.number, packet.path, packet.bytes);
  FrameLister{data_}.list(packet.frames[0], packet.frames[1].size());
  data_ += ']';
  event(now, packet.direction == TraceDirection::Sent ? "transport:packet_sent" : "transport:packet_received",
        data_);
}

void QlogTrace::on_packet_dropped(TimePoint now, std::size_t bytes, std::string_view why) {
  event(now, "transport:packet_dropped",
        std::format(R"("raw":{{"length":{}}},"trigger":"{}")", bytes, escape_json(why)));
}

void QlogTrace::on_packet_lost(TimePoint now, PacketSpace space, PathId path, const SentPacket& packet) {
  event(now, "recovery:packet_lost",
        std::format(
            R"("header":{{"packet_type":"{}","packet_number":{},"path_id":{}}},"is_mtu_probe_packet":{})",
            packet_type(space), packet.number, path, packet.is_mtu_probe));
}

void QlogTrace::on_metrics(TimePoint now, const TracedMetrics& metrics) {
  data_.clear();
  std::format_to(
      std::back_inserter(data_),
      R"("path_id":{},"smoothed_rtt":{:.3f},"min_rtt":{:.3f},"latest_rtt":{:.3f},"rtt_variance":{:.3f},"congestion_window":{},"bytes_in_flight":{},"pacing_rate":{})",
      metrics.path, milliseconds(metrics.smoothed_rtt), milliseconds(metrics.min_rtt),
      milliseconds(metrics.latest_rtt), milliseconds(metrics.rtt_variation), metrics.congestion_window_bytes,
      metrics.in_flight_bytes, metrics.pacing_rate * 8);
  event(now, "recovery:metrics_updated", data_);
  if (metrics.congestion_state == congestion_state_) return;
  event(now, "recovery:congestion_state_updated",
        std::format(R"("old":"{}","new":"{}")", congestion_state_, metrics.congestion_state));
  congestion_state_ = metrics.congestion_state;
}

void QlogTrace::on_datagram_size(TimePoint now, PathId path, std::size_t bytes) {
  event(now, "connectivity:mtu_updated", std::format(R"("path_id":{},"new":{})", path, bytes));
}

void QlogTrace::on_path(TimePoint now, PathId path, const IpEndpoint& remote, std::string_view what) {
  event(now, "connectivity:path_assigned",
        std::format(R"("path_id":{},"remote":"{}","state":"{}")", path, remote.to_text(), escape_json(what)));
}

void QlogTrace::on_phase(TimePoint now, std::string_view phase) {
  event(now, "connectivity:connection_state_updated", std::format(R"("new":"{}")", escape_json(phase)));
}

void QlogTrace::on_closed(TimePoint now, const session::CloseReason& reason) {
  constexpr auto kOwner = [](session::CloseReason::By by) {
    return by == session::CloseReason::By::Peer ? "remote" : "local";
  };
  event(now, "connectivity:connection_closed",
        std::format(R"("owner":"{}","{}":{},"reason":"{}")", kOwner(reason.by),
                    reason.by_application ? "application_code" : "connection_code", reason.code,
                    escape_json(reason.text)));
}

}  // namespace jetway::jsp
