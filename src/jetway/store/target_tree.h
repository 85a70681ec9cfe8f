#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "jetway/base/bytes.h"
#include "jetway/store/error.h"
#include "jetway/store/file.h"
#include "jetway/store/job_lock.h"

namespace jetway::store {

// What happens when the final name is taken by something else.
enum class CollisionPolicy : std::uint8_t {
  Rename,     // "name (1).ext", "name (2).ext", ...
  Overwrite,  // replaces files and links, never directories
  Skip,       // what is there stays
};

// When written files reach the device, `--fsync`.
//   Auto    a file of at least TargetConfig::large_file_bytes is made durable once, before its rename; the
//           rest, and all names, by sync_batch().
//   Always  every file before its rename and its directory after it.
//   Never   the kernel decides; sync_batch() does nothing.
// Under Auto and Always, what was committed before a sync_batch() that succeeded survives a power cut, whole
// and under its final name. So: sync_batch(), then acknowledge. Under any policy a name, once seen, has whole
// content as long as the power stays on.
enum class SyncPolicy : std::uint8_t { Auto, Always, Never };

struct TargetConfig {
  // Creates the folder (one level; its parent must exist).
  bool create = false;
  SyncPolicy sync = SyncPolicy::Auto;
  // From this size on, SyncPolicy::Auto syncs a file by itself before its rename.
  std::uint64_t large_file_bytes = 16 << 20;
  // From this size on, what was written of a file does not stay in the page cache.
  std::uint64_t uncached_file_bytes = 64 << 20;
  // Open directories kept; each costs a descriptor.
  std::size_t cached_directories = 64;
  // "name (N).ext" is tried up to this N, then the commit fails with Exists.
  std::uint32_t rename_attempts = 10'000;
  // Lets links point out of the target folder. Only the receiver's own user may say so.
  bool allow_outside_links = false;
  // The job that the files are for: names its partial files, so that a later run finds them whatever became
  // of the state database. Without it their names are random.
  std::optional<JobKey> job = std::nullopt;
};

struct FileMetadata {
  std::uint32_t mode = 0644;     // only 0777 of it is used: setuid, setgid and sticky never come from a peer
  std::int64_t modified_ns = 0;  // since 1970
};

struct TargetEntry {
  EntryType type = EntryType::File;
  std::uint32_t mode = 0;
  FileVersion version;
  std::string link_target;  // Symlink
};

enum class CommitOutcome : std::uint8_t { Created, Renamed, Overwritten, Skipped };

struct Committed {
  CommitOutcome outcome = CommitOutcome::Created;
  std::string path;  // the name it has now; with Skipped, the one that was in the way
};

// A file in the making, beside the place where it will stand, named as file_names.h says.
// Dropping one keeps the file on disk, to be reopened by temp_path(); TargetTree::discard() removes it. While
// one exists nobody else, in whatever process, gets the same (flock; except where a file system has no
// locks).
class PartialFile {
 public:
  PartialFile(File file, std::string temp_path, Caching caching = Caching::Keep)
      : file_(std::move(file)), temp_path_(std::move(temp_path)), caching_(caching) {}

  // Any order, also beyond the present end; different ranges from several threads at once (which the kernel
  // lets write one after the other).
  StoreResult<void> write_at(std::uint64_t offset, ByteView bytes) {
    return file_.write_at(offset, bytes, caching_);
  }
  StoreResult<std::size_t> read_at(std::uint64_t offset, MutableBytes out) const {
    return file_.read_at(offset, out);
  }
  // Reserves room without changing the size, so that a full disk is known before the first byte: NoSpace.
  // Does nothing where the file system cannot.
  StoreResult<void> preallocate(std::uint64_t size);
  StoreResult<void> truncate(std::uint64_t size);
  StoreResult<std::uint64_t> size() const;
  StoreResult<void> sync() { return file_.sync(); }
  StoreResult<void> set_metadata(const FileMetadata& metadata);

  // Relative to the target folder; goes to the state database.
  const std::string& temp_path() const { return temp_path_; }
  const File& file() const { return file_; }

 private:
  File file_;
  std::string temp_path_;
  Caching caching_;
};

struct FreeSpace {
  std::uint64_t available_bytes = 0;  // to this user
  std::uint64_t total_bytes = 0;
  std::uint64_t available_files = 0;  // inodes; the largest value where the file system does not count them
};

// The folder that a receiver writes into, and everything beneath it. All paths are relative, raw bytes
// "a/b/c" and come from a peer: they are checked (check_path) and resolved so that neither ".." nor a link,
// whenever it appears, leads out of the folder or to a place that the path does not name. A link or a file
// where a directory is expected is NotADirectory. Nothing partial is ever to be seen under a final name.
//
// Every operation may be called from several threads at once, on different paths.
class TargetTree {
 public:
  // The folder itself is the user's word and may be or go through links.
  static StoreResult<TargetTree> open(const std::string& directory, const TargetConfig& config = {});

  TargetTree(TargetTree&&) noexcept;
  TargetTree& operator=(TargetTree&&) noexcept;
  TargetTree(const TargetTree&) = delete;
  TargetTree& operator=(const TargetTree&) = delete;
  ~TargetTree();

  // With all permissions for the user, so that it can be filled whatever its final mode; see
  // finish_directory(). Parents must exist. True: it is new. An existing directory is fine and left alone;
  // anything else of that name is Exists.
  StoreResult<bool> make_directory(std::string_view path);
  // Mode and mtime, when everything in it has been written: last what is deepest first.
  StoreResult<void> finish_directory(std::string_view path, const FileMetadata& metadata);

  // UnsafePath when the target leaves the folder (link_stays_inside) and the configuration does not allow it.
  // The same link already there counts as Skipped; it gets the time `modified_ns` (since 1970) too. A file
  // system that keeps no times of links does no harm.
  StoreResult<Committed> make_symlink(std::string_view path, std::string_view target,
                                      std::int64_t modified_ns, CollisionPolicy policy);

  // nullopt: there is nothing.
  StoreResult<std::optional<TargetEntry>> lookup(std::string_view path);
  // A regular file that is there already, for reading (to find chunks that need not be sent).
  StoreResult<File> open_existing(std::string_view path);

  // `size` is what it will have in the end: room is reserved for it (NoSpace early). Its parent must exist.
  StoreResult<PartialFile> create_partial(std::string_view path, std::uint64_t size);
  // One of an earlier run, by its temp_path(), to become `size` long. NotFound when it is gone; UnsafePath
  // when it is not a plain file of ours (another owner, further names, not named as ours are); Busy when
  // somebody has it open.
  StoreResult<PartialFile> reopen_partial(std::string_view temp_path, std::uint64_t size);
  // The one that a run of the same job (TargetConfig::job) has left for `path`. NotFound when there is none;
  // UnsafePath and Busy as above, Busy also where there are no locks. What is in it has to be looked at.
  StoreResult<PartialFile> find_partial(std::string_view path, std::uint64_t size);
  // Removes a temporary file; one that is gone already is fine.
  StoreResult<void> discard(std::string_view temp_path);

  // Gives `partial`, whose content the caller has verified, its metadata and its final name, by SyncPolicy.
  // With Skip and a name that is taken, the temporary file is removed. On failure it is kept.
  StoreResult<Committed> commit(PartialFile partial, std::string_view path, const FileMetadata& metadata,
                                CollisionPolicy policy);

  // All of it at once for a small file that is in memory and verified.
  StoreResult<Committed> write_small_file(std::string_view path, ByteView content,
                                          const FileMetadata& metadata, CollisionPolicy policy);

  // Makes everything committed so far durable, see SyncPolicy. One syncfs(2): costs the more the more other
  // programs have written to that file system, but far less than a sync for each of many small files.
  StoreResult<void> sync_batch();
  // Makes the names in a directory durable ("" is the folder itself).
  StoreResult<void> sync_directory(std::string_view path);

  StoreResult<FreeSpace> free_space() const;
  // For messages.
  std::string display_path(std::string_view path) const;

  // For tests: as on a kernel without openat2, O_TMPFILE or renameat2.
  void use_fallbacks();

 private:
  struct State;
  explicit TargetTree(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace jetway::store
