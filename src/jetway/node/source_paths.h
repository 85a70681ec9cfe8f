#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "jetway/transfer/messages.h"

namespace jetway::node {

// The paths that a user named, absolute and without "." and ".." and slashes at the end that would leave them
// without a name of their own, in the order of a manifest (by their last names), each once. Paths that do not
// exist stay as they are, to be reported by whoever opens them. Looks at the disk.
std::vector<std::string> canonical_roots(const std::vector<std::filesystem::path>& paths);

// The last name of a canonical root: under which it arrives.
std::string top_name(std::string_view root);

// What names "the same send" of those roots (canonical).
transfer::JobKey job_key_of(const std::vector<std::string>& roots);

}  // namespace jetway::node
