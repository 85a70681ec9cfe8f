#include "jetway/jsp/path.h"

namespace jetway::jsp {

namespace {

RecoveryConfig recovery_config(const JspConfig& config) {
  return {.congestion = config.congestion, .uses_ecn = config.uses_ecn};
}
AckConfig ack_config(const JspConfig& config) {
  return {.packets_max = config.ack_packets_max, .max_ack_delay = config.max_ack_delay};
}
MtuConfig mtu_config(const JspConfig& config) {
  return {.maximum_bytes = config.discovers_mtu ? config.datagram_max_bytes : kBaseDatagramBytes};
}

}  // namespace

Path::Path(PathId path, const IpEndpoint& local_address, const IpEndpoint& remote_address,
           const JspConfig& config, TimePoint now, std::uint64_t seed)
    : id(path),
      local(local_address),
      remote(remote_address),
      recovery(recovery_config(config), kBaseDatagramBytes, now, seed),
      acks(PacketSpace::Application, ack_config(config)),
      mtu(mtu_config(config)),
      open_state{.path = path, .largest = std::nullopt} {}

void Path::ask_for_acks(TimePoint now) {
  ack_frequency.update(now, recovery.controller().window_bytes() / recovery_datagram_bytes,
                       recovery.rtt().smoothed(), recovery.packet_threshold());
  recovery.set_peer_max_ack_delay(ack_frequency.peer_max_ack_delay());
}

}  // namespace jetway::jsp
