#include "jetway/node/send_job.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "jetway/base/text.h"
#include "jetway/crypto/hash.h"
#include "jetway/io/task_group.h"
#include "jetway/io/wait_list.h"
#include "jetway/node/chunk_pool.h"
#include "jetway/node/control_link.h"
#include "jetway/node/progress_reporter.h"
#include "jetway/node/source_paths.h"
#include "jetway/node/source_reader.h"
#include "jetway/node/store_failure.h"
#include "jetway/transfer/safe_path.h"
#include "jetway/transfer/send_coordinator.h"

namespace jetway::node {

namespace {

using transfer::SendCoordinator;
using transfer::UnitRecord;
using SendResult = std::expected<TransferSummary, TransferFailure>;

// Names scanned at a time. The first batch is scanned before the offer, which for a few files then holds
// their number and size.
constexpr std::size_t kScanBatch = 512;
// How long the receiver may take to end its side once the transfer has failed; then the connection is closed.
constexpr std::chrono::seconds kReceiverLinger{2};

transfer::Entry entry_of(const store::SourceEntry& source) {
  const bool is_file = source.type == store::EntryType::File;
  const bool is_directory = source.type == store::EntryType::Directory;
  return {.type = is_file        ? transfer::EntryType::File
                  : is_directory ? transfer::EntryType::Directory
                                 : transfer::EntryType::Symlink,
          .path = source.path,
          .size = is_file ? source.version.size : 0,
          .mode = source.mode & 0777,
          .modified_ns = source.version.modified_ns,
          .link_target = source.link_target};
}

struct OpenedSources {
  SourceReader reader;
  store::SourceBatch first;
};

store::StoreResult<OpenedSources> open_sources(const std::vector<std::string>& roots,
                                               OutsideLinks outside_links) {
  auto tree = store::SourceTree::open(roots, {.outside_links = outside_links});
  if (!tree) return std::unexpected(std::move(tree.error()));
  SourceReader reader(std::move(*tree));
  store::SourceBatch first = reader.scan(kScanBatch);
  return OpenedSources{std::move(reader), std::move(first)};
}

transfer::Offer make_offer(const std::vector<std::string>& roots, const store::SourceBatch& first,
                           RandomSource& random) {
  transfer::Offer offer{.id = random.make<transfer::TransferId>(),
                        .job = job_key_of(roots),
                        .chunk_bytes = transfer::kChunkBytes};
  for (const std::string& root : roots) {
    if (offer.names.size() == transfer::kOfferNamesMax) {
      offer.are_names_cut = true;
      break;
    }
    offer.names.push_back(top_name(root));
  }
  if (!first.is_last) return offer;
  offer.files = std::ranges::count(first.entries, store::EntryType::File, &store::SourceEntry::type);
  offer.bytes = 0;
  for (const store::SourceEntry& entry : first.entries) *offer.bytes += entry.version.size;
  return offer;
}

transfer::SendLimits limits_of(const SendRequest& request) {
  const bool is_anywhere = request.outside_links == OutsideLinks::Keep;
  return {.links = is_anywhere ? transfer::LinkScope::Anywhere : transfer::LinkScope::Inside};
}

// One send: the coordinator, and the coroutines that scan, read and write for it.
class SendJob {
 public:
  SendJob(io::EventLoop& loop, io::Connection connection, io::Stream control, OpenedSources sources,
          transfer::Offer offer, const SendRequest& request, TransferObserver& observer)
      : loop_(loop),
        connection_(std::move(connection)),
        control_(std::move(control)),
        reader_(std::move(sources.reader)),
        first_(std::move(sources.first)),
        tuning_(request.tuning),
        coordinator_(std::move(offer), limits_of(request)),
        pool_(loop, tuning_.chunk_buffers, transfer::kChunkBytes),
        observer_(observer),
        reporter_(observer, tuning_.progress_interval),
        changed_(loop),
        tasks_(loop) {}

  io::Task<SendResult> run();
  void cancel();

 private:
  void spawn(io::Task<void> task) { tasks_.spawn(tracked(this, std::move(task))); }
  static io::Task<void> tracked(SendJob* job, io::Task<void> task) {
    co_await std::move(task);
    job->changed_.notify_all();
  }

  io::Task<void> write_control();
  io::Task<void> read_control();
  io::Task<void> scan();
  void add(const store::SourceBatch& batch);
  io::Task<void> fill_stream(std::size_t number);
  io::Task<std::optional<SourceReader::Plan>> next_plan();
  io::Task<bool> send_unit(std::optional<io::Stream>& stream, const std::vector<UnitRecord>& records,
                           Buffer content);
  io::Task<bool> open_data_stream(std::optional<io::Stream>& stream);
  io::Task<void> end_if_aborted();

  bool is_over() const { return transfer::is_final(coordinator_.state()); }
  void fail(TransferFailure failure);
  void pump();
  bool tell_events();
  void tell(const SendCoordinator::Event& event);
  SendResult result();

  io::EventLoop& loop_;
  io::Connection connection_;
  ControlLink control_;
  SourceReader reader_;
  store::SourceBatch first_;
  TransferTuning tuning_;
  SendCoordinator coordinator_;
  ChunkPool pool_;
  TransferObserver& observer_;
  ProgressReporter reporter_;
  io::WaitList changed_;  // anything about the coordinator
  io::TaskGroup tasks_;
  TimePoint accepted_{};
  std::uint64_t left_out_ = 0;
};

io::Task<SendResult> SendJob::run() {
  coordinator_.begin();
  pump();
  spawn(write_control());
  spawn(read_control());
  spawn(scan());
  for (std::size_t i = 0; i < std::clamp<std::size_t>(tuning_.data_streams, 1, 100); ++i)
    spawn(fill_stream(i));
  spawn(end_if_aborted());
  co_await tasks_.join();
  co_return result();
}

void SendJob::cancel() { fail({.code = FailureCode::Cancelled, .reason = "interrupted at the sender"}); }

// ---- the control stream ----

io::Task<void> SendJob::write_control() {
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

// Until the receiver has said its last word, also after a failure: it then knows of it.
io::Task<void> SendJob::read_control() {
  while (coordinator_.state() != TransferState::Completed) {
    const auto message = co_await control_.read();
    if (!message) fail(message.error());
    if (message && !*message) fail(connection_lost());
    if (!message || !*message) co_return;
    coordinator_.handle_message(**message);
    pump();
  }
}

// ---- names ----

io::Task<void> SendJob::scan() {
  for (bool is_first = true;; is_first = false) {
    while (!coordinator_.wants_entries() && !is_over()) co_await changed_.wait();
    if (is_over()) co_return;
    store::SourceBatch batch = std::move(first_);
    if (!is_first) batch = co_await loop_.offload([this] { return reader_.scan(kScanBatch); });
    add(batch);
    if (batch.is_last) coordinator_.end_entries();
    pump();
    if (batch.is_last) co_return;
  }
}

void SendJob::add(const store::SourceBatch& batch) {
  std::vector<transfer::Entry> entries;
  entries.reserve(batch.entries.size());
  for (const store::SourceEntry& source : batch.entries) {
    reader_.remember(source);
    entries.push_back(entry_of(source));
  }
  coordinator_.add_entries(entries);
  left_out_ += batch.problems.size();
  for (const store::StoreError& problem : batch.problems) observer_.on_warning(store::describe(problem));
}

// ---- content ----

// One data stream: reads and hashes what comes next, on the pool, while the session sends what was read
// before.
io::Task<void> SendJob::fill_stream(std::size_t number) {
  while (coordinator_.data_streams_max() == 0 && !is_over()) co_await changed_.wait();
  if (number >= coordinator_.data_streams_max()) co_return;
  std::optional<io::Stream> stream;
  while (auto plan = co_await next_plan()) {
    Buffer content = co_await pool_.acquire();
    if (is_over()) break;
    auto records = co_await loop_.offload([&] { return reader_.read(*plan, content); });
    if (is_over()) break;
    if (!records) {
      fail(std::move(records.error()));
      break;
    }
    coordinator_.on_job_read(*records);
    if (!co_await send_unit(stream, *records, std::move(content))) break;
    coordinator_.on_unit_written(*records);
    pump();
  }
  if (!stream) co_return;
  if (is_over() && coordinator_.state() != TransferState::Completed) {
    stream->reset(kStreamAborted);
  } else {
    static_cast<void>(stream->finish());
  }
}

io::Task<std::optional<SourceReader::Plan>> SendJob::next_plan() {
  for (;;) {
    const auto job = coordinator_.poll_job();
    if (job) {
      tell_events();
      co_return reader_.plan(*job, coordinator_.entries());
    }
    if (tell_events()) changed_.notify_all();  // what needs no reading was settled
    if (is_over() || coordinator_.is_all_polled()) co_return std::nullopt;
    co_await changed_.wait();
  }
}

// False: nothing more can be sent, and the transfer is over.
io::Task<bool> SendJob::send_unit(std::optional<io::Stream>& stream, const std::vector<UnitRecord>& records,
                                  Buffer content) {
  if (!stream && !co_await open_data_stream(stream)) co_return false;
  const Bytes table = transfer::encode_unit(records);
  auto written = co_await stream->write(ByteView{table});
  if (written && !content.empty()) written = co_await stream->write(std::move(content));
  if (written) co_return true;
  // Its reason is on the way on the control stream.
  const TimePoint deadline = loop_.now().engine + kReceiverLinger;
  while (!is_over() && co_await changed_.wait_until(deadline)) continue;
  fail(connection_lost());
  co_return false;
}

io::Task<bool> SendJob::open_data_stream(std::optional<io::Stream>& stream) {
  auto opened =
      co_await connection_.open_stream(session::Direction::OneWay, {.priority = session::Priority::Bulk});
  if (!opened) {
    fail(connection_lost());
    co_return false;
  }
  stream = std::move(*opened);
  co_return (co_await stream->write(ByteView{coordinator_.offer().id})).has_value();
}

// ---- the end ----

// Nobody waits for ever for a peer that does not answer an abort.
io::Task<void> SendJob::end_if_aborted() {
  while (!is_over()) co_await changed_.wait();
  if (coordinator_.state() == TransferState::Completed) co_return;
  const TimePoint deadline = loop_.now().engine + kReceiverLinger;
  while (tasks_.running() > 1) {
    if (!co_await changed_.wait_until(deadline)) break;
  }
  if (tasks_.running() > 1) co_await connection_.close(kStreamAborted, "the transfer was aborted");
}

void SendJob::fail(TransferFailure failure) {
  coordinator_.fail(std::move(failure));
  pump();
}

// Hands on what the coordinator has to tell; to be called after whatever may have changed it.
void SendJob::pump() {
  tell_events();
  reporter_.report(loop_.now().engine, coordinator_.progress());
  if (is_over()) pool_.close();
  changed_.notify_all();
}

// Whether there were any.
bool SendJob::tell_events() {
  bool is_any = false;
  while (const auto event = coordinator_.poll_event()) {
    tell(*event);
    is_any = true;
  }
  return is_any;
}

void SendJob::tell(const SendCoordinator::Event& event) {
  const transfer::EntryTable& entries = coordinator_.entries();
  if (const auto* changed = std::get_if<SendCoordinator::StateChanged>(&event)) {
    if (changed->state == TransferState::Active) accepted_ = loop_.now().engine;
    observer_.on_state(changed->state);
  } else if (std::holds_alternative<SendCoordinator::Waiting>(event)) {
    observer_.on_waiting();
  } else if (const auto* started = std::get_if<SendCoordinator::FileStarted>(&event)) {
    observer_.on_file_started(entries[started->file].path, entries[started->file].size);
  } else if (const auto* sent = std::get_if<SendCoordinator::FileSent>(&event)) {
    const transfer::Entry entry = entries[sent->file];
    observer_.on_file_done({.name = entry.path,
                            .final_name = entry.path,
                            .bytes = entry.size,
                            .bytes_moved = sent->bytes_moved,
                            .is_skipped = sent->is_skipped});
  } else if (const auto* renamed = std::get_if<SendCoordinator::FileRenamed>(&event)) {
    observer_.on_renamed({std::string{entries[renamed->entry].path}, renamed->name});
  }
}

SendResult SendJob::result() {
  reporter_.report_now(loop_.now().engine, coordinator_.progress());
  if (coordinator_.state() != TransferState::Completed) return std::unexpected(coordinator_.failure());
  const Progress& progress = coordinator_.progress();
  const transfer::EntryTable& entries = coordinator_.entries();
  TransferSummary summary{.id = coordinator_.offer().id,
                          .bytes_total = progress.bytes_total,
                          .bytes_moved = progress.bytes_moved,
                          .bytes_already_there = progress.bytes_already,
                          .bytes_skipped = progress.bytes_skipped,
                          .files = progress.files_total,
                          .files_skipped = coordinator_.files_skipped(),
                          .elapsed = loop_.now().engine - accepted_,
                          .root = coordinator_.root(),
                          .left_out = left_out_,
                          .renamed_count = coordinator_.renamed_count()};
  count_entries(entries, summary);
  for (const auto& renamed : coordinator_.renamed()) {
    summary.renamed.push_back({std::string{entries[renamed.entry].path}, renamed.name});
  }
  return summary;
}

io::Task<SendResult> open_and_run(io::EventLoop& loop, io::Connection connection, SendRequest request,
                                  RandomSource& random, TransferObserver& observer) {
  std::vector<std::string> roots = co_await loop.offload([&] { return canonical_roots(request.paths); });
  auto sources = co_await loop.offload([&] { return open_sources(roots, request.outside_links); });
  if (!sources) co_return std::unexpected(failure_of(sources.error()));
  auto control =
      co_await connection.open_stream(session::Direction::TwoWay, {.priority = session::Priority::Chat});
  if (!control) co_return std::unexpected(connection_lost());
  transfer::Offer offer = make_offer(roots, sources->first, random);
  const auto job = std::make_shared<SendJob>(loop, std::move(connection), std::move(*control),
                                             std::move(*sources), std::move(offer), request, observer);
  const std::stop_callback on_stop(request.stop, [&loop, weak = std::weak_ptr(job)] {
    loop.post([weak] {
      if (const auto running = weak.lock()) running->cancel();
    });
  });
  co_return co_await job->run();
}

}  // namespace

io::Task<SendResult> run_send(io::EventLoop& loop, io::Connection connection, SendRequest request,
                              RandomSource& random, TransferObserver& observer) {
  SendResult result =
      co_await open_and_run(loop, std::move(connection), std::move(request), random, observer);
  if (result) {
    observer.on_completed(*result);
  } else {
    observer.on_failed(result.error());
  }
  co_return result;
}

}  // namespace jetway::node
