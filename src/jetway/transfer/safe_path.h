#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "jetway/transfer/failure.h"

namespace jetway::transfer {

inline constexpr std::size_t kPathMaxBytes = 4095;  // PATH_MAX of Linux without its NUL
inline constexpr std::size_t kNameMaxBytes = 255;
inline constexpr std::size_t kPathMaxDepth = 256;

// Whether a path of a manifest may be written beneath a folder: relative, not empty, components separated by
// one '/', none of them empty, ".", ".." or longer than kNameMaxBytes, no NUL, within the limits above.
// BadName with the reason, the path named.
TransferResult<> check_path(std::string_view path);

// Where the links of a manifest may point.
enum class LinkScope : std::uint8_t {
  Inside,    // the folder that is written to
  Anywhere,  // only the receiver's own user may say so
};

// Whether a link at `path` may have this target: not empty, without NUL, not too long, and by
// LinkScope::Inside one that stays within the folder: relative, at its beginning at most as many ".." as
// `path` is deep, and none behind a name (which may itself be a link).
TransferResult<> check_link(std::string_view path, std::string_view target,
                            LinkScope scope = LinkScope::Inside);

// The order of a manifest: as names in a tree that is walked depth first, siblings by their bytes. Differs
// from the order of the plain strings where a name continues with a byte below '/'.
std::strong_ordering compare_paths(std::string_view a, std::string_view b);

// "a/b/c" -> "a/b"; of a top-level name "".
std::string_view parent_path(std::string_view path);

// Whether `path` lies beneath `folder`, at any depth; "" holds everything.
bool is_beneath(std::string_view path, std::string_view folder);

// For messages: escaped, in quotes, cut in the middle when it is long.
std::string quote_path(std::string_view path);

}  // namespace jetway::transfer
