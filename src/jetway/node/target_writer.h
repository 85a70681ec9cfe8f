#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "jetway/crypto/hash.h"
#include "jetway/store/target_tree.h"
#include "jetway/transfer/entry.h"
#include "jetway/transfer/failure.h"
#include "jetway/transfer/unit.h"

namespace jetway::node {

// A file of a transfer that is more than one chunk, or of which something was there before. Shared by the
// jobs that write it; everything below `mutex` is for its holder (`partial` once open for anybody's writes).
struct IncomingFile {
  explicit IncomingFile(const transfer::Entry& announced) : entry(announced) {}

  const transfer::Entry entry;
  bool is_noted = false;  // temp_path has been written down; for the loop
  // The kernel lets one thread at a time write a file, and the others spin for it: here they sleep.
  std::mutex writing;

  std::mutex mutex;
  std::string temp_path;                         // of the partial file; empty: there is none
  std::optional<store::PartialFile> partial;     // from when it is found or begun until it is committed
  std::optional<store::FileVersion> existing;    // a file under the final name whose chunks may be used
  std::vector<transfer::UnitRecord> references;  // to `existing`, not copied yet
};

// The disk of a receiving transfer: everything here blocks and runs on the pool. prepare() and finish() are
// called one at a time, store() and commit() also side by side.
class TargetWriter {
 public:
  using PartialsByPath = std::map<std::string, std::string, std::less<>>;  // final path -> temp path

  // `partials`: what an earlier attempt is known to have left.
  TargetWriter(store::TargetTree tree, store::CollisionPolicy policy, PartialsByPath partials)
      : tree_(std::move(tree)), policy_(policy), partials_(std::move(partials)) {}

  // --- before content comes ---

  // Something of a file that is there already.
  struct Found {
    transfer::EntryIndex index;
    std::shared_ptr<IncomingFile> file;
    std::vector<crypto::Hash256> hashes;  // of a small file
    // A large one, partial or not, to be hashed with hash_chunks().
    std::optional<store::File> large;
  };
  struct Prepared {
    std::size_t count = 0;  // entries done; the last one may be a large Found
    std::vector<Found> found;
    std::vector<transfer::EntryIndex> skipped;
    std::vector<std::pair<transfer::EntryIndex, std::string>> renamed;  // links and empty files
  };
  // Makes folders, links and empty files of `entries` (the first has index `first`) and looks for what is
  // there of the others. Stops early when it has read a lot.
  transfer::TransferResult<Prepared> prepare(transfer::EntryIndex first,
                                             std::span<const transfer::Entry> entries);

  // --- content ---

  struct Job {
    transfer::UnitRecord record;
    transfer::Entry entry;
    std::shared_ptr<IncomingFile> file;  // null: a small file of which nothing was there
  };
  struct Stored {
    std::optional<std::string> final_path;  // files of one chunk get their name at once
  };
  // Checks each chunk against its hash and puts it in its place; one result for each job. Integrity when a
  // chunk is not what was announced.
  transfer::TransferResult<std::vector<Stored>> store(std::span<const Job> jobs, ByteView content);
  // Gives a file that is whole its final name; returns that.
  transfer::TransferResult<std::string> commit(IncomingFile& file);

  // --- the end ---

  // Times and modes of folders (the deepest first), removal of partial files that nothing needed; then all of
  // it is durable, by policy.
  transfer::TransferResult<> finish(std::span<const transfer::Entry> folders);

 private:
  using Result = store::StoreResult<void>;

  Result prepare_entry(transfer::EntryIndex index, const transfer::Entry& entry, Prepared& out);
  Result prepare_folder(const transfer::Entry& entry);
  Result prepare_file(transfer::EntryIndex index, const transfer::Entry& entry, Prepared& out);
  Result make_empty(transfer::EntryIndex index, const transfer::Entry& entry, Prepared& out);
  store::StoreResult<bool> find_partial(transfer::EntryIndex index, const transfer::Entry& entry,
                                        Prepared& out);
  Result find_existing(transfer::EntryIndex index, const transfer::Entry& entry, Prepared& out);
  Result add_found(Found found, store::File file, Prepared& out);
  bool is_fresh(const transfer::Entry& entry) const;

  store::StoreResult<Stored> store_one(const Job& job, ByteView content);
  store::StoreResult<std::string> write_small(const transfer::Entry& entry, ByteView content);
  Result open_partial(IncomingFile& file);
  store::StoreResult<std::string> commit_locked(IncomingFile& file);
  store::StoreResult<bool> adopt_identical(IncomingFile& file);
  Result copy_references(IncomingFile& file);

  store::TargetTree tree_;
  store::CollisionPolicy policy_;
  PartialsByPath partials_;  // not used yet
  std::size_t held_partials_ = 0;
  std::string fresh_folder_;  // the topmost folder on the present way that we made: nothing is in it
  std::uint64_t read_bytes_ = 0;
};

}  // namespace jetway::node
