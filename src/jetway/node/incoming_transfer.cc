#include "jetway/node/incoming_transfer.h"

#include <algorithm>
#include <utility>

#include "jetway/crypto/hash.h"
#include "jetway/node/store_failure.h"

namespace jetway::node {

using transfer::Entry;
using transfer::EntryIndex;
using transfer::ReceiveCoordinator;

namespace {

// How long the sender may take to end its side once the transfer has failed; then the connection is closed.
constexpr std::chrono::seconds kSenderLinger{2};
// Another run of a job whose sender has been silent for so long takes its place.
constexpr std::chrono::seconds kTakeOverAfter{4};
constexpr std::chrono::milliseconds kClaimInterval{100};
// Partial files are written down as they are begun, many at a time when many are; what has been done of the
// whole only so often.
constexpr std::chrono::seconds kJournalInterval{1};

transfer::ReceiveLimits limits_of(const ReceiveOptions& options) {
  return {.bytes_max = options.max_bytes,
          .entries_max = options.max_files,
          // Each stream that is read holds a buffer; one must be left for what was read.
          .data_streams_max = std::clamp<std::uint64_t>(options.tuning.chunk_buffers / 2, 1, 100),
          .links = options.allow_outside_links ? transfer::LinkScope::Anywhere : transfer::LinkScope::Inside};
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
      data_streams_max_(limits_of(shared.options).data_streams_max),
      last_activity_(shared.loop.now().engine),
      changed_(shared.loop),
      storing_(shared.loop, std::max<std::size_t>(shared.options.tuning.chunk_buffers, 2)),
      tasks_(shared.loop) {}

IncomingTransfer::~IncomingTransfer() {
  files_.clear();  // nobody may get the job while its partial files are held
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
  if (coordinator_.state() == TransferState::Completed) co_return make_summary();
  co_await close_journal();
  co_return std::unexpected(coordinator_.failure());
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
  if (is_over()) co_return;
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
  const store::TargetConfig config{
      .sync = sync_of(options.fsync), .allow_outside_links = options.allow_outside_links, .job = job_};
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

// After a failure: the next attempt of the job finds what this one has left.
io::Task<void> IncomingTransfer::close_journal() {
  if (!journal_) co_return;
  if (!accepted_) co_return co_await journal_->withdraw();
  co_await journal_->finish(coordinator_.state(), coordinator_.progress(), std::nullopt,
                            coordinator_.failure().reason);
}

// Nobody waits for ever for a peer that does not answer an abort.
io::Task<void> IncomingTransfer::end_if_aborted() {
  while (!is_over()) co_await changed_.wait();
  if (coordinator_.state() == TransferState::Completed) co_return;
  const TimePoint deadline = shared_.loop.now().engine + kSenderLinger;
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
  if (is_over()) pool_.close();
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
                          .elapsed = shared_.loop.now().engine - *accepted_,
                          .root = coordinator_.root(),
                          .renamed = renamed_,
                          .renamed_count = coordinator_.renamed_count()};
  count_entries(coordinator_.entries(), summary);
  return summary;
}

}  // namespace jetway::node
