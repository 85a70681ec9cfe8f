#include "jetway/transport/tcp_path.h"

#include <limits>

#include <linux/tcp.h>  // has what <netinet/tcp.h> lacks, and cannot be included beside it
#include <netinet/in.h>
#include <sys/socket.h>

namespace jetway::transport {

namespace {

using std::chrono::microseconds;

// More than so many bytes that wait in the socket are a sign that the application is ahead of the network.
constexpr std::uint32_t kNotSentMin = 1;

session::LimitedBy limit_of(const tcp_info& info) {
  using enum session::LimitedBy;
  if (info.tcpi_notsent_bytes < kNotSentMin) return Application;
  if (info.tcpi_unacked < info.tcpi_snd_cwnd) {
    const std::uint64_t in_flight = std::uint64_t{info.tcpi_unacked} * info.tcpi_snd_mss;
    if (info.tcpi_snd_wnd != 0 && in_flight + info.tcpi_snd_mss > info.tcpi_snd_wnd) return ReceiverWindow;
    return Pacing;
  }
  return Congestion;
}

}  // namespace

session::PathStatistics measure_tcp_path(int descriptor) {
  session::PathStatistics path;
  tcp_info info{};
  socklen_t size = sizeof info;  // an older kernel fills in less
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return path;
  if (info.tcpi_rtt != 0) path.rtt = microseconds{info.tcpi_rtt};
  if (info.tcpi_min_rtt != 0 && info.tcpi_min_rtt != std::numeric_limits<std::uint32_t>::max())
    path.min_rtt = microseconds{info.tcpi_min_rtt};
  path.packets_sent = info.tcpi_data_segs_out;
  path.packets_lost = info.tcpi_total_retrans;  // what is sent again was taken for lost
  path.bytes_retransmitted = info.tcpi_bytes_retrans;
  path.congestion_window_bytes = std::uint64_t{info.tcpi_snd_cwnd} * info.tcpi_snd_mss;
  if (info.tcpi_pacing_rate != std::numeric_limits<std::uint64_t>::max())
    path.pacing_bytes_per_second = info.tcpi_pacing_rate;
  path.mtu_bytes = info.tcpi_pmtu;
  path.limited_by = limit_of(info);
  return path;
}

}  // namespace jetway::transport
