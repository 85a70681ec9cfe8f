#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "jetway/base/time.h"
#include "jetway/jsp/config.h"
#include "jetway/jsp/types.h"

namespace jetway::jsp {

// How much a path is to be trusted with content, rising: only those of the highest standing there is get any.
enum class PathStanding : std::uint8_t {
  Silent,       // asked, and has not answered
  Unvalidated,  // nobody has shown yet to be there
  Backup,       // the peer wants it kept in reserve
  Ready,
};

// What the scheduler has to know about a path at this moment.
struct PathLoad {
  PathId id = 0;
  PathStanding standing = PathStanding::Ready;
  Duration rtt{0};  // smoothed
  Duration rtt_variation{0};
  std::uint64_t rate = 0;        // bytes a second that it carries, as far as is known
  std::uint64_t room_bytes = 0;  // that may leave now; 0: it is full
  Duration wait{0};              // when it is full, until it has room again
};

struct PathChoice {
  PathId path = 0;
  std::uint64_t bytes_max = 0;  // then it is to be asked again
};

// Which path the next packets with content take (docs/protocol/jsp.md section 5.6), with `waiting_bytes` that
// the session could send; nullopt: none now, although some may have room. Each ID once in `paths`.
std::optional<PathChoice> choose_path(PathSchedule schedule, std::span<const PathLoad> paths,
                                      std::uint64_t waiting_bytes);

// Where a copy of what went over `first` goes: the fastest other path, with or without room.
std::optional<PathId> choose_path_of_copy(std::span<const PathLoad> paths, PathId first);

}  // namespace jetway::jsp
