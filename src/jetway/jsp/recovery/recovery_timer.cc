// When to look again: the loss time and the probe timeout of RFC 9002 section 6.2 and appendix A.8, A.9.
#include <algorithm>

#include "jetway/jsp/recovery/recovery.h"

namespace jetway::jsp {
namespace {

constexpr std::uint32_t kProbesMax = 2;  // RFC 9002 section 6.2.4
constexpr std::uint32_t kBackOffsMax = 16;

}  // namespace

Duration Recovery::probe_timeout() const { return probe_timeout(PacketSpace::Application); }

Duration Recovery::probe_timeout(PacketSpace space) const {
  const Duration timeout = rtt_.probe_timeout(config_.timer_granularity);
  return space == PacketSpace::Application ? timeout + peer_max_ack_delay_ : timeout;
}

Duration Recovery::backed_off(Duration timeout) const {
  const std::int64_t factor = std::int64_t{1} << std::min(probe_timeouts_in_a_row_, kBackOffsMax);
  return std::min(timeout * factor, std::max(timeout, config_.probe_interval_max));
}

Recovery::Timer Recovery::loss_timer() const {
  Timer timer;
  for (const PacketSpace space : live_spaces()) {
    if (of(space).loss_time < timer.at) timer = {.at = of(space).loss_time, .space = space};
  }
  return timer;
}

Recovery::Timer Recovery::probe_timer() const {
  Timer timer;
  if (is_amplification_limited_) return timer;
  for (const PacketSpace space : live_spaces()) {
    const Space& s = of(space);
    if (s.eliciting_on_the_way == 0) continue;
    // What the peer cannot open yet it cannot acknowledge.
    if (space == PacketSpace::Application && !is_handshake_confirmed_) continue;
    const Duration timeout = backed_off(probe_timeout(space));
    // What is sent again and again (keepalives, small messages) must not put it off for ever.
    const TimePoint last = std::min(s.last_eliciting_sent_at, s.on_the_way.front().sent_at + timeout);
    // A timeout that could not be followed by a probe is not due again at once.
    const TimePoint at = std::max(last, last_probe_timeout_at_) + timeout;
    if (at < timer.at) timer = {.at = at, .space = space};
  }
  if (timer.at != kNever || !peer_may_be_blocked_) return timer;

  const bool has_initial = !is_discarded(PacketSpace::Initial);
  if (!has_initial && is_discarded(PacketSpace::Handshake)) return timer;
  return {.at = blocked_since_ + backed_off(probe_timeout(PacketSpace::Initial)),
          .space = has_initial ? PacketSpace::Initial : PacketSpace::Handshake};
}

std::optional<TimePoint> Recovery::silent_at() const {
  const Space& s = of(PacketSpace::Application);
  std::optional<TimePoint> since;
  // The loss of an MTU probe is no sign of silence; there is one at a time.
  s.on_the_way.for_oldest(2, [&](const SentPacket& packet) {
    if (!since && packet.is_ack_eliciting && !packet.is_mtu_probe) since = packet.sent_at;
  });
  if (!since) return std::nullopt;
  return std::max(*since, last_acked_at_) + probe_timeout();
}

std::optional<TimePoint> Recovery::next_timeout() const {
  Timer timer = loss_timer();
  if (timer.at == kNever) timer = probe_timer();
  return timer.at == kNever ? std::nullopt : std::optional{timer.at};
}

void Recovery::handle_timeout(TimePoint now, PacketFate& fate) {
  const Timer loss = loss_timer();
  if (loss.at != kNever) {
    if (now < loss.at) return;
    Progress progress = begin(now, loss.space, fate);
    detect_losses(progress);
    finish(progress);
    return;
  }
  const Timer probe = probe_timer();
  if (probe.at != kNever && now >= probe.at) on_probe_timeout(now, probe.space, fate);
}

void Recovery::on_probe_timeout(TimePoint now, PacketSpace space, PacketFate& fate) {
  ++counts_.probe_timeouts;
  ++probe_timeouts_in_a_row_;
  last_probe_timeout_at_ = blocked_since_ = now;
  ecn_.on_probe_timeout(probe_timeouts_in_a_row_);
  for (const PacketSpace each : live_spaces()) {
    // RFC 9002 section 6.2.4: what else is on the way may as well go into the same datagrams.
    const bool has_more =
        of(each).eliciting_on_the_way > 0 && (each != PacketSpace::Application || is_handshake_confirmed_);
    if (each == space || has_more) ask_for_probes(now, each, fate);
  }
}

void Recovery::ask_for_probes(TimePoint now, PacketSpace space, PacketFate& fate) {
  Space& s = of(space);
  s.probes_wanted = std::clamp(s.eliciting_on_the_way, std::uint32_t{1}, kProbesMax);
  // What went into an earlier probe is in that one's frames now.
  s.on_the_way.for_oldest(
      s.probes_wanted, [](const SentPacket& packet) { return packet.is_ack_eliciting && !packet.is_overdue; },
      [&](SentPacket& packet) {
        packet.is_overdue = true;
        fate.on_packet_overdue(now, space, packet);
      });
}

}  // namespace jetway::jsp
