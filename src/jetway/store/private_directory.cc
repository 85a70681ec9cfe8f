#include "jetway/store/private_directory.h"

#include <cerrno>

#include <sys/stat.h>

namespace jetway::store {

StoreResult<void> make_private_directory(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    // What is wrong with a parent shows when the last one is made.
    static_cast<void>(::mkdir(path.substr(0, slash).c_str(), 0700));
  }
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  const int failure = errno;
  struct stat status{};
  const bool is_there = ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  if (is_there) return {};
  return std::unexpected(system_error(failure, path, "cannot create the state directory"));
}

}  // namespace jetway::store
