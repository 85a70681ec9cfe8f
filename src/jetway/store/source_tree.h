#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/store/error.h"
#include "jetway/store/file.h"
#include "jetway/store/path.h"

namespace jetway::store {

// One thing to send. `path` is what the receiver gets to see: relative, raw bytes, beginning with the last
// name of the root that the user named ("top/sub/name").
struct SourceEntry {
  std::uint64_t index = 0;  // counts from 0 in the order of the stream
  std::string path;
  EntryType type = EntryType::File;  // never Other
  std::uint32_t mode = 0;            // permission bits, 07777
  std::string link_target;           // Symlink
  FileVersion version;               // size and mtime among them; size is 0 unless File
  std::uint32_t root = 0;            // which of the roots, for SourceTree::open
};

struct SourceBatch {
  std::vector<SourceEntry> entries;
  // What was left out and why: unreadable, vanished meanwhile, a device, socket or pipe, too deep, a link
  // that leaves (OutsideLinks::Warn).
  std::vector<StoreError> problems;
  bool is_last = false;
};

// An open source file that is still the one that was scanned.
class SourceFile {
 public:
  SourceFile(File file, FileVersion version) : file_(std::move(file)), version_(version) {}

  std::uint64_t size() const { return version_.size; }
  // Fills `out`, which lies inside the scanned size; SourceChanged when the file has become shorter.
  StoreResult<void> read_at(std::uint64_t offset, MutableBytes out) const;
  // To be called when everything has been read: SourceChanged when size, mtime or ctime are not what they
  // were when the file was opened. What was read before then must not be passed on as that file.
  StoreResult<void> verify_unchanged() const;
  const File& file() const { return file_; }

 private:
  File file_;
  FileVersion version_;
};

struct SourceConfig {
  // Open directories kept for opening files, per root.
  std::size_t cached_directories = 8;
  OutsideLinks outside_links = OutsideLinks::Warn;
};

// Walks what the user named (files, directories, links) as a stream of entries in an order that depends on
// names alone: roots as given, within a directory sorted by name bytes, a directory before what is in it.
// Links are entries of their own and never followed, also when the user named one; only "link/" with a slash
// means the directory behind it. Memory is that of the directories on the way from the root to the present
// entry (their names), so any number of files can be sent.
//
// next_batch() belongs to one thread; open() may be called from several, also during next_batch().
class SourceTree {
 public:
  // Fails when a root is not there, cannot be looked at, is a device, socket or pipe, or when two roots have
  // the same last name (DuplicateName with both paths). A root that ends in ".", ".." or is "/" is named by
  // its resolved path; "/" itself becomes "root".
  static StoreResult<SourceTree> open(const std::vector<std::string>& roots, const SourceConfig& config = {});

  SourceTree(SourceTree&&) noexcept;
  SourceTree& operator=(SourceTree&&) noexcept;
  SourceTree(const SourceTree&) = delete;
  SourceTree& operator=(const SourceTree&) = delete;
  ~SourceTree();

  // Up to `max_entries` entries (at least 1); `is_last` when there are no more, and from then on always.
  // Never fails as a whole.
  SourceBatch next_batch(std::size_t max_entries);

  // Opens a File entry for reading: without following links, and SourceChanged unless size, mtime and inode
  // are those of the scan.
  StoreResult<SourceFile> open(const SourceEntry& entry) const;

  // The entry's path as the user would write it, for messages.
  std::string display_path(const SourceEntry& entry) const;

 private:
  struct State;
  explicit SourceTree(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace jetway::store
