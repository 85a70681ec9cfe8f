#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace jetway::store {

// The names that a target folder makes up. All are at most kMaxNameBytes long and cut between UTF-8
// characters where the name given was UTF-8.

// `.jetway-<16 hex of tag>-<beginning of name>.part`
std::string partial_name(std::string_view name, std::uint64_t tag);
// Whether it has that form.
bool is_partial_name(std::string_view name);

// "photo.jpg", 2 -> "photo (2).jpg". What follows the last dot is kept unless it is the whole name.
std::string numbered_name(std::string_view name, std::uint32_t number);

}  // namespace jetway::store
