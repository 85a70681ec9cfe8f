#include "jetway/store/job_lock.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "jetway/base/text.h"
#include "jetway/store/private_directory.h"
#include "jetway/store/stat.h"

namespace jetway::store {

StoreResult<JobLock> JobLock::claim(const std::string& directory, const JobKey& key) {
  const std::string locks = directory + "/locks";
  if (auto made = make_private_directory(locks); !made) return std::unexpected(std::move(made.error()));
  const std::string path = locks + '/' + to_hex(key) + ".lock";
  while (true) {
    Descriptor descriptor{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!descriptor.is_open()) return std::unexpected(system_error(errno, path, "cannot lock the job"));
    if (::flock(descriptor.fd(), LOCK_EX | LOCK_NB) != 0) {
      const bool is_held = errno == EWOULDBLOCK;
      return std::unexpected(
          system_error(errno, path, is_held ? "the same job is already running" : "cannot lock the job"));
    }
    if (is_still_named(descriptor.fd(), AT_FDCWD, path.c_str())) return JobLock{std::move(descriptor), path};
  }
}

JobLock& JobLock::operator=(JobLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  return *this;
}

JobLock::~JobLock() {
  // Removed while it is still held, so that no two can hold what seems to be the same one.
  if (descriptor_.is_open()) ::unlink(path_.c_str());
}

}  // namespace jetway::store
