// Files in the making: what TargetTree does with them before they get their final name.

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jetway/crypto/hash.h"
#include "jetway/store/file_names.h"
#include "jetway/store/path.h"
#include "jetway/store/stat.h"
#include "jetway/store/target_state.h"
#include "jetway/store/target_tree.h"

namespace jetway::store {

namespace {

StoreError not_ours(std::string display_path) {
  return {
      .code = StoreErrc::UnsafePath, .path = std::move(display_path), .reason = "not a partial file of ours"};
}

}  // namespace

StoreResult<void> apply_metadata(const File& file, const FileMetadata& metadata) {
  // A file of our own that may not be given a mode is on a file system that has none.
  if (::fchmod(file.fd(), metadata.mode & 0777) != 0 && errno != EPERM && errno != EOPNOTSUPP) {
    return std::unexpected(system_error(errno, file.path(), "cannot set the mode"));
  }
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, timespec_of(metadata.modified_ns)};
  if (::futimens(file.fd(), times) != 0) {
    return std::unexpected(system_error(errno, file.path(), "cannot set the time"));
  }
  return {};
}

// ---- whose it is ----

Claim claim_partial(int directory, const std::string& name, int fd) {
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return errno == EWOULDBLOCK ? Claim::Theirs : Claim::NoLocks;
  return is_still_named(fd, directory, name.c_str()) ? Claim::Ours : Claim::Theirs;
}

std::string TargetTree::State::job_partial_name(const TargetPlace& place) const {
  crypto::Blake3 hasher;
  hasher.update(*config.job);
  hasher.update(as_bytes(place.sibling(place.name)));
  const crypto::Hash256 hash = hasher.finish();
  std::uint64_t tag = 0;
  std::memcpy(&tag, hash.bytes.data(), sizeof tag);
  return partial_name(place.name, tag);
}

StoreResult<ClaimedFile> TargetTree::State::open_claimed(const TargetPlace& place,
                                                         const std::string& name) const {
  const std::string path = place.sibling(name);
  Descriptor descriptor{
      ::openat(place.fd(), name.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)};
  struct stat status{};
  if (!descriptor.is_open() || ::fstat(descriptor.fd(), &status) != 0) {
    return std::unexpected(error(errno, path, "cannot open"));
  }
  // A further name would be changed with it.
  const bool is_ours = S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == ::geteuid();
  if (!is_ours) return std::unexpected(not_ours(root.display(path)));
  const Claim claim = claim_partial(place.fd(), name, descriptor.fd());
  if (claim == Claim::Theirs) {
    return std::unexpected(StoreError{
        .code = StoreErrc::Busy, .path = root.display(path), .reason = "another receiver is writing it"});
  }
  return ClaimedFile{.file{std::move(descriptor), root.display(path)}, .claim = claim};
}

bool TargetTree::State::remove_abandoned(const TargetPlace& place, const std::string& name) const {
  const auto opened = open_claimed(place, name);
  if (!opened || opened->claim != Claim::Ours) return false;
  return ::unlinkat(place.fd(), name.c_str(), 0) == 0;
}

// ---- partial files ----

StoreResult<void> PartialFile::preallocate(std::uint64_t size) {
  if (size == 0) return {};
  int failure = EINTR;
  while (failure == EINTR) {
    const int result = ::fallocate(file_.fd(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size));
    failure = result == 0 ? 0 : errno;
  }
  if (failure == 0 || failure == EOPNOTSUPP || failure == ENOSYS) return {};
  return std::unexpected(system_error(failure, file_.path(), "cannot reserve room for the file"));
}

StoreResult<void> PartialFile::truncate(std::uint64_t size) {
  if (::ftruncate(file_.fd(), static_cast<off_t>(size)) == 0) return {};
  return std::unexpected(system_error(errno, file_.path(), "cannot set the size"));
}

StoreResult<std::uint64_t> PartialFile::size() const {
  auto version = file_.version();
  if (!version) return std::unexpected(std::move(version.error()));
  return version->size;
}

StoreResult<void> PartialFile::set_metadata(const FileMetadata& metadata) {
  return apply_metadata(file_, metadata);
}

StoreResult<PartialFile> TargetTree::create_partial(std::string_view path, std::uint64_t size) {
  auto place = state_->resolve(path);
  if (!place) return std::unexpected(std::move(place.error()));
  auto created = state_->create_claimed(*place);
  if (!created) return std::unexpected(std::move(created.error()));
  PartialFile partial{std::move(created->file), place->sibling(created->temp_name), state_->caching_of(size)};
  if (auto reserved = partial.preallocate(size); !reserved) {
    ::unlinkat(place->fd(), created->temp_name.c_str(), 0);
    return std::unexpected(std::move(reserved.error()));
  }
  return partial;
}

StoreResult<PartialFile> TargetTree::reopen_partial(std::string_view temp_path, std::uint64_t size) {
  auto place = state_->resolve(temp_path);
  if (!place) return std::unexpected(std::move(place.error()));
  if (!is_partial_name(place->name)) return std::unexpected(not_ours(display_path(temp_path)));
  auto opened = state_->open_claimed(*place, place->name);
  if (!opened) return std::unexpected(std::move(opened.error()));
  return PartialFile{std::move(opened->file), std::string{temp_path}, state_->caching_of(size)};
}

StoreResult<PartialFile> TargetTree::find_partial(std::string_view path, std::uint64_t size) {
  auto place = state_->resolve(path);
  if (!place) return std::unexpected(std::move(place.error()));
  if (!state_->config.job) return std::unexpected(state_->error(ENOENT, path, "without a job"));
  const std::string name = state_->job_partial_name(*place);
  auto opened = state_->open_claimed(*place, name);
  if (!opened) return std::unexpected(std::move(opened.error()));
  if (opened->claim == Claim::NoLocks) {
    return std::unexpected(StoreError{.code = StoreErrc::Busy,
                                      .path = display_path(place->sibling(name)),
                                      .reason = "whether another receiver writes it cannot be known"});
  }
  return PartialFile{std::move(opened->file), place->sibling(name), state_->caching_of(size)};
}

StoreResult<void> TargetTree::discard(std::string_view temp_path) {
  auto place = state_->resolve(temp_path);
  if (!place) {
    if (place.error().code == StoreErrc::NotFound) return {};
    return std::unexpected(std::move(place.error()));
  }
  if (!is_partial_name(place->name)) return std::unexpected(not_ours(display_path(temp_path)));
  if (::unlinkat(place->fd(), place->name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return std::unexpected(state_->error(errno, temp_path, "cannot remove"));
}

}  // namespace jetway::store
