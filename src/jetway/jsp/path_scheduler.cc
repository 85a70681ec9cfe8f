#include "jetway/jsp/path_scheduler.h"

#include <algorithm>

namespace jetway::jsp {

namespace {

bool is_faster(const PathLoad& a, const PathLoad& b) { return a.rtt != b.rtt ? a.rtt < b.rtt : a.id < b.id; }

PathStanding best_standing(std::span<const PathLoad> paths) {
  return std::ranges::max_element(paths, {}, &PathLoad::standing)->standing;
}

// The fastest of the best, but for `except`; null: there is no other.
const PathLoad* fastest(std::span<const PathLoad> paths, std::optional<PathId> except = std::nullopt) {
  const PathLoad* best = nullptr;
  for (const PathLoad& path : paths) {
    if (path.id == except || path.standing != best_standing(paths)) continue;
    if (best == nullptr || is_faster(path, *best)) best = &path;
  }
  return best;
}

// How much later than over `fast` a byte arrives that leaves over `slow` now. Half of the round trips, since
// what counts is the way there.
Duration delay_beyond(const PathLoad& slow, const PathLoad& fast) { return (slow.rtt - fast.rtt) / 2; }

std::uint64_t bytes_within(Duration time, std::uint64_t rate) {
  const double seconds = std::chrono::duration<double>(time).count();
  return static_cast<std::uint64_t>(std::max(0.0, seconds) * static_cast<double>(rate));
}

// What the faster paths, which are all full, will have delivered before anything that leaves over `path` now
// arrives there, its usual lateness included.
std::uint64_t delivered_before(const PathLoad& path, std::span<const PathLoad> paths) {
  std::uint64_t bytes = 0;
  for (const PathLoad& other : paths) {
    if (other.standing == path.standing && is_faster(other, path))
      bytes += bytes_within(delay_beyond(path, other) + path.rtt_variation, other.rate);
  }
  return bytes;
}

}  // namespace

std::optional<PathChoice> choose_path(PathSchedule schedule, std::span<const PathLoad> paths,
                                      std::uint64_t waiting_bytes) {
  if (paths.empty()) return std::nullopt;
  const PathLoad& first = *fastest(paths);
  if (first.room_bytes > 0) return PathChoice{.path = first.id, .bytes_max = first.room_bytes};
  const PathLoad* next = nullptr;  // the fastest with room
  for (const PathLoad& path : paths) {
    if (path.standing != first.standing || path.room_bytes == 0) continue;
    if (next == nullptr || is_faster(path, *next)) next = &path;
  }
  if (next == nullptr) return std::nullopt;
  if (schedule != PathSchedule::Aggregate) {
    if (delay_beyond(*next, first) > first.wait) return std::nullopt;
    return PathChoice{.path = next->id, .bytes_max = next->room_bytes};
  }
  const std::uint64_t sooner = delivered_before(*next, paths);
  if (waiting_bytes <= sooner) return std::nullopt;
  return PathChoice{.path = next->id, .bytes_max = std::min(next->room_bytes, waiting_bytes - sooner)};
}

std::optional<PathId> choose_path_of_copy(std::span<const PathLoad> paths, PathId first) {
  if (paths.empty()) return std::nullopt;
  const PathLoad* const other = fastest(paths, first);
  return other == nullptr ? std::nullopt : std::optional{other->id};
}

}  // namespace jetway::jsp
