#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jetway/crypto/hash.h"
#include "jetway/transfer/entry.h"
#include "jetway/transfer/failure.h"
#include "jetway/transfer/safe_path.h"

namespace jetway::transfer {

// The largest number of entries and the largest file that the protocol carries.
inline constexpr std::uint64_t kEntriesMax = 0xffff'ffff;
inline constexpr std::uint64_t kFileMaxBytes = std::uint64_t{1} << 62;

// The entries of a transfer in their order. Compact (32 bytes and the texts of each), because trees of a
// million files are ordinary. Views stay valid as long as the table.
class EntryTable {
 public:
  EntryIndex append(const Entry& entry);
  Entry operator[](EntryIndex index) const;
  EntryIndex size() const { return static_cast<EntryIndex>(records_.size()); }

 private:
  struct Record {
    const char* texts;  // path, then link target
    std::uint64_t size;
    std::int64_t modified_ns;
    std::uint32_t mode_and_type;
    std::uint16_t path_bytes;
    std::uint16_t link_bytes;
  };

  char* reserve_text(std::size_t count);

  std::vector<Record> records_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_left_ = 0;
  char* block_at_ = nullptr;
};

// Lets the entries of a manifest pass one after the other as long as each is safe and they come in the order
// of compare_paths(), each beneath a directory that came before. That order is what makes the manifest
// canonical, and it lets two names that fall together, or a file that is also a folder, be seen by looking at
// the last path alone, whatever the number of entries.
class EntryCheck {
 public:
  explicit EntryCheck(LinkScope links = LinkScope::Inside) : links_(links) {}

  // BadName, both paths named when it is about two. The entry counts as seen only when it passes.
  TransferResult<> pass(const Entry& entry);

 private:
  TransferResult<> check_place(const Entry& entry) const;

  LinkScope links_;
  std::string last_path_;
  EntryType last_type_ = EntryType::Directory;  // the folder that everything is relative to
};

// The digest of a file's content: BLAKE3 over the hashes of its chunks in their order, taken as they come, in
// nearly that order.
class ContentDigest {
 public:
  // Chunks may be ahead of the first one that is missing by so many.
  static constexpr std::uint64_t kWindow = 1024;

  // False when that chunk was there already, or is too far ahead.
  bool add(std::uint64_t chunk, const crypto::Hash256& hash);
  // Chunks without a gap from the first.
  std::uint64_t contiguous() const { return next_; }
  std::uint64_t total() const { return next_ + early_.size(); }
  // Of the contiguous ones.
  crypto::Hash256 finish() const { return hasher_.finish(); }

 private:
  crypto::Blake3 hasher_;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, crypto::Hash256> early_;
};

// The digest of a file without chunks.
crypto::Hash256 empty_content_digest();

// The root of a manifest: BLAKE3 over the deterministic encodings of all entries in their order, with the
// digest of each file's content (docs/protocol/transfer.md, section 7).
class RootHasher {
 public:
  // `content`: of a file; nullopt for a file that the receiver skipped, and for everything else.
  void add(const Entry& entry, const std::optional<crypto::Hash256>& content);
  crypto::Hash256 finish() const { return hasher_.finish(); }

 private:
  crypto::Blake3 hasher_;
};

// Feeds a RootHasher in the order of the entries while files end in any order.
class RootBuilder {
 public:
  explicit RootBuilder(const EntryTable& entries) : entries_(entries) {}

  // A file is whole (once for each), or was skipped.
  void on_file(EntryIndex file, const std::optional<crypto::Hash256>& content);
  // Entries below `through` have been settled: those that are no files need nothing more. Advances.
  void advance(EntryIndex through);
  // All entries before this one are in the root.
  EntryIndex done() const { return done_; }
  crypto::Hash256 finish() const { return hasher_.finish(); }

 private:
  const EntryTable& entries_;
  RootHasher hasher_;
  EntryIndex done_ = 0;
  std::map<EntryIndex, std::optional<crypto::Hash256>> ended_;  // files ahead of done_
};

}  // namespace jetway::transfer
