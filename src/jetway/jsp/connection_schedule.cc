#include <algorithm>
#include <limits>
#include <utility>

#include "jetway/jsp/connection_state.h"

namespace jetway::jsp {

namespace {

// How often a path is acknowledged in a round trip (docs/protocol/jsp.md section 7.3).
constexpr int kAcksPerRoundTrip = 4;

PathStanding standing(const Path& path) {
  if (path.is_suspect) return PathStanding::Silent;
  if (!path.is_validated) return PathStanding::Unvalidated;
  return path.is_backup ? PathStanding::Backup : PathStanding::Ready;
}

// What it delivers: what it may have on the way in a round trip, unless it is paced below that.
std::uint64_t rate_of(const Recovery& recovery) {
  const double seconds = std::chrono::duration<double>(recovery.rtt().smoothed()).count();
  const auto window = static_cast<double>(recovery.controller().window_bytes());
  const auto by_window = static_cast<std::uint64_t>(window / std::max(seconds, 1e-6));
  const std::uint64_t pacing = recovery.controller().pacing_rate();
  return pacing == 0 ? by_window : std::min(by_window, pacing);
}

PathLoad load_of(TimePoint now, const Path& path) {
  const RttEstimator& rtt = path.recovery.rtt();
  PathLoad load{.id = path.id,
                .standing = standing(path),
                .rtt = rtt.smoothed(),
                .rtt_variation = rtt.variation(),
                .rate = rate_of(path.recovery),
                .room_bytes = path.amplification_room() < kPaddedDatagramBytes
                                  ? 0
                                  : path.recovery.send_budget_bytes(now),
                .wait = rtt.smoothed() / kAcksPerRoundTrip};
  if (const auto next = path.recovery.next_send_time(now);
      next && path.recovery.send_limit(now) == SendLimit::Pacing)
    load.wait = *next - now;
  return load;
}

}  // namespace

// The path that content goes on next, and how much of it before we look again.
std::optional<PathChoice> Connection::State::choose_content_path(TimePoint now) {
  constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
  if (paths_.size() == 1) {
    const Path& only = *paths_.front();
    if (only.amplification_room() < kPaddedDatagramBytes) return std::nullopt;
    return PathChoice{.path = only.id, .bytes_max = kAll};
  }
  load_paths(now);
  if (config_.schedule == PathSchedule::Redundant && are_copies_coming(now)) return std::nullopt;
  // Counting costs a look at every stream.
  const bool matters = config_.schedule == PathSchedule::Aggregate;
  return choose_path(config_.schedule, loads_, matters ? session_.sendable_bytes() : 0);
}

void Connection::State::load_paths(TimePoint now) {
  loads_.clear();
  for (const auto& path : paths_) {
    if (!path->is_given_up && remote_ids_.current(path->id)) loads_.push_back(load_of(now, *path));
  }
}

// What a path that is not the chosen one may carry: nothing, unless it has to probe and so may as well.
std::uint64_t Connection::State::content_allowance(const Path& path,
                                                   const std::optional<PathChoice>& choice) const {
  if (choice && choice->path == path.id) return choice->bytes_max;
  const bool is_probing = path.recovery.probes_wanted(PacketSpace::Application) > 0;
  const bool is_trusted = path.is_usable() && !path.is_suspect && !path.is_backup;
  return is_probing && is_trusted ? kPaddedDatagramBytes : 0;
}

// ---- copies ----

// What is of class System goes over two paths, and everything does where that is wanted.
void Connection::State::keep_copy(const Path& path, std::uint64_t record,
                                  const std::array<ByteView, 2>& frames, bool has_system) {
  if (copies_everything() || (has_system && usable_paths() > 1)) copies_.add(path.id, record, frames);
}

bool Connection::State::copies_everything() const {
  return config_.schedule == PathSchedule::Redundant && usable_paths() > 1;
}

// The last copies wait for nothing but their turn: more would only make them later. Where they wait for a
// window the path may be gone, and nobody waits for it.
bool Connection::State::are_copies_coming(TimePoint now) {
  return copies_.any([&](const PacketCopies::Copy& copy) {
    const auto id = choose_path_of_copy(loads_, copy.sent_on);
    return id && find_path(*id)->recovery.send_limit(now) != SendLimit::Congestion;
  });
}

std::optional<Transmit> Connection::State::transmit_copy(Now now, MutableBytes out) {
  if (copies_.is_empty()) return std::nullopt;
  if (usable_paths() < 2) copies_.clear();
  load_paths(now.engine);
  Path* path = nullptr;
  const auto has_room = [&](const PacketCopies::Copy& copy) {
    const auto id = choose_path_of_copy(loads_, copy.sent_on);
    path = id ? find_path(*id) : nullptr;
    return path != nullptr && path->recovery.send_budget_bytes(now.engine) > 0;
  };
  while (const auto copy = copies_.take_first(has_room)) {
    const ConnectionId destination = *remote_ids_.current(path->id);
    const std::size_t overhead = short_header_bytes(destination.size(), kPacketNumberMaxBytes) + kTagBytes;
    if (copy->frames.size() + overhead > datagram_bytes(*path)) continue;
    SentPacket sent;
    sent.is_ack_eliciting = true;
    const HeaderLayout layout = begin_packet(*path, destination, kPacketNumberMaxBytes, sent, out);
    copies_.on_sent(copy->record, sent.record);
    return transmit_packet(now, *path, {ByteView{copy->frames}, ByteView{}}, layout, sent, out);
  }
  return std::nullopt;
}

}  // namespace jetway::jsp
