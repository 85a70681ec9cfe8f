#pragma once

#include <string>

namespace jetway::command {

// What `jetway --version` prints: the build, and the libraries that are loaded at this moment.
std::string version_text();

}  // namespace jetway::command
