#include "jetway/node/incoming_transfer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "jetway/crypto/hash.h"
#include "jetway/node/store_failure.h"
#include "jetway/store/chunk_hash.h"
#include "jetway/transfer/chunk_grid.h"
#include "jetway/transfer/safe_path.h"

namespace jetway::node {

using transfer::ChunkGrid;
using transfer::Entry;
using transfer::EntryIndex;
using transfer::ReceiveCoordinator;
using transfer::UnitRecord;

namespace {

// How long the sender may take to end its side once the transfer has failed; then the connection is closed.
constexpr std::chrono::seconds kAbortLinger{2};
// Another run of a job whose sender has been silent for so long takes its place.
constexpr std::chrono::seconds kTakeOverAfter{10};
constexpr std::chrono::milliseconds kClaimInterval{100};
// Chunks of a found file that are hashed, and announced, at a time.
constexpr std::uint64_t kHashAtOnce = 32;
// Partial files are written down as they are begun, many at a time when many are; what has been done of the
// whole only so often.
constexpr std::chrono::seconds kJournalInterval{1};

transfer::ReceiveLimits limits_of(const ReceiveOptions& options) {
  return {.bytes_max = options.max_bytes,
          .entries_max = options.max_files,
          // Each stream that is read holds a buffer; one must be left for what was read.
          .data_streams_max = std::clamp<std::uint64_t>(options.tuning.chunk_buffers / 2, 1, 100)};
}

store::CollisionPolicy policy_of(OnCollision on_collision) {
  switch (on_collision) {
    case OnCollision::Rename:
      return store::CollisionPolicy::Rename;
    case OnCollision::Overwrite:
      return store::CollisionPolicy::Overwrite;
    case OnCollision::Skip:
      return store::CollisionPolicy::Skip;
  }
  return store::CollisionPolicy::Rename;
}

store::SyncPolicy sync_of(FsyncPolicy fsync) {
  switch (fsync) {
    case FsyncPolicy::Auto:
      return store::SyncPolicy::Auto;
    case FsyncPolicy::Always:
      return store::SyncPolicy::Always;
    case FsyncPolicy::Never:
      return store::SyncPolicy::Never;
  }
  return store::SyncPolicy::Auto;
}

// The sender's job, from this peer, into this folder.
store::JobKey receiving_job(const crypto::PeerId& peer, const transfer::JobKey& job,
                            const std::string& target) {
  crypto::Blake3 hasher;
  hasher.update(as_bytes("jetway receive job 1"));
  hasher.update(peer.bytes());
  hasher.update(job);
  hasher.update(as_bytes(target));
  return hasher.finish().bytes;
}

}  // namespace

IncomingTransfer::IncomingTransfer(const Shared& shared, io::Connection connection, io::Stream control,
                                   TransferObserver& observer)
    : shared_(shared),
      connection_(std::move(connection)),
      peer_(connection_.info().peer),
      control_(std::move(control)),
      coordinator_(limits_of(shared.options)),
      pool_(shared.loop, std::max<std::size_t>(shared.options.tuning.chunk_buffers, 2),
            transfer::kChunkBytes),
      observer_(observer),
      reporter_(observer, shared.options.tuning.progress_interval),
      last_activity_(shared.loop.now().engine),
      changed_(shared.loop),
      storing_(shared.loop, std::max<std::size_t>(shared.options.tuning.chunk_buffers, 2)),
      tasks_(shared.loop) {}

IncomingTransfer::~IncomingTransfer() {
  if (has_job_) shared_.jobs.release(job_);
}

io::Task<void> IncomingTransfer::tracked(IncomingTransfer* transfer, io::Task<void> task) {
  co_await std::move(task);
  transfer->changed_.notify_all();
}

io::Task<transfer::TransferResult<TransferSummary>> IncomingTransfer::run() {
  spawn(write_control());
  spawn(read_control());
  spawn(decide());
  spawn(prepare_batches());
  spawn(keep_journal());
  spawn(finish());
  spawn(end_if_aborted());
  co_await tasks_.join();
  reporter_.report_now(shared_.loop.now().engine, coordinator_.progress());
  const bool is_complete = coordinator_.state() == TransferState::Completed;
  if (journal_ && !is_complete) {
    co_await journal_->finish(coordinator_.state(), coordinator_.progress(), std::nullopt,
                              coordinator_.failure().reason);
  }
  if (!is_complete) co_return std::unexpected(coordinator_.failure());
  co_return make_summary();
}

void IncomingTransfer::cancel(std::string reason) {
  fail({.code = FailureCode::Cancelled, .reason = std::move(reason)});
}

// ---- the control stream ----

io::Task<void> IncomingTransfer::write_control() {
  for (;;) {
    if (auto message = coordinator_.poll_message()) {
      if (!co_await control_.write(std::move(*message))) co_return;
    } else if (is_over()) {
      co_return control_.finish();
    } else {
      co_await changed_.wait();
    }
  }
}

// Until the sender has said its last word, also after a failure: it then knows of it.
io::Task<void> IncomingTransfer::read_control() {
  while (coordinator_.state() != TransferState::Completed) {
    const auto message = co_await control_.read();
    if (!message) fail(message.error());
    if (message && !*message) fail(connection_lost());
    if (!message || !*message) co_return;
    last_activity_ = shared_.loop.now().engine;
    coordinator_.handle_message(**message);
    pump();
  }
}

// ---- before the acceptance ----

io::Task<void> IncomingTransfer::decide() {
  while (!is_offered_ && !is_over()) co_await changed_.wait();
  if (is_over() || !co_await claim_job() || !co_await open_target()) co_return;
  const OfferSummary offer = summary_of_offer();
  observer_.on_offered(offer);
  if (shared_.options.confirm && !co_await shared_.options.confirm(offer)) {
    fail({.code = FailureCode::Refused, .reason = "the receiver declined"});
    co_return;
  }
  accepted_ = shared_.loop.now().engine;
  coordinator_.accept();
  pump();
}

// False: the transfer was over before it was its turn.
io::Task<bool> IncomingTransfer::claim_job() {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::weakly_canonical(shared_.options.target, error);
  job_ = receiving_job(peer_, coordinator_.offer().job, target.string());
  bool has_told = false;
  while (!is_over()) {
    has_job_ = shared_.jobs.try_claim(job_, *this);
    if (has_job_) co_return true;
    if (!std::exchange(has_told, true)) {
      observer_.on_waiting();
      coordinator_.wait();
      pump();
    }
    const TimePoint now = shared_.loop.now().engine;
    IncomingTransfer* const holder = shared_.jobs.holder(job_);
    if (holder != nullptr && now - holder->last_activity() > kTakeOverAfter) {
      holder->cancel("a later run of the same transfer has taken over");
    }
    static_cast<void>(co_await changed_.wait_until(now + kClaimInterval));
  }
  co_return false;
}

io::Task<bool> IncomingTransfer::open_target() {
  const ReceiveOptions& options = shared_.options;
  const store::TargetConfig config{.sync = sync_of(options.fsync)};
  auto tree =
      co_await shared_.loop.offload([&] { return store::TargetTree::open(options.target.string(), config); });
  if (!tree) {
    fail(failure_of(tree.error()));
    co_return false;
  }
  journal_.emplace(shared_.state, peer_, job_, options.target.string());
  auto partials = co_await journal_->begin(coordinator_.offer().id);
  writer_.emplace(std::move(*tree), policy_of(options.on_collision), std::move(partials));
  co_return !is_over();
}

OfferSummary IncomingTransfer::summary_of_offer() const {
  const transfer::Offer& offer = coordinator_.offer();
  return {.id = offer.id,
          .peer = peer_,
          .names = offer.names,
          .are_names_cut = offer.are_names_cut,
          .files = offer.files,
          .bytes = offer.bytes,
          .is_resumed = journal_->is_resumed()};
}

// ---- names ----

io::Task<void> IncomingTransfer::prepare_batches() {
  for (;;) {
    while (batches_.empty() && !is_over()) co_await changed_.wait();
    if (is_over()) co_return;
    const Batch batch = batches_.front();
    batches_.pop_front();
    if (!co_await prepare(batch)) co_return;
  }
}

io::Task<bool> IncomingTransfer::prepare(Batch batch) {
  std::vector<EntryIndex> skipped;
  while (batch.next < batch.end) {
    std::vector<Entry> entries;
    for (EntryIndex i = batch.next; i < batch.end; ++i) entries.push_back(coordinator_.entries()[i]);
    auto prepared = co_await shared_.loop.offload([&] { return writer_->prepare(batch.next, entries); });
    if (is_over()) co_return false;
    if (!prepared) {
      fail(std::move(prepared.error()));
      co_return false;
    }
    batch.next += static_cast<EntryIndex>(prepared->count);
    skipped.insert(skipped.end(), prepared->skipped.begin(), prepared->skipped.end());
    for (const auto& [entry, path] : prepared->renamed) note_rename(entry, path);
    for (TargetWriter::Found& found : prepared->found) {
      if (!co_await report_found(found)) co_return false;
    }
  }
  for (const EntryIndex file : skipped) {
    const Entry entry = coordinator_.entries()[file];
    observer_.on_file_done(
        {.name = entry.path, .final_name = entry.path, .bytes = entry.size, .is_skipped = true});
  }
  coordinator_.on_prepared(batch.end, std::move(skipped));
  pump();
  co_return true;
}

// Tells the sender what is there of a file, a large one piece by piece, so that the sender compares
// meanwhile.
io::Task<bool> IncomingTransfer::report_found(TargetWriter::Found& found) {
  files_.emplace(found.index, found.file);
  const Entry& entry = found.file->entry;
  if (!found.file->temp_path.empty()) journal_->note_partial(found.index, entry, found.file->temp_path);
  coordinator_.on_found(found.index, 0, found.hashes);
  const std::uint64_t chunks = found.large ? ChunkGrid(entry.size).count() : 0;
  for (std::uint64_t first = 0; first < chunks; first += kHashAtOnce) {
    const std::uint64_t count = std::min(kHashAtOnce, chunks - first);
    const auto hashes =
        co_await shared_.loop.offload([&] { return store::hash_chunks(found.large->file(), first, count); });
    if (is_over()) co_return false;
    if (!hashes) {
      fail(failure_of(hashes.error()));
      co_return false;
    }
    coordinator_.on_found(found.index, first, *hashes);
    pump();
    if (hashes->size() < count) break;
  }
  co_return true;
}

// ---- content ----

bool IncomingTransfer::takes_streams_of(const transfer::TransferId& id) const {
  return coordinator_.state() == TransferState::Active && coordinator_.offer().id == id;
}

void IncomingTransfer::take_stream(io::Stream stream) {
  if (open_streams_ >= limits_of(shared_.options).data_streams_max) {
    return fail({.code = FailureCode::Protocol, .reason = "the sender opened more data streams than agreed"});
  }
  spawn(read_units(std::move(stream)));
}

io::Task<void> IncomingTransfer::read_units(io::Stream stream) {
  ++open_streams_;
  while (co_await read_unit(stream)) continue;
  --open_streams_;
  if (is_over()) stream.stop(kStreamAborted);
}

// False: the stream is at its end, or the transfer is.
io::Task<bool> IncomingTransfer::read_unit(io::Stream& stream) {
  std::array<std::byte, transfer::kUnitPrefixBytes> prefix;
  const auto got = co_await stream.read_full(prefix);
  if (!got || got->bytes == 0 || is_over()) co_return false;  // a reset has its reason on the control stream
  auto table_bytes = got->bytes == prefix.size()
                         ? transfer::decode_unit_prefix(prefix)
                         : transfer::failed(FailureCode::Protocol, "a data stream ends within a unit");
  if (!table_bytes) {
    fail(std::move(table_bytes.error()));
    co_return false;
  }
  Bytes table(*table_bytes);
  if (!co_await read_exactly(stream, table)) co_return false;
  auto records = transfer::decode_unit_table(table);
  if (!records) {
    fail(std::move(records.error()));
    co_return false;
  }
  if (!coordinator_.handle_unit(*records)) {
    pump();
    co_return false;
  }
  Buffer content;
  if (const std::size_t size = transfer::content_bytes(*records); size > 0) {
    content = co_await pool_.acquire();
    content.resize(size);
    if (!co_await read_exactly(stream, content.bytes())) co_return false;
  }
  co_await storing_.acquire();
  spawn(store(std::move(*records), std::move(content)));
  co_return !is_over();
}

io::Task<bool> IncomingTransfer::read_exactly(io::Stream& stream, MutableBytes out) {
  const auto got = co_await stream.read_full(out);
  last_activity_ = shared_.loop.now().engine;
  if (got && got->bytes < out.size()) {
    fail({.code = FailureCode::Protocol, .reason = "a data stream ends within a unit"});
  }
  co_return got && got->bytes == out.size() && !is_over();
}

io::Task<void> IncomingTransfer::store(std::vector<UnitRecord> records, Buffer content) {
  std::vector<TargetWriter::Job> jobs;
  jobs.reserve(records.size());
  for (const UnitRecord& record : records) {
    jobs.push_back({record, coordinator_.entries()[record.file], file_of(record)});
  }
  auto stored = co_await shared_.loop.offload([&] { return writer_->store(jobs, content.view()); });
  content = {};
  storing_.release();
  if (is_over()) co_return;
  if (!stored) co_return fail(std::move(stored.error()));
  for (std::size_t i = 0; i < jobs.size(); ++i) on_stored(jobs[i], std::move((*stored)[i]));
  pump();
}

// Null for a file of one chunk of which nothing was there: it is written at once.
std::shared_ptr<IncomingFile> IncomingTransfer::file_of(const UnitRecord& record) {
  if (const auto known = files_.find(record.file); known != files_.end()) return known->second;
  const Entry entry = coordinator_.entries()[record.file];
  if (ChunkGrid(entry.size).count() == 1) return nullptr;
  return files_.emplace(record.file, std::make_shared<IncomingFile>(entry)).first->second;
}

void IncomingTransfer::on_stored(const TargetWriter::Job& job, TargetWriter::Stored stored) {
  const EntryIndex file = job.record.file;
  if (stored.new_partial) journal_->note_partial(file, job.entry, std::move(*stored.new_partial));
  const bool is_whole = coordinator_.on_chunk_stored(job.record);
  if (stored.final_path) {
    on_committed(file, *stored.final_path);
  } else if (is_whole) {
    spawn(commit(file));
  }
}

io::Task<void> IncomingTransfer::commit(EntryIndex index) {
  const std::shared_ptr<IncomingFile> file = files_.at(index);
  const bool was_partial = !file->temp_path.empty();
  auto path = co_await shared_.loop.offload([&] { return writer_->commit(*file); });
  if (is_over()) co_return;
  if (!path) co_return fail(std::move(path.error()));
  if (was_partial) journal_->note_committed(index, file->entry, *path);
  on_committed(index, *path);
  pump();
}

void IncomingTransfer::on_committed(EntryIndex file, const std::string& final_path) {
  const Entry entry = coordinator_.entries()[file];
  const std::uint64_t bytes_moved = coordinator_.bytes_moved(file);
  files_.erase(file);
  if (final_path != entry.path) note_rename(file, final_path);
  coordinator_.on_committed(file);
  observer_.on_file_done(
      {.name = entry.path, .final_name = final_path, .bytes = entry.size, .bytes_moved = bytes_moved});
}

void IncomingTransfer::note_rename(EntryIndex index, const std::string& final_path) {
  const RenamedFile renamed{std::string{coordinator_.entries()[index].path}, final_path};
  if (renamed_.size() < kRenamedListed) renamed_.push_back(renamed);
  coordinator_.on_renamed(index, final_path);
  observer_.on_renamed(renamed);
}

// ---- the journal and the end ----

io::Task<void> IncomingTransfer::keep_journal() {
  std::uint64_t recorded_bytes = 0;
  TimePoint next = shared_.loop.now().engine + kJournalInterval;
  while (!is_over()) {
    const TimePoint now = shared_.loop.now().engine;
    const std::uint64_t bytes = coordinator_.progress().bytes_done();
    const bool is_due = journal_ && (journal_->has_notes() || (now >= next && bytes != recorded_bytes));
    if (!is_due) {
      static_cast<void>(co_await changed_.wait_until(now + kJournalInterval));
      continue;
    }
    co_await journal_->flush(coordinator_.progress());
    recorded_bytes = bytes;
    next = now + kJournalInterval;
  }
}

io::Task<void> IncomingTransfer::finish() {
  while (!is_ready_to_finish_ && !is_over()) co_await changed_.wait();
  if (is_over()) co_return;
  const transfer::EntryTable& entries = coordinator_.entries();
  std::vector<Entry> folders;
  for (EntryIndex i = entries.size(); i-- > 0;) {
    if (entries[i].type == transfer::EntryType::Directory) folders.push_back(entries[i]);
  }
  auto finished = co_await shared_.loop.offload([&] { return writer_->finish(folders); });
  if (is_over()) co_return;
  if (!finished) co_return fail(std::move(finished.error()));
  co_await journal_->finish(TransferState::Completed, coordinator_.progress(), coordinator_.root(), {});
  if (!journal_->warning().empty()) observer_.on_warning(journal_->warning());
  coordinator_.on_durable();
  pump();
}

// Nobody waits for ever for a peer that does not answer an abort.
io::Task<void> IncomingTransfer::end_if_aborted() {
  while (!is_over()) co_await changed_.wait();
  if (coordinator_.state() == TransferState::Completed) co_return;
  const TimePoint deadline = shared_.loop.now().engine + kAbortLinger;
  while (tasks_.running() > 1) {
    if (!co_await changed_.wait_until(deadline)) break;
  }
  if (tasks_.running() > 1) co_await connection_.close(kStreamAborted, "the transfer was aborted");
}

void IncomingTransfer::fail(TransferFailure failure) {
  coordinator_.fail(std::move(failure));
  pump();
}

// Hands on what the coordinator has to tell; to be called after whatever may have changed it.
void IncomingTransfer::pump() {
  while (const auto event = coordinator_.poll_event()) tell(*event);
  reporter_.report(shared_.loop.now().engine, coordinator_.progress());
  changed_.notify_all();
}

void IncomingTransfer::tell(const ReceiveCoordinator::Event& event) {
  if (const auto* changed = std::get_if<ReceiveCoordinator::StateChanged>(&event)) {
    observer_.on_state(changed->state);
  } else if (std::holds_alternative<ReceiveCoordinator::Offered>(event)) {
    is_offered_ = true;
  } else if (const auto* arrived = std::get_if<ReceiveCoordinator::EntriesArrived>(&event)) {
    batches_.push_back({arrived->first, arrived->first + arrived->count});
  } else if (const auto* started = std::get_if<ReceiveCoordinator::FileStarted>(&event)) {
    const Entry entry = coordinator_.entries()[started->file];
    observer_.on_file_started(entry.path, entry.size);
  } else {
    is_ready_to_finish_ = true;
  }
}

TransferSummary IncomingTransfer::make_summary() const {
  const Progress& progress = coordinator_.progress();
  TransferSummary summary{.id = coordinator_.offer().id,
                          .bytes_total = progress.bytes_total,
                          .bytes_moved = progress.bytes_moved,
                          .bytes_already_there = progress.bytes_already,
                          .bytes_skipped = progress.bytes_skipped,
                          .files = progress.files_total,
                          .files_skipped = coordinator_.files_skipped(),
                          .elapsed = shared_.loop.now().engine - accepted_,
                          .root = coordinator_.root(),
                          .renamed = renamed_,
                          .renamed_count = coordinator_.renamed_count()};
  count_entries(coordinator_.entries(), summary);
  return summary;
}

}  // namespace jetway::node
