#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include "jetway/store/file.h"

namespace jetway::store {

// The system's struct stat in our terms.

constexpr std::int64_t nanoseconds_of(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// Rounds towards the past, so that tv_nsec is never negative.
constexpr timespec timespec_of(std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = nanoseconds / kSecond;
  std::int64_t rest = nanoseconds % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  return {.tv_sec = seconds, .tv_nsec = rest};
}

constexpr EntryType type_of(mode_t mode) {
  if (S_ISREG(mode)) return EntryType::File;
  if (S_ISDIR(mode)) return EntryType::Directory;
  if (S_ISLNK(mode)) return EntryType::Symlink;
  return EntryType::Other;
}

inline FileVersion version_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<std::uint64_t>(status.st_size),
          .modified_ns = nanoseconds_of(status.st_mtim),
          .changed_ns = nanoseconds_of(status.st_ctim)};
}

// Whether `name` in `directory` (or AT_FDCWD) is the file that `fd` has open. Asked after locking a file that
// its holder removes or renames when done: who had it open meanwhile has then locked what nobody else finds.
inline bool is_still_named(int fd, int directory, const char* name) {
  struct stat held{};
  struct stat named{};
  return ::fstat(fd, &held) == 0 && ::fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

}  // namespace jetway::store
