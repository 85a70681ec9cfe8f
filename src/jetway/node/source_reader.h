#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "jetway/base/buffer.h"
#include "jetway/store/source_tree.h"
#include "jetway/transfer/send_coordinator.h"

namespace jetway::node {

// Reads what a sender's coordinator asks for: plan() on the loop, then read() on a thread of the pool,
// several at a time.
class SourceReader {
 public:
  explicit SourceReader(store::SourceTree tree) : tree_(std::move(tree)) {}

  // The next names, in the order in which the coordinator numbers them; on the pool, one at a time.
  store::SourceBatch scan(std::size_t max_entries) { return tree_.next_batch(max_entries); }
  // Remembers what open() has to find again; on the loop, in order.
  void remember(const store::SourceEntry& entry) { sources_.push_back({entry.version, entry.root}); }

  // An open file; shared by the jobs that read it.
  struct OpenSource {
    store::SourceEntry entry;
    std::mutex mutex;
    std::optional<store::SourceFile> file;
    std::atomic<std::uint64_t> chunks_left;
  };
  struct PlannedPiece {
    transfer::ReadPiece piece;
    std::shared_ptr<OpenSource> source;
  };
  using Plan = std::vector<PlannedPiece>;
  Plan plan(const transfer::ReadJob& job, const transfer::EntryTable& entries);

  // Fills `buffer` with the content of those chunks that the receiver has not, and returns the records of
  // all. A file whose last chunk was read is known to be unchanged since it was scanned, else SourceChanged.
  transfer::TransferResult<std::vector<transfer::UnitRecord>> read(const Plan& plan, Buffer& buffer) const;

 private:
  struct Source {
    store::FileVersion version;
    std::uint32_t root;
  };

  std::shared_ptr<OpenSource> source_of(const transfer::ReadPiece& piece, const transfer::Entry& entry);
  store::StoreResult<void> read_piece(const PlannedPiece& planned, MutableBytes out) const;

  store::SourceTree tree_;
  std::vector<Source> sources_;                                                  // by entry
  std::unordered_map<transfer::EntryIndex, std::shared_ptr<OpenSource>> large_;  // that are not fully planned
};

}  // namespace jetway::node
