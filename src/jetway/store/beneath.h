#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "jetway/store/error.h"
#include "jetway/store/file.h"

namespace jetway::store {

// A directory that is kept open for what is in it (O_PATH).
class OpenDirectory {
 public:
  OpenDirectory(Descriptor descriptor, bool is_on_root_device)
      : descriptor_(std::move(descriptor)), is_on_root_device_(is_on_root_device) {}

  int fd() const { return descriptor_.fd(); }
  // False for a file system that is mounted somewhere beneath the root.
  bool is_on_root_device() const { return is_on_root_device_; }

 private:
  Descriptor descriptor_;
  bool is_on_root_device_;
};

// A directory beneath which everything is opened without ever leaving it: openat2(2) with RESOLVE_BENEATH,
// RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS, so that no link anywhere in a path is followed, also none
// that is swapped in between two calls. Where the kernel has no openat2 (before 5.6, or forbidden by a
// sandbox), each component is opened by itself with O_NOFOLLOW, which refuses the same at more system calls.
//
// The most recently used parent directories stay open, because writing a small file costs less than walking
// to it. A directory that is renamed away while it is in this cache keeps being used where it now is; it was
// beneath the root when it was opened.
//
// Safe to use from several threads.
class DirectoryRoot {
 public:
  // `display_path` is put before paths in errors. `cached_directories` of at least 1 bounds the open
  // descriptors.
  DirectoryRoot(Descriptor root, std::string display_path, std::size_t cached_directories);

  using Shared = std::shared_ptr<const OpenDirectory>;

  // The directory at `path` ("" is the root), from the cache where it is there.
  StoreResult<Shared> directory(std::string_view path);
  // Opens `path` by the flags of openat(2), O_CLOEXEC and O_NOFOLLOW added; `mode` counts when they create.
  StoreResult<Descriptor> open(std::string_view path, int flags, unsigned mode = 0);

  int fd() const { return root_->fd(); }
  // For errors and for people: the root's own path and `path`.
  std::string display(std::string_view path) const;
  StoreError error(int system_errno, std::string_view path, std::string_view reason) const;
  // Forgets a directory (it was removed or replaced) and those beneath it.
  void forget(std::string_view path);

  // For tests: walk component by component as if openat2 were missing.
  void avoid_openat2() { has_openat2_ = false; }

 private:
  struct Cached {
    std::string path;
    Shared directory;
  };

  Shared find_cached(std::string_view path);
  void remember(std::string_view path, const Shared& directory);
  // -1 and errno, as system calls do.
  int open_directory(const std::string& path);
  int open_by_components(std::string_view path) const;

  Shared root_;
  std::uint64_t device_ = 0;
  std::string display_path_;
  std::size_t cached_directories_;
  std::atomic<bool> has_openat2_ = true;
  std::mutex mutex_;
  std::list<Cached> cache_;  // most recently used first; short
};

}  // namespace jetway::store
