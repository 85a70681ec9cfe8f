#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace jetway::command {

// Columns that valid UTF-8 without control characters takes on a terminal: 2 for East Asian wide characters
// and emoji, 0 for combining marks, 1 for the rest.
std::size_t text_width(std::string_view text);

// At most `width` columns of `text`: the middle gives way to an ellipsis, since names differ at both ends.
std::string shortened(std::string_view text, std::size_t width, std::string_view ellipsis);

}  // namespace jetway::command
