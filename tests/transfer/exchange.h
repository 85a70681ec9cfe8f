#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jetway/base/random.h"
#include "jetway/transfer/receive_coordinator.h"
#include "jetway/transfer/send_coordinator.h"

namespace jetway::transfer::test {

// What is on a disk, with numbers in the place of content: chunk k of a file is the number ids[k].
struct ModelFile {
  EntryType type = EntryType::File;
  std::uint64_t size = 0;
  std::vector<std::uint64_t> ids;
  std::string link_target;

  bool operator==(const ModelFile&) const = default;
};
using ModelTree = std::map<std::string, ModelFile>;  // sorted later by compare_paths()

crypto::Hash256 hash_of_id(std::uint64_t id);
ModelFile file_of(std::vector<std::uint64_t> ids, std::uint64_t last_chunk_bytes = kChunkBytes);
ModelFile small_file(std::uint64_t id, std::uint64_t bytes);
inline ModelFile folder() { return {.type = EntryType::Directory, .size = 0, .ids = {}, .link_target = {}}; }

// The receiver's disk: what a new run finds again.
struct ModelDisk {
  ModelTree files;                                                         // under their final names
  std::map<std::string, std::map<std::uint64_t, std::uint64_t>> partials;  // path -> chunk -> id
};

// Both coordinators with a lossless network and a disk between them that is only as orderly as the seed lets
// it be: messages, units, reads and writes happen in any order that the real ones could.
class Exchange {
 public:
  Exchange(const ModelTree& source, ModelDisk& disk, std::uint64_t seed, ReceiveLimits limits = {});

  // One thing happens; false when nothing can.
  bool step();
  // Until both sides are final or nothing can happen; returns the number of steps.
  std::size_t run();

  SendCoordinator sender;
  ReceiveCoordinator receiver;
  std::vector<std::string> skip;  // paths that the receiver does not want
  std::size_t message_bytes_max = 0;

 private:
  struct Lane {
    std::deque<std::vector<UnitRecord>> units;
  };
  using Action = bool (Exchange::*)();

  bool scan();
  bool read();
  bool end_read();
  bool deliver_to_receiver();
  bool deliver_to_sender();
  bool deliver_unit();
  bool prepare();
  bool store();
  bool finish();
  void drain();
  void find(EntryIndex index, std::vector<EntryIndex>& skipped);
  void commit(EntryIndex index);

  SeededRandom random_;
  ModelTree source_;
  ModelDisk& disk_;
  std::vector<std::string> names_;  // in the order of the manifest
  std::size_t scanned_ = 0;
  bool is_scan_ended_ = false;
  std::vector<std::vector<UnitRecord>> reads_;
  std::vector<Lane> lanes_{4};
  std::deque<Bytes> to_receiver_;
  std::deque<Bytes> to_sender_;
  std::deque<ReceiveCoordinator::EntriesArrived> batches_;
  std::vector<UnitRecord> stores_;
  bool is_ready_to_finish_ = false;
};

}  // namespace jetway::transfer::test
