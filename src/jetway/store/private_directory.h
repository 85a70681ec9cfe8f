#pragma once

#include <string>

#include "jetway/store/error.h"

namespace jetway::store {

// Creates `path` with mode 0700, and its parents, where they are missing. One that is there is left as it is.
StoreResult<void> make_private_directory(const std::string& path);

}  // namespace jetway::store
