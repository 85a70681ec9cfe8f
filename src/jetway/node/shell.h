#pragma once

#include <string>
#include <string_view>

namespace jetway::node {

// `text` as one word of a POSIX shell command, for people to copy: as it is where it is harmless, in single
// quotes otherwise, and as $'...' with escapes when it holds what a terminal must not see. Any bytes but NUL.
std::string shell_quoted(std::string_view text);

}  // namespace jetway::node
