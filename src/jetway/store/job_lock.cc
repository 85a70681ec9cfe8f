#include "jetway/store/job_lock.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jetway/base/text.h"
#include "jetway/store/private_directory.h"

namespace jetway::store {
namespace {

// Whether `path` still is the file that was locked: its holder removes it when done, and who was waiting with
// it open has then locked something that nobody else will find.
bool is_still_named(const Descriptor& descriptor, const std::string& path) {
  struct stat held{};
  struct stat named{};
  return ::fstat(descriptor.fd(), &held) == 0 && ::stat(path.c_str(), &named) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

}  // namespace

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
    if (is_still_named(descriptor, path)) return JobLock{std::move(descriptor), path};
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
