#include <algorithm>
#include <iterator>

#include "jetway/base/assert.h"
#include "jetway/jsp/connection_state.h"
#include "jetway/jsp/protection/stateless_reset.h"

namespace jetway::jsp {

using session::Role;

namespace {

// How long a path that went silent is asked whether it is back.
constexpr Duration kSuspectLimit = std::chrono::seconds(30);
// Path IDs ahead of those in use for which the peer gets connection IDs.
constexpr std::size_t kPathsAhead = 2;

// Paths that were given up and are remembered, for people.
constexpr std::ptrdiff_t kFormerPathsMax = 4;

bool is_unspecified(const IpEndpoint& endpoint) { return endpoint.has_same_address(IpEndpoint{}); }

}  // namespace

// ---- finding and making ----

Path* Connection::State::find_path(PathId id) {
  const auto found = std::ranges::find(paths_, id, [](const auto& path) { return path->id; });
  return found == paths_.end() ? nullptr : found->get();
}

// What is sent without a path of its own, and what people are told about: the first that works.
Path& Connection::State::main_path() {
  for (const auto& path : paths_) {
    if (path->is_usable() && !path->is_suspect) return *path;
  }
  return *paths_.front();
}
const Path& Connection::State::main_path() const { return const_cast<State*>(this)->main_path(); }

std::size_t Connection::State::usable_paths() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(paths_, [](const auto& path) { return path->is_usable() && !path->is_suspect; }));
}

Path& Connection::State::add_path(PathId id, const IpEndpoint& local, const IpEndpoint& remote,
                                  TimePoint now) {
  std::uint64_t seed = 0;
  random_->fill(std::as_writable_bytes(std::span{&seed, 1}));
  Path& path = *paths_.emplace_back(std::make_unique<Path>(id, local, remote, config_, now, seed));
  path.is_limited_by_amplification = role_ == Role::Listener;
  next_path_ = std::max(next_path_, id + 1);
  if (is_confirmed_) {
    path.recovery.on_handshake_confirmed(peer_.max_ack_delay);
    path.ack_frequency.on_peer_max_ack_delay(peer_.max_ack_delay);
  }
  if (result_) path.mtu.set_peer_maximum(peer_.datagram_max_bytes);
  return path;
}

// The path of a packet with a short header: by the ID where we have some, else by its addresses, first one
// that was opened from just there.
Path* Connection::State::path_of(const Datagram& datagram, const PacketHeader& header) {
  if (local_ids_.is_empty()) {
    Path* any = nullptr;
    for (const auto& path : paths_) {
      if (path->remote != datagram.remote || path->is_given_up) continue;
      if (path->local.has_same_address(datagram.local)) return path.get();
      if (is_unspecified(path->local) && any == nullptr) any = path.get();
    }
    return any;
  }
  const auto id = local_ids_.path_of(header.destination);
  Path* const path = id ? find_path(*id) : nullptr;
  return path == nullptr || path->is_given_up ? nullptr : path;
}

// What such a packet would open, if it is authentic: the dialer opens paths, and it may once it is admitted.
std::optional<PathOpenState> Connection::State::path_to_open(const PacketHeader& header) {
  if (role_ != Role::Listener || phase_ != Phase::Open || paths_.size() >= config_.paths_max)
    return std::nullopt;
  const auto id = local_ids_.is_empty() ? std::nullopt : local_ids_.path_of(header.destination);
  if (!id || find_path(*id) != nullptr || std::ranges::contains(abandoned_, *id, &Abandoned::path))
    return std::nullopt;
  return PathOpenState{.path = *id, .largest = std::nullopt};
}

// ---- what packets tell about paths ----

void Connection::State::on_authentic_packet(Now now, Path& path, const Datagram& datagram, bool is_newest,
                                            bool is_probing) {
  path.observed_local = datagram.local;
  if (role_ != Role::Listener) return;
  if (datagram.remote != path.remote) {
    // Only what is newest says where the peer is now (RFC 9000 section 9.3).
    if (is_newest && !is_probing) on_remote_moved(now, path, datagram.remote);
    if (datagram.remote != path.remote) return;
  }
  path.local = datagram.local;
  if (path.is_validated) return;
  if (is_confirmed_) path.on_received(datagram.bytes.size());
  if (!path.validation.is_running())
    path.validation.start(now.engine, path.recovery.probe_timeout(), validation_limit(), *random_);
}

// A NAT has forgotten the peer, or the peer has moved without a word.
void Connection::State::on_remote_moved(Now now, Path& path, const IpEndpoint& remote) {
  const bool has_moved = !remote.has_same_address(path.remote);
  if (path.is_validated) path.previous_remote = path.remote;
  path.remote = remote;
  path.is_validated = false;
  path.bytes_received = path.bytes_sent = 0;
  trace_path(now.engine, path, "moved");
  // With only the port changed it is most likely the same way (RFC 9000 section 9.4).
  if (has_moved) {
    fate_path_ = &path;
    path.recovery.reset_path(now.engine);
    path.mtu.reset(now.engine);
    update_datagram_size(now.engine, path);
  }
  remote_ids_.rotate(path.id);
  path.validation.start(now.engine, path.recovery.probe_timeout(), validation_limit(), *random_);
}

void Connection::State::on_path_validated(Now now, Path& path) {
  path.is_validated = true;
  path.is_suspect = false;
  trace_path(now.engine, path, "validated");
  path.previous_remote.reset();
  path.recovery.set_amplification_limited(false);
  if (phase_ == Phase::Open) path.mtu.start(now.engine);
  if (migrating_to_ != path.id) return;
  migrating_to_.reset();
  for (const auto& other : paths_) {
    if (other.get() != &path && !other->is_given_up) abandon_path(now, other->id);
  }
}

void Connection::State::on_validation_failed(Now now, Path& path) {
  if (path.previous_remote) {  // it was not the peer who was there
    path.remote = *std::exchange(path.previous_remote, std::nullopt);
    path.is_validated = true;
    return;
  }
  if (migrating_to_ == path.id) migrating_to_.reset();
  if (path.is_validated && !path.is_suspect) return;  // something has come meanwhile
  const bool has_better = std::ranges::any_of(paths_, [&](const auto& other) {
    return other.get() != &path && other->is_usable() && !other->is_silent();
  });
  if (has_better || !path.is_validated) return abandon_path(now, path.id);
  // Of paths that are all silent the first that answers is the one we need.
  path.validation.start(now.engine, path.recovery.probe_timeout(), kSuspectLimit, *random_);
}

Duration Connection::State::validation_limit() const {
  // RFC 9000 section 8.2.4.
  return 3 * std::max(main_path().recovery.probe_timeout(), Duration(std::chrono::milliseconds(999)));
}

void Connection::State::trace_path(TimePoint now, const Path& path, std::string_view what) {
  if (trace_) trace_->on_path(now, path.id, path.remote, what);
}

void Connection::State::trace_metrics(TimePoint now, const Path& path) {
  const PathStatistics of_path = path.recovery.statistics();
  trace_->on_metrics(now, {.path = path.id,
                           .smoothed_rtt = path.recovery.rtt().smoothed(),
                           .min_rtt = path.recovery.rtt().min(),
                           .latest_rtt = path.recovery.rtt().latest(),
                           .rtt_variation = path.recovery.rtt().variation(),
                           .congestion_window_bytes = of_path.congestion_window_bytes,
                           .in_flight_bytes = of_path.in_flight_bytes,
                           .pacing_rate = of_path.pacing_rate,
                           .congestion_state = path.recovery.controller().state_name()});
}

// What flow control has to cover: 2 x rate x longest round trip (RFC 8684 section 3.3.1). A stream is in
// order when the slowest path has delivered its part, and after a loss, which is known a round trip later, a
// second time. With one round trip windows stop growing where some packet is always missing, and are then the
// limit.
Duration Connection::State::window_time(const Path& acked) const {
  Duration longest = acked.recovery.rtt().smoothed();
  for (const auto& path : paths_) {
    if (path->is_usable() && !path->is_suspect && path->recovery.rtt().has_sample())
      longest = std::max(longest, path->recovery.rtt().smoothed());
  }
  return 2 * longest;
}

std::uint64_t Connection::State::congestion_windows() const {
  std::uint64_t bytes = 0;
  for (const auto& path : paths_) {
    if (path->is_usable() && !path->is_suspect) bytes += path->recovery.controller().window_bytes();
  }
  return bytes;
}

// How long packets of before may still be on some path.
Duration Connection::State::longest_probe_timeout() const {
  Duration longest{0};
  for (const auto& path : paths_) longest = std::max(longest, path->recovery.probe_timeout());
  return longest;
}

// ---- time ----

void Connection::State::handle_path_timeout(Now now, Path& path) {
  if (path.is_given_up) return;
  if (const auto deadline = path.recovery.next_timeout(); deadline && *deadline <= now.engine) {
    fate_path_ = &path;
    path.recovery.handle_timeout(now.engine, *this);
  }
  update_suspicion(now, path);
  if (path.validation.handle_timeout(now.engine, *random_)) on_validation_failed(now, path);
  path.mtu.handle_timeout(now.engine);
  update_datagram_size(now.engine, path);
}

// While another path works, a probe timeout in which nothing was acknowledged is reason enough to send over
// that one what this one has not delivered; it is asked from time to time whether it is back.
std::optional<TimePoint> Connection::State::suspicion_time(const Path& path) const {
  const bool has_other = usable_paths() > (path.is_usable() ? 1u : 0u);
  if (path.is_suspect || path.is_given_up || !has_other) return std::nullopt;
  return path.recovery.silent_at();
}

void Connection::State::update_suspicion(Now now, Path& path) {
  const auto time = suspicion_time(path);
  if (time && *time <= now.engine) suspect(now, path);
}

void Connection::State::suspect(Now now, Path& path) {
  path.is_suspect = true;
  trace_path(now.engine, path, "suspect");
  fate_path_ = &path;
  path.recovery.declare_all_lost(now.engine, *this);
  path.validation.start(now.engine, path.recovery.probe_timeout(), kSuspectLimit, *random_);
}

// ---- commands ----

std::optional<PathId> Connection::State::open_path(Now now, const IpEndpoint& local,
                                                   const IpEndpoint& remote) {
  const std::size_t paths_max = std::min(config_.paths_max, peer_.paths_max);
  const bool may_open = role_ == Role::Dialer && phase_ == Phase::Open && is_confirmed_ &&
                        paths_.size() < paths_max && next_path_ < kPathIdMax &&
                        remote_ids_.current(next_path_).has_value();
  if (!may_open) return std::nullopt;
  Path& path = add_path(next_path_, local, remote, now.engine);
  path.validation.start(now.engine, main_path().recovery.probe_timeout(), validation_limit(), *random_);
  provide_ids();
  return path.id;
}

bool Connection::State::migrate(Now now, const IpEndpoint& local) {
  const auto path = open_path(now, local, main_path().remote);
  if (path) migrating_to_ = path;
  return path.has_value();
}

void Connection::State::abandon_path(Now now, PathId id) {
  Path* const path = find_path(id);
  const bool is_last = std::ranges::all_of(
      paths_, [&](const auto& other) { return other.get() == path || other->is_given_up; });
  if (path == nullptr || path->is_given_up || is_last) return;
  abandoned_.push_back({id, {}});
  abandoned_.back().delivery.request();
  give_up_path(now, *path);
}

// Its packets go over the other paths; sweep_paths() removes it when nobody looks at it any more.
void Connection::State::give_up_path(Now now, Path& path) {
  path.is_given_up = true;
  trace_path(now.engine, path, "given up");
  fate_path_ = &path;
  path.recovery.declare_all_lost(now.engine, *this);
  local_ids_.give_up_path(path.id);
  remote_ids_.retire_path(path.id);
  if (usable_paths() > 0) return;
  for (const auto& other : paths_) other->is_suspect = false;  // it was so beside one that works
}

void Connection::State::sweep_paths() {
  for (const auto& path : paths_) {
    if (path->is_given_up) former_paths_.push_back(info_of(*path));
  }
  const auto removed = std::erase_if(paths_, [](const auto& path) { return path->is_given_up; });
  if (removed == 0) return;
  if (std::ssize(former_paths_) > kFormerPathsMax)
    former_paths_.erase(former_paths_.begin(), former_paths_.end() - kFormerPathsMax);
  JETWAY_ASSERT(!paths_.empty());
  fate_path_ = nullptr;
  provide_ids();
}

void Connection::State::handle_message_too_large(Now now, const IpEndpoint& remote, std::size_t bytes) {
  for (const auto& path : paths_) {
    if (path->remote == remote) path->mtu.on_message_too_large(now.engine, bytes);
    update_datagram_size(now.engine, *path);
  }
}

// Whatever the reason was, it is not the peer's: where there is another way, nothing waits for this one.
void Connection::State::handle_unreachable(Now now, const IpEndpoint& local, const IpEndpoint& remote) {
  for (const auto& path : paths_) {
    if (path->remote != remote || !path->local.has_same_address(local)) continue;
    if (!path->is_suspect && !path->is_given_up && usable_paths() > (path->is_usable() ? 1u : 0u))
      suspect(now, *path);
  }
}

// ---- what is known ----

PathInfo Connection::State::info_of(const Path& path) {
  const PathState state = path.is_given_up     ? PathState::GivenUp
                          : !path.is_validated ? PathState::Validating
                          : path.is_suspect    ? PathState::Silent
                                               : PathState::Ready;
  return {.id = path.id,
          .state = state,
          .local = is_unspecified(path.observed_local) ? path.local : path.observed_local,
          .remote = path.remote,
          .is_validated = path.is_validated,
          .max_datagram_bytes = path.mtu.max_datagram_bytes(),
          .statistics = path.recovery.statistics(),
          .congestion_state = path.recovery.controller().state_name()};
}

std::vector<PathInfo> Connection::State::paths() const {
  std::vector<PathInfo> infos;
  for (const auto& path : paths_) infos.push_back(info_of(*path));
  return infos;
}

// ---- connection IDs ----

// The peer always finds IDs for the next paths it may open.
void Connection::State::provide_ids() {
  if (phase_ != Phase::Open) return;
  const std::size_t paths_max = std::min(config_.paths_max, peer_.paths_max);
  const std::size_t ahead = std::min(kPathsAhead, paths_max - std::min(paths_max, paths_.size()));
  local_ids_.provide(next_path_ + static_cast<PathId>(ahead), *this);
}

ConnectionId Connection::State::make_id() { return random_connection_id(*random_, shard_); }

ResetToken Connection::State::reset_token(const ConnectionId& id) {
  if (!reset_key_.empty()) return make_reset_token(reset_key_, id);
  return random_->make<ResetToken>();  // of a dialer, which never sends one
}

}  // namespace jetway::jsp
