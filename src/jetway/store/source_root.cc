#include "jetway/store/source_root.h"

#include <cerrno>
#include <cstdlib>
#include <map>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "jetway/store/path.h"
#include "jetway/store/stat.h"

namespace jetway::store {
namespace {

// What "/" is called at the other end.
constexpr std::string_view kRootName = "root";

struct Split {
  std::string parent;  // never empty
  std::string name;    // empty for "/"
};

Split split(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {".", std::string{path}};
  return {std::string{slash == 0 ? "/" : path.substr(0, slash)}, std::string{path.substr(slash + 1)}};
}

StoreResult<std::string> resolve(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> resolved{::realpath(path.c_str(), nullptr), &std::free};
  if (resolved == nullptr) return std::unexpected(system_error(errno, path, "cannot send"));
  return std::string{resolved.get()};
}

// Where the user's path is on the disk. What ends in a slash, "." or ".." means a directory and not a link to
// it, and may have no name of its own: that comes from the resolved path.
StoreResult<Split> locate(const std::string& given) {
  std::string_view trimmed = given;
  while (trimmed.size() > 1 && trimmed.ends_with('/')) trimmed.remove_suffix(1);
  const std::string_view last = name_of(trimmed);
  const bool means_directory = trimmed.size() != given.size() || last.empty() || last == "." || last == "..";
  if (!means_directory) return split(trimmed);
  auto resolved = resolve(given);
  if (!resolved) return std::unexpected(std::move(resolved.error()));
  return split(*resolved);
}

StoreResult<void> check_type(const std::string& given, const SourceRoot& root) {
  struct stat status{};
  const char* const name = root.name.empty() ? "." : root.name.c_str();
  if (::fstatat(root.parent->fd(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return std::unexpected(system_error(errno, given, "cannot send"));
  }
  if (type_of(status.st_mode) != EntryType::Other) return {};
  return std::unexpected(StoreError{
      .code = StoreErrc::Unsupported, .path = given, .reason = "cannot send a device, socket or pipe"});
}

// `path/`, `/`: what the user wrote without the slashes at its end.
std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

class RootOpener {
 public:
  explicit RootOpener(std::size_t cached_directories) : cached_directories_(cached_directories) {}

  StoreResult<SourceRoot> open(const std::string& given) {
    if (given.empty()) {
      return std::unexpected(StoreError{.code = StoreErrc::NotFound, .reason = "cannot send an empty path"});
    }
    auto place = locate(given);
    if (!place) return std::unexpected(std::move(place.error()));
    auto parent = open_parent(place->parent, given);
    if (!parent) return std::unexpected(std::move(parent.error()));
    SourceRoot root{.given = without_slashes(given),
                    .top = place->name.empty() ? std::string{kRootName} : place->name,
                    .parent = std::move(*parent),
                    .name = std::move(place->name)};
    if (auto sendable = check_type(given, root); !sendable)
      return std::unexpected(std::move(sendable.error()));
    return root;
  }

 private:
  StoreResult<std::shared_ptr<DirectoryRoot>> open_parent(const std::string& path, const std::string& given) {
    auto& parent = parents_[path];
    if (parent != nullptr) return parent;
    Descriptor descriptor{::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!descriptor.is_open()) return std::unexpected(system_error(errno, given, "cannot send"));
    parent = std::make_shared<DirectoryRoot>(std::move(descriptor), path, cached_directories_);
    return parent;
  }

  std::size_t cached_directories_;
  std::map<std::string, std::shared_ptr<DirectoryRoot>> parents_;
};

}  // namespace

std::string SourceRoot::disk_path(std::string_view entry_path) const {
  std::string_view rest = entry_path.substr(top.size());
  if (name.empty() && rest.starts_with('/')) rest.remove_prefix(1);
  return name + std::string{rest};
}

std::string SourceRoot::display_path(std::string_view entry_path) const {
  std::string_view rest = entry_path.substr(top.size());
  if (given.ends_with('/') && rest.starts_with('/')) rest.remove_prefix(1);
  return given + std::string{rest};
}

StoreResult<std::vector<SourceRoot>> open_source_roots(const std::vector<std::string>& given,
                                                       std::size_t cached_directories) {
  std::vector<SourceRoot> roots;
  std::map<std::string_view, std::size_t> by_top;
  roots.reserve(given.size());  // by_top looks into them
  RootOpener opener{cached_directories};
  for (const std::string& path : given) {
    auto root = opener.open(path);
    if (!root) return std::unexpected(std::move(root.error()));
    roots.push_back(std::move(*root));
    const auto [known, is_new] = by_top.emplace(roots.back().top, roots.size() - 1);
    if (is_new) continue;
    return std::unexpected(StoreError{.code = StoreErrc::DuplicateName,
                                      .path = given[known->second],
                                      .reason = "two paths would get the same name",
                                      .other_path = path});
  }
  return roots;
}

}  // namespace jetway::store
