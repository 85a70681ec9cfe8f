#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "jetway/crypto/peer_id.h"
#include "jetway/io/connection.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/semaphore.h"
#include "jetway/io/task_group.h"
#include "jetway/io/wait_list.h"
#include "jetway/node/chunk_pool.h"
#include "jetway/node/control_link.h"
#include "jetway/node/progress_reporter.h"
#include "jetway/node/receive_job.h"
#include "jetway/node/receive_journal.h"
#include "jetway/node/running_jobs.h"
#include "jetway/node/target_writer.h"
#include "jetway/transfer/receive_coordinator.h"

namespace jetway::node {

// One transfer at the receiver: the coordinator, and the coroutines that read, check and write for it.
class IncomingTransfer {
 public:
  // What the transfers of a receiver share; outlives them.
  struct Shared {
    io::EventLoop& loop;
    const ReceiveOptions& options;
    StateGate& state;
    RunningJobs& jobs;
  };

  IncomingTransfer(const Shared& shared, io::Connection connection, io::Stream control,
                   TransferObserver& observer);
  IncomingTransfer(const IncomingTransfer&) = delete;
  IncomingTransfer& operator=(const IncomingTransfer&) = delete;
  ~IncomingTransfer();

  // Until it is complete or has failed, and nothing of it runs any more.
  io::Task<transfer::TransferResult<TransferSummary>> run();

  // A data stream of this transfer, behind its id.
  void take_stream(io::Stream stream);
  bool takes_streams_of(const transfer::TransferId& id) const;

  void cancel(std::string reason);
  // Since when nothing has come from the sender.
  TimePoint last_activity() const { return last_activity_; }

 private:
  struct Batch {
    transfer::EntryIndex next;
    transfer::EntryIndex end;
  };

  void spawn(io::Task<void> task) { tasks_.spawn(tracked(this, std::move(task))); }
  static io::Task<void> tracked(IncomingTransfer* transfer, io::Task<void> task);

  io::Task<void> write_control();
  io::Task<void> read_control();
  io::Task<void> decide();
  io::Task<bool> claim_job();
  io::Task<bool> open_target();
  OfferSummary summary_of_offer() const;

  io::Task<void> prepare_batches();
  io::Task<bool> prepare(Batch batch);
  void report_settled(const std::vector<transfer::Entry>& entries, transfer::EntryIndex first,
                      const TargetWriter::Prepared& prepared);
  io::Task<bool> report_found(TargetWriter::Found& found);

  struct DataStream {
    io::Stream stream;
    bool is_at_end = false;
  };
  io::Task<void> read_units(DataStream data);
  io::Task<bool> read_unit(DataStream& data);
  io::Task<bool> read_within_unit(DataStream& data, MutableBytes out);
  io::Task<std::optional<std::size_t>> read_full(DataStream& data, MutableBytes out);
  io::Task<void> store(std::vector<transfer::UnitRecord> records, Buffer content);
  io::Task<void> commit(transfer::EntryIndex index);
  std::shared_ptr<IncomingFile> file_of(const transfer::UnitRecord& record);
  void note_partial(transfer::EntryIndex index, IncomingFile& file);
  void on_stored(const TargetWriter::Job& job, const TargetWriter::Stored& stored);
  void on_committed(transfer::EntryIndex file, const std::string& final_path);
  void note_rename(transfer::EntryIndex index, const std::string& final_path);

  io::Task<void> keep_journal();
  io::Task<void> finish();
  io::Task<void> close_journal();
  io::Task<void> end_if_aborted();

  bool is_over() const { return transfer::is_final(coordinator_.state()); }
  void fail(TransferFailure failure);
  void pump();
  void tell(const transfer::ReceiveCoordinator::Event& event);
  TransferSummary make_summary() const;

  Shared shared_;
  io::Connection connection_;
  crypto::PeerId peer_;
  ControlLink control_;
  transfer::ReceiveCoordinator coordinator_;
  ChunkPool pool_;
  TransferObserver& observer_;
  ProgressReporter reporter_;

  store::JobKey job_{};
  bool has_job_ = false;
  std::optional<ReceiveJournal> journal_;
  std::optional<TargetWriter> writer_;
  std::deque<Batch> batches_;
  std::unordered_map<transfer::EntryIndex, std::shared_ptr<IncomingFile>> files_;
  std::vector<RenamedFile> renamed_;
  const std::size_t data_streams_max_;
  std::size_t open_streams_ = 0;
  bool is_offered_ = false;
  bool is_ready_to_finish_ = false;
  TimePoint last_activity_;
  std::optional<TimePoint> accepted_;

  io::WaitList changed_;   // anything about the coordinator
  io::Semaphore storing_;  // jobs of store() under way
  io::TaskGroup tasks_;
};

}  // namespace jetway::node
