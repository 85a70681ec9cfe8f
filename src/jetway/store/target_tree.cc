#include "jetway/store/target_tree.h"

#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "jetway/store/path.h"
#include "jetway/store/stat.h"
#include "jetway/store/target_state.h"

namespace jetway::store {
namespace {

// While a directory is being filled nobody else looks into it, and its owner may do everything.
constexpr mode_t kFillingMode = 0700;

StoreResult<Descriptor> open_folder(const std::string& directory, bool create) {
  if (create && ::mkdir(directory.c_str(), 0777) != 0 && errno != EEXIST) {
    return std::unexpected(system_error(errno, directory, "cannot create the target folder"));
  }
  Descriptor folder{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder.is_open()) {
    return std::unexpected(system_error(errno, directory, "cannot open the target folder"));
  }
  // Better now than at the first file.
  if (::faccessat(folder.fd(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
    return std::unexpected(system_error(errno, directory, "cannot write to the target folder"));
  }
  return folder;
}

StoreError wrong_type(std::string path, EntryType type) {
  const bool is_directory = type == EntryType::Directory;
  return {.code = is_directory ? StoreErrc::IsADirectory : StoreErrc::Unsupported,
          .path = std::move(path),
          .reason = is_directory ? "a directory stands where a file is needed" : "not a plain file"};
}

}  // namespace

TargetTree::TargetTree(std::unique_ptr<State> state) : state_(std::move(state)) {}
TargetTree::TargetTree(TargetTree&&) noexcept = default;
TargetTree& TargetTree::operator=(TargetTree&&) noexcept = default;
TargetTree::~TargetTree() = default;

StoreResult<TargetTree> TargetTree::open(const std::string& directory, const TargetConfig& config) {
  auto folder = open_folder(directory, config.create);
  if (!folder) return std::unexpected(std::move(folder.error()));
  return TargetTree{std::make_unique<State>(config, std::move(*folder), directory)};
}

StoreResult<TargetPlace> TargetTree::State::resolve(std::string_view path) {
  if (auto safe = check_path(path); !safe) return std::unexpected(std::move(safe.error()));
  auto directory = root.directory(parent_of(path));
  if (!directory) return std::unexpected(std::move(directory.error()));
  return TargetPlace{.directory = std::move(*directory),
                     .parent = std::string{parent_of(path)},
                     .name = std::string{name_of(path)}};
}

StoreResult<bool> TargetTree::make_directory(std::string_view path) {
  auto place = state_->resolve(path);
  if (!place) return std::unexpected(std::move(place.error()));
  // Whatever was there when it was opened last may be gone.
  state_->root.forget(path);
  if (::mkdirat(place->fd(), place->name.c_str(), kFillingMode) == 0) return true;
  const int failure = errno;
  struct stat status{};
  if (failure == EEXIST && ::fstatat(place->fd(), place->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISDIR(status.st_mode)) {
    return false;
  }
  return std::unexpected(state_->error(failure, path, "cannot create the directory"));
}

StoreResult<void> TargetTree::finish_directory(std::string_view path, const FileMetadata& metadata) {
  auto descriptor = state_->root.open(path, O_RDONLY | O_DIRECTORY);
  if (!descriptor) return std::unexpected(std::move(descriptor.error()));
  return apply_metadata(File{std::move(*descriptor), display_path(path)}, metadata);
}

StoreResult<std::optional<TargetEntry>> TargetTree::lookup(std::string_view path) {
  auto place = state_->resolve(path);
  if (!place) {
    if (place.error().code == StoreErrc::NotFound) return std::nullopt;
    return std::unexpected(std::move(place.error()));
  }
  struct stat status{};
  if (::fstatat(place->fd(), place->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return std::unexpected(state_->error(errno, path, "cannot examine"));
  }
  TargetEntry entry{.type = type_of(status.st_mode),
                    .mode = status.st_mode & 07777,
                    .version = version_of(status),
                    .link_target = {}};
  if (entry.type == EntryType::Symlink) {
    std::array<char, kMaxPathBytes> target{};
    const auto size = ::readlinkat(place->fd(), place->name.c_str(), target.data(), target.size());
    if (size < 0) return std::unexpected(state_->error(errno, path, "cannot read the link"));
    entry.link_target.assign(target.data(), static_cast<std::size_t>(size));
  }
  return entry;
}

StoreResult<File> TargetTree::open_existing(std::string_view path) {
  // O_NONBLOCK: a pipe would keep us waiting for its other end.
  auto descriptor = state_->root.open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
  if (!descriptor) return std::unexpected(std::move(descriptor.error()));
  struct stat status{};
  if (::fstat(descriptor->fd(), &status) != 0) {
    return std::unexpected(state_->error(errno, path, "cannot examine"));
  }
  if (!S_ISREG(status.st_mode)) {
    return std::unexpected(wrong_type(display_path(path), type_of(status.st_mode)));
  }
  return File{std::move(*descriptor), display_path(path)};
}

StoreResult<void> TargetTree::sync_batch() {
  if (state_->config.sync == SyncPolicy::Never) return {};
  // On the descriptor that has been open all along, so that it reports what failed to be written since then.
  if (::syncfs(state_->root.fd()) == 0) return {};
  return std::unexpected(state_->error(errno, {}, "cannot write to the device"));
}

StoreResult<void> TargetTree::sync_directory(std::string_view path) {
  if (path.empty()) {
    if (::fsync(state_->root.fd()) == 0) return {};
    return std::unexpected(state_->error(errno, {}, "cannot write to the device"));
  }
  auto descriptor = state_->root.open(path, O_RDONLY | O_DIRECTORY);
  if (!descriptor) return std::unexpected(std::move(descriptor.error()));
  if (::fsync(descriptor->fd()) == 0) return {};
  return std::unexpected(state_->error(errno, path, "cannot write to the device"));
}

StoreResult<FreeSpace> TargetTree::free_space() const {
  struct statvfs status{};
  if (::fstatvfs(state_->root.fd(), &status) != 0) {
    return std::unexpected(state_->error(errno, {}, "cannot examine the file system"));
  }
  const bool counts_files = status.f_files != 0;
  return FreeSpace{
      .available_bytes = status.f_bavail * status.f_frsize,
      .total_bytes = status.f_blocks * status.f_frsize,
      .available_files = counts_files ? status.f_favail : std::numeric_limits<std::uint64_t>::max()};
}

std::string TargetTree::display_path(std::string_view path) const { return state_->root.display(path); }

void TargetTree::use_fallbacks() {
  state_->root.avoid_openat2();
  state_->has_unnamed_files = false;
  state_->has_exclusive_rename = false;
}

}  // namespace jetway::store
