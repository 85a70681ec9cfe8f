#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "jetway/crypto/peer_id.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/semaphore.h"
#include "jetway/io/task.h"
#include "jetway/node/target_writer.h"
#include "jetway/store/state_db.h"
#include "jetway/transfer/receive_coordinator.h"

namespace jetway::node {

// The state database as all transfers of a receiver use it: one at a time, on the pool.
class StateGate {
 public:
  StateGate(io::EventLoop& loop, store::StateDb& db) : loop_(loop), db_(db), turn_(loop, 1) {}

  // Runs work(db) on the pool when it is its turn.
  template <class Work>
  auto run(Work work) -> io::Task<std::invoke_result_t<Work&, store::StateDb&>> {
    co_await turn_.acquire();
    auto result = co_await loop_.offload([this, &work] { return work(db_); });
    turn_.release();
    co_return result;
  }
  io::EventLoop& loop() { return loop_; }

 private:
  io::EventLoop& loop_;
  store::StateDb& db_;
  io::Semaphore turn_;
};

// What is written down about one receiving transfer so that a later one of the same job finds its partial
// files. A database that fails costs the resuming and not the transfer: warning() says so, once.
class ReceiveJournal {
 public:
  ReceiveJournal(StateGate& gate, const crypto::PeerId& peer, store::JobKey job, std::string directory);

  // Partial files that the last unfinished attempt of the job has left. Takes over its record, or begins one.
  io::Task<TargetWriter::PartialsByPath> begin(const transfer::TransferId& id);
  bool is_resumed() const { return is_resumed_; }

  // Remembered until the next flush().
  void note_partial(transfer::EntryIndex index, const transfer::Entry& entry, std::string temp_path);
  void note_committed(transfer::EntryIndex index, const transfer::Entry& entry, std::string final_path);
  bool has_notes() const { return !notes_.empty(); }
  // One transaction for everything noted since the last one.
  io::Task<void> flush(const transfer::Progress& progress);
  // Once, at the end; durable.
  io::Task<void> finish(transfer::TransferState state, const transfer::Progress& progress,
                        const std::optional<crypto::Hash256>& root, std::string_view error);

  // Instead of finish(), when the transfer was never accepted: as if it had not been offered.
  io::Task<void> withdraw();

  // Empty, or why nothing can be resumed.
  const std::string& warning() const { return warning_; }

 private:
  using Opened = std::pair<store::TransferRecord, TargetWriter::PartialsByPath>;
  static store::StoreResult<Opened> open(store::StateDb& db, const store::TransferRecord& fresh);
  void check(const store::StoreResult<void>& done);

  StateGate& gate_;
  store::TransferRecord record_;
  std::vector<store::FileProgress> notes_;
  std::string warning_;
  bool is_resumed_ = false;
};

}  // namespace jetway::node
