#include "jetway/store/source_tree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jetway/base/assert.h"
#include "jetway/store/path.h"
#include "jetway/store/source_root.h"
#include "jetway/store/stat.h"

namespace jetway::store {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// A directory on the way from the root to the present entry: open, with the names in it that are yet to come.
struct Level {
  std::unique_ptr<DIR, CloseDirectory> directory;
  std::vector<std::string> names;  // sorted downwards: the next one is at the end
  std::string path;                // of the entry, "top/sub"

  int fd() const { return ::dirfd(directory.get()); }
};

StoreError changed(std::string path, std::string_view reason, int system_errno = 0) {
  return {.code = StoreErrc::SourceChanged,
          .system_errno = system_errno,
          .path = std::move(path),
          .reason = reason};
}

// 0 or errno.
int read_names(DIR* directory, std::vector<std::string>& names) {
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(directory);
    if (entry == nullptr) break;
    const std::string_view name{entry->d_name};
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return errno;
  std::ranges::sort(names, std::greater{});
  return 0;
}

}  // namespace

struct SourceTree::State {
  std::vector<SourceRoot> roots;
  OutsideLinks outside_links = OutsideLinks::Warn;
  std::size_t next_root = 0;
  std::uint64_t next_index = 0;
  std::vector<Level> levels;

  void advance(SourceBatch& batch);
  void begin_root(SourceBatch& batch);
  void visit(SourceBatch& batch, int parent, const char* name, std::string path);
  bool describe_link(SourceBatch& batch, int parent, const char* name, SourceEntry& entry);
  bool is_left_out(SourceBatch& batch, const SourceEntry& link) const;
  void descend(SourceBatch& batch, int parent, const char* name, const std::string& path);
  const SourceRoot& root() const { return roots[next_root - 1]; }
  void report(SourceBatch& batch, int system_errno, std::string_view path, std::string_view reason) const {
    batch.problems.push_back(system_error(system_errno, root().display_path(path), reason));
  }
  bool is_at_end() const { return levels.empty() && next_root == roots.size(); }
};

void SourceTree::State::advance(SourceBatch& batch) {
  if (levels.empty()) return begin_root(batch);
  Level& level = levels.back();
  if (level.names.empty()) {
    levels.pop_back();
    return;
  }
  const std::string name = std::move(level.names.back());
  level.names.pop_back();
  visit(batch, level.fd(), name.c_str(), level.path + '/' + name);
}

void SourceTree::State::begin_root(SourceBatch& batch) {
  ++next_root;
  const char* const name = root().name.empty() ? "." : root().name.c_str();
  visit(batch, root().parent->fd(), name, root().top);
}

void SourceTree::State::visit(SourceBatch& batch, int parent, const char* name, std::string path) {
  if (path.size() > kMaxPathBytes || levels.size() >= kMaxPathDepth) {
    batch.problems.push_back({.code = StoreErrc::NameTooLong,
                              .path = root().display_path(path),
                              .reason = "left out: the path is too long or too deep"});
    return;
  }
  struct stat status{};
  if (::fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return report(batch, errno, path, "left out: cannot examine");
  }
  SourceEntry entry{.index = next_index,
                    .path = std::move(path),
                    .type = type_of(status.st_mode),
                    .mode = status.st_mode & 07777,
                    .link_target = {},
                    .version = version_of(status),
                    .root = static_cast<std::uint32_t>(next_root - 1)};
  if (entry.type != EntryType::File) entry.version.size = 0;
  if (entry.type == EntryType::Other) {
    batch.problems.push_back({.code = StoreErrc::Unsupported,
                              .path = root().display_path(entry.path),
                              .reason = "left out: a device, socket or pipe"});
    return;
  }
  if (entry.type == EntryType::Symlink && !describe_link(batch, parent, name, entry)) return;
  ++next_index;
  const bool is_directory = entry.type == EntryType::Directory;
  batch.entries.push_back(std::move(entry));
  if (is_directory) descend(batch, parent, name, batch.entries.back().path);
}

bool SourceTree::State::describe_link(SourceBatch& batch, int parent, const char* name, SourceEntry& entry) {
  std::array<char, kMaxPathBytes> target{};
  const auto size = ::readlinkat(parent, name, target.data(), target.size());
  if (size < 0) {
    report(batch, errno, entry.path, "left out: cannot read the link");
    return false;
  }
  entry.link_target.assign(target.data(), static_cast<std::size_t>(size));
  return !is_left_out(batch, entry);
}

bool SourceTree::State::is_left_out(SourceBatch& batch, const SourceEntry& link) const {
  if (outside_links == OutsideLinks::Keep || link_stays_inside(link.path, link.link_target)) return false;
  if (outside_links == OutsideLinks::Skip) return true;
  batch.problems.push_back({.code = StoreErrc::OutsideLink,
                            .path = root().display_path(link.path) + " -> " + link.link_target,
                            .reason = "left out: a link to outside of what is sent"});
  return true;
}

void SourceTree::State::descend(SourceBatch& batch, int parent, const char* name, const std::string& path) {
  // The entry of the directory itself stays, also when it cannot be read: it is there, and so it is created.
  const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return report(batch, errno, path, "left out: cannot read what is in the directory");
  Level level{.directory{::fdopendir(fd)}, .names{}, .path = path};
  JETWAY_ASSERT(level.directory != nullptr);
  if (const int failure = read_names(level.directory.get(), level.names); failure != 0) {
    return report(batch, failure, path, "left out: cannot read what is in the directory");
  }
  levels.push_back(std::move(level));
}

SourceTree::SourceTree(std::unique_ptr<State> state) : state_(std::move(state)) {}
SourceTree::SourceTree(SourceTree&&) noexcept = default;
SourceTree& SourceTree::operator=(SourceTree&&) noexcept = default;
SourceTree::~SourceTree() = default;

StoreResult<SourceTree> SourceTree::open(const std::vector<std::string>& roots, const SourceConfig& config) {
  auto opened = open_source_roots(roots, config.cached_directories);
  if (!opened) return std::unexpected(std::move(opened.error()));
  auto state = std::make_unique<State>();
  state->roots = std::move(*opened);
  state->outside_links = config.outside_links;
  return SourceTree{std::move(state)};
}

SourceBatch SourceTree::next_batch(std::size_t max_entries) {
  JETWAY_ASSERT(max_entries >= 1);
  SourceBatch batch;
  while (batch.entries.size() + batch.problems.size() < max_entries && !state_->is_at_end()) {
    state_->advance(batch);
  }
  batch.is_last = state_->is_at_end();
  return batch;
}

StoreResult<SourceFile> SourceTree::open(const SourceEntry& entry) const {
  JETWAY_ASSERT(entry.root < state_->roots.size() && entry.type == EntryType::File);
  const SourceRoot& root = state_->roots[entry.root];
  // O_NONBLOCK: what is a pipe by now would keep us waiting for its other end.
  auto descriptor = root.parent->open(root.disk_path(entry.path), O_RDONLY | O_NOCTTY | O_NONBLOCK);
  if (!descriptor) {
    StoreError error = std::move(descriptor.error());
    const bool is_gone = error.code == StoreErrc::NotFound || error.code == StoreErrc::NotADirectory ||
                         error.code == StoreErrc::UnsafePath || error.code == StoreErrc::Unsupported;
    if (is_gone) {
      return std::unexpected(
          changed(display_path(entry), "the file was removed or replaced meanwhile", error.system_errno));
    }
    error.path = display_path(entry);
    return std::unexpected(std::move(error));
  }
  File file{std::move(*descriptor), display_path(entry)};
  auto version = file.version();
  if (!version) return std::unexpected(std::move(version.error()));
  // ctime may differ: a new link to the file or a chmod since the scan does no harm.
  FileVersion scanned = entry.version;
  scanned.changed_ns = version->changed_ns;
  if (*version != scanned)
    return std::unexpected(changed(file.path(), "the file changed after it was listed"));
  file.expect_sequential_reads();
  return SourceFile{std::move(file), *version};
}

std::string SourceTree::display_path(const SourceEntry& entry) const {
  return state_->roots[entry.root].display_path(entry.path);
}

StoreResult<void> SourceFile::read_at(std::uint64_t offset, MutableBytes out) const {
  auto got = file_.read_at(offset, out);
  if (!got) return std::unexpected(std::move(got.error()));
  if (*got == out.size()) return {};
  return std::unexpected(changed(file_.path(), "the file became shorter while it was read"));
}

StoreResult<void> SourceFile::verify_unchanged() const {
  auto version = file_.version();
  if (!version) return std::unexpected(std::move(version.error()));
  if (*version == version_) return {};
  return std::unexpected(changed(file_.path(), "the file changed while it was read"));
}

}  // namespace jetway::store
