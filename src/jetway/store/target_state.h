#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <utility>

#include "jetway/store/beneath.h"
#include "jetway/store/target_tree.h"

namespace jetway::store {

// A path of the target folder taken apart, its directory open.
struct TargetPlace {
  DirectoryRoot::Shared directory;
  std::string parent;  // of the path; "" for the folder itself
  std::string name;

  int fd() const { return directory->fd(); }
  // The path of another name in the same directory.
  std::string sibling(std::string_view other_name) const {
    return parent.empty() ? std::string{other_name} : parent + '/' + std::string{other_name};
  }
};

// A file that has no final name yet.
struct NewFile {
  File file;
  std::string temp_name;  // in the directory of its place; empty: it has no name at all (O_TMPFILE)
};
// The same, borrowed.
struct UnnamedFile {
  const File& file;
  const std::string& temp_name;
};

// Who may write a partial file. Whoever makes or opens one locks it and sees whether it still has that name:
// the one who had it before may have completed or removed it since it was opened.
enum class Claim : std::uint8_t { Ours, Theirs, NoLocks };
Claim claim_partial(int directory, const std::string& name, int fd);

struct ClaimedFile {
  File file;
  Claim claim;  // Ours or NoLocks
};

StoreResult<void> apply_metadata(const File& file, const FileMetadata& metadata);

struct TargetTree::State {
  State(const TargetConfig& settings, Descriptor folder, std::string display_path)
      : config(settings), root(std::move(folder), std::move(display_path), settings.cached_directories) {}

  TargetConfig config;
  DirectoryRoot root;
  // Until the kernel or the file system says otherwise.
  std::atomic<bool> has_unnamed_files = true;
  std::atomic<bool> has_exclusive_rename = true;

  StoreResult<TargetPlace> resolve(std::string_view path);

  // Final names. `create(name)` and `replace(name)` return 0 or errno; the first never replaces anything.
  template <class Create, class Replace>
  StoreResult<Committed> settle(const TargetPlace& place, CollisionPolicy policy, Create create,
                                Replace replace) const;
  StoreResult<Committed> settle_numbered(const TargetPlace& place, auto create) const;
  StoreResult<Committed> settle_file(const TargetPlace& place, const UnnamedFile& file,
                                     CollisionPolicy policy);
  int name_file(const TargetPlace& place, const UnnamedFile& file, const std::string& name);
  int replace_by(const TargetPlace& place, const UnnamedFile& file, const std::string& name);
  int rename_exclusively(int directory, const std::string& from, const std::string& to);

  StoreResult<NewFile> create_unnamed(const TargetPlace& place);
  StoreResult<NewFile> create_named(const TargetPlace& place, int flags);
  StoreResult<NewFile> create_claimed(const TargetPlace& place);
  // What the job calls its partial file of `place`.
  std::string job_partial_name(const TargetPlace& place) const;
  // A partial file that is there. Busy when it is somebody else's.
  StoreResult<ClaimedFile> open_claimed(const TargetPlace& place, const std::string& name) const;
  // Removes what a run of the same job has left and nobody has open. Whether it has.
  bool remove_abandoned(const TargetPlace& place, const std::string& name) const;
  StoreResult<NewFile> create_small(const TargetPlace& place);
  StoreResult<Committed> fill_and_settle(const TargetPlace& place, const UnnamedFile& file, ByteView content,
                                         const FileMetadata& metadata, CollisionPolicy policy);
  Caching caching_of(std::uint64_t size) const {
    return size >= config.uncached_file_bytes ? Caching::Drop : Caching::Keep;
  }
  bool has_to_sync(const TargetPlace& place, std::uint64_t size) const;
  StoreResult<void> sync_name(const TargetPlace& place) const;
  StoreError error(int system_errno, std::string_view path, std::string_view reason) const {
    return root.error(system_errno, path, reason);
  }
};

}  // namespace jetway::store
