#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "jetway/store/error.h"

namespace jetway::store {

inline constexpr std::size_t kMaxPathBytes = 4096;
inline constexpr std::size_t kMaxNameBytes = 255;  // NAME_MAX of Linux file systems
inline constexpr std::size_t kMaxPathDepth = 256;

// The last line of defence for paths beneath a target folder (whoever decodes a manifest has checked them
// before): relative, components separated by one '/', none of them empty, ".", ".." or longer than
// kMaxNameBytes, no NUL, at most kMaxPathBytes and kMaxPathDepth components. Fails with UnsafePath.
StoreResult<void> check_path(std::string_view path);

// "a/b/c" -> "a/b" and "c"; the parent of a top-level name is "".
std::string_view parent_of(std::string_view path);
std::string_view name_of(std::string_view path);

// Whether a symbolic link at `path` with this target stays inside the folder that `path` is relative to:
// a relative target that climbs no higher than that folder, and climbs only at its beginning, because a ".."
// behind a name may go anywhere when that name is itself a link. Also false for what cannot be a link: empty,
// with NUL, or longer than kMaxPathBytes - 1.
bool link_stays_inside(std::string_view path, std::string_view target);

// What a sender does with a link that would leave the folder that receives it (not link_stays_inside()).
enum class OutsideLinks : std::uint8_t {
  Warn,  // leaves it out and says so
  Skip,  // leaves it out: the user knows
  Keep,  // sends it as it is; the receiver refuses it unless its own user allows such links
};

}  // namespace jetway::store
