#include "jetway/store/beneath.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jetway/base/assert.h"
#include "jetway/store/path.h"

namespace jetway::store {
namespace {

constexpr int kOpenDirectory = O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
// openat2 gives up with EAGAIN when names were moved about while it walked; so often is no accident.
constexpr int kRacesMax = 64;

// glibc has no wrapper.
int openat2(int start, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (int race = 0;; ++race) {
    const auto fd = static_cast<int>(::syscall(SYS_openat2, start, path.c_str(), &how, sizeof how));
    const bool try_again = fd < 0 && (errno == EINTR || (errno == EAGAIN && race < kRacesMax));
    if (!try_again) return fd;
  }
}

bool is_at_or_beneath(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

DirectoryRoot::DirectoryRoot(Descriptor root, std::string display_path, std::size_t cached_directories)
    : root_(std::make_shared<const OpenDirectory>(std::move(root), true)),
      display_path_(std::move(display_path)),
      cached_directories_(cached_directories) {
  JETWAY_ASSERT(cached_directories_ >= 1);
  struct stat status{};
  if (::fstat(root_->fd(), &status) == 0) device_ = status.st_dev;
}

StoreResult<DirectoryRoot::Shared> DirectoryRoot::directory(std::string_view path) {
  if (path.empty()) return root_;
  if (auto cached = find_cached(path)) return cached;
  if (auto safe = check_path(path); !safe) return std::unexpected(std::move(safe.error()));
  Descriptor descriptor{open_directory(std::string{path})};
  if (!descriptor.is_open()) {
    // A link in the way: O_NOFOLLOW says ENOTDIR about the last component, openat2 ELOOP about any.
    const int cause = errno == ELOOP ? ENOTDIR : errno;
    return std::unexpected(error(cause, path, {}));
  }
  struct stat status{};
  const bool is_known = ::fstat(descriptor.fd(), &status) == 0;
  auto opened =
      std::make_shared<const OpenDirectory>(std::move(descriptor), is_known && status.st_dev == device_);
  remember(path, opened);
  return opened;
}

StoreResult<Descriptor> DirectoryRoot::open(std::string_view path, int flags, unsigned mode) {
  if (auto safe = check_path(path); !safe) return std::unexpected(std::move(safe.error()));
  auto parent = directory(parent_of(path));
  if (!parent) return std::unexpected(std::move(parent.error()));
  const std::string name{name_of(path)};
  Descriptor descriptor{::openat((*parent)->fd(), name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode)};
  if (!descriptor.is_open()) return std::unexpected(error(errno, path, "cannot open"));
  return descriptor;
}

std::string DirectoryRoot::display(std::string_view path) const {
  if (path.empty()) return display_path_;
  std::string whole = display_path_;
  if (!whole.empty() && !whole.ends_with('/')) whole += '/';
  return whole.append(path);
}

StoreError DirectoryRoot::error(int system_errno, std::string_view path, std::string_view reason) const {
  return system_error(system_errno, display(path), reason);
}

void DirectoryRoot::forget(std::string_view path) {
  const std::lock_guard lock{mutex_};
  std::erase_if(cache_, [&](const Cached& cached) { return is_at_or_beneath(cached.path, path); });
}

DirectoryRoot::Shared DirectoryRoot::find_cached(std::string_view path) {
  const std::lock_guard lock{mutex_};
  const auto found = std::ranges::find(cache_, path, &Cached::path);
  if (found == cache_.end()) return nullptr;
  cache_.splice(cache_.begin(), cache_, found);
  return found->directory;
}

void DirectoryRoot::remember(std::string_view path, const Shared& directory) {
  const std::lock_guard lock{mutex_};
  if (cache_.size() >= cached_directories_) cache_.pop_back();
  cache_.push_front({std::string{path}, directory});
}

int DirectoryRoot::open_directory(const std::string& path) {
  if (has_openat2_) {
    const int fd = openat2(root_->fd(), path, kOpenDirectory);
    // Not there, or forbidden by a filter on system calls; opening a directory has no EPERM of its own.
    const bool is_missing = fd < 0 && (errno == ENOSYS || errno == EPERM);
    if (!is_missing) return fd;
    has_openat2_ = false;
  }
  return open_by_components(path);
}

int DirectoryRoot::open_by_components(std::string_view path) const {
  Descriptor at;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string name{path.substr(0, slash)};
    const int fd = ::openat(at.is_open() ? at.fd() : root_->fd(), name.c_str(), kOpenDirectory);
    if (fd < 0 || slash == std::string_view::npos) return fd;
    at = Descriptor{fd};
    path.remove_prefix(slash + 1);
  }
}

}  // namespace jetway::store
