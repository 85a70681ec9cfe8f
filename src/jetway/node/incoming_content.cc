// What an incoming transfer does with names and content; incoming_transfer.cc has its beginning and its end.

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "jetway/node/incoming_transfer.h"
#include "jetway/node/store_failure.h"
#include "jetway/store/chunk_hash.h"
#include "jetway/transfer/chunk_grid.h"

namespace jetway::node {

using transfer::ChunkGrid;
using transfer::Entry;
using transfer::EntryIndex;
using transfer::UnitRecord;

namespace {

// Chunks of a found file that are hashed, and announced, at a time.
constexpr std::uint64_t kHashAtOnce = 32;

}  // namespace

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
    const EntryIndex first = batch.next;
    batch.next += static_cast<EntryIndex>(prepared->count);
    skipped.insert(skipped.end(), prepared->skipped.begin(), prepared->skipped.end());
    report_settled(entries, first, *prepared);
    for (TargetWriter::Found& found : prepared->found) {
      if (!co_await report_found(found)) co_return false;
    }
  }
  coordinator_.on_prepared(batch.end, std::move(skipped));
  pump();
  co_return true;
}

// Files that need no content: skipped and empty ones. And what got another name.
void IncomingTransfer::report_settled(const std::vector<Entry>& entries, EntryIndex first,
                                      const TargetWriter::Prepared& prepared) {
  std::map<EntryIndex, std::string_view> names;
  for (const auto& [index, path] : prepared.renamed) {
    note_rename(index, path);
    names.emplace(index, path);
  }
  for (std::size_t i = 0; i < prepared.count; ++i) {
    const Entry& entry = entries[i];
    const auto index = static_cast<EntryIndex>(first + i);
    const bool is_skipped = std::ranges::binary_search(prepared.skipped, index);
    if (entry.type != transfer::EntryType::File || (entry.size > 0 && !is_skipped)) continue;
    const auto renamed = names.find(index);
    observer_.on_file_done({.name = entry.path,
                            .final_name = renamed == names.end() ? entry.path : renamed->second,
                            .bytes = entry.size,
                            .is_skipped = is_skipped});
  }
}

// Tells the sender what is there of a file, a large one piece by piece, so that the sender compares
// meanwhile.
io::Task<bool> IncomingTransfer::report_found(TargetWriter::Found& found) {
  files_.emplace(found.index, found.file);
  const Entry& entry = found.file->entry;
  note_partial(found.index, *found.file);
  coordinator_.on_found(found.index, 0, found.hashes);
  const std::uint64_t chunks = found.large ? ChunkGrid(entry.size).count() : 0;
  for (std::uint64_t first = 0; first < chunks; first += kHashAtOnce) {
    const std::uint64_t count = std::min(kHashAtOnce, chunks - first);
    const auto hashes =
        co_await shared_.loop.offload([&] { return store::hash_chunks(*found.large, first, count); });
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
  if (open_streams_ >= data_streams_max_) {
    return fail({.code = FailureCode::Protocol, .reason = "the sender opened more data streams than agreed"});
  }
  spawn(read_units({.stream = std::move(stream)}));
}

io::Task<void> IncomingTransfer::read_units(DataStream data) {
  ++open_streams_;
  while (co_await read_unit(data)) continue;
  --open_streams_;
  if (is_over()) data.stream.stop(kStreamAborted);
}

// False: the stream is at its end, or the transfer is.
io::Task<bool> IncomingTransfer::read_unit(DataStream& data) {
  std::array<std::byte, transfer::kUnitPrefixBytes> prefix{};
  const auto got = co_await read_full(data, prefix);
  if (!got || *got == 0 || is_over()) co_return false;  // a reset has its reason on the control stream
  auto table_bytes = *got == prefix.size()
                         ? transfer::decode_unit_prefix(prefix)
                         : transfer::failed(FailureCode::Protocol, "a data stream ends within a unit");
  if (!table_bytes) {
    fail(std::move(table_bytes.error()));
    co_return false;
  }
  Bytes table(*table_bytes);
  if (!co_await read_within_unit(data, table)) co_return false;
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
    if (is_over()) co_return false;
    content.resize(size);
    if (!co_await read_within_unit(data, content.bytes())) co_return false;
  }
  co_await storing_.acquire();
  spawn(store(std::move(*records), std::move(content)));
  co_return !is_over();
}

// Fills `out`; false: the transfer is over, perhaps because of this stream.
io::Task<bool> IncomingTransfer::read_within_unit(DataStream& data, MutableBytes out) {
  const auto got = co_await read_full(data, out);
  if (got && *got < out.size()) {
    fail({.code = FailureCode::Protocol, .reason = "a data stream ends within a unit"});
  }
  co_return got && *got == out.size() && !is_over();
}

// How much of `out` was filled before the end of the stream; nullopt: it was reset, or the connection is
// gone.
io::Task<std::optional<std::size_t>> IncomingTransfer::read_full(DataStream& data, MutableBytes out) {
  if (data.is_at_end) co_return 0;
  const auto got = co_await data.stream.read_full(out);
  last_activity_ = shared_.loop.now().engine;
  if (!got) co_return std::nullopt;
  data.is_at_end = got->is_end;
  co_return got->bytes;
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
  // Also when it failed or all is over: what is on the disk has to be found again.
  for (const TargetWriter::Job& job : jobs) {
    if (job.file) note_partial(job.record.file, *job.file);
  }
  if (is_over()) co_return;
  if (!stored) co_return fail(std::move(stored.error()));
  for (std::size_t i = 0; i < jobs.size(); ++i) on_stored(jobs[i], (*stored)[i]);
  pump();
}

// Once for each partial file.
void IncomingTransfer::note_partial(EntryIndex index, IncomingFile& file) {
  const std::lock_guard lock(file.mutex);
  if (file.temp_path.empty() || std::exchange(file.is_noted, true)) return;
  journal_->note_partial(index, file.entry, file.temp_path);
}

// Null for a file of one chunk of which nothing was there: it is written at once.
std::shared_ptr<IncomingFile> IncomingTransfer::file_of(const UnitRecord& record) {
  if (const auto known = files_.find(record.file); known != files_.end()) return known->second;
  const Entry entry = coordinator_.entries()[record.file];
  if (ChunkGrid(entry.size).count() == 1) return nullptr;
  return files_.emplace(record.file, std::make_shared<IncomingFile>(entry)).first->second;
}

void IncomingTransfer::on_stored(const TargetWriter::Job& job, const TargetWriter::Stored& stored) {
  const bool is_whole = coordinator_.on_chunk_stored(job.record);
  if (stored.final_path) {
    on_committed(job.record.file, *stored.final_path);
  } else if (is_whole) {
    spawn(commit(job.record.file));
  }
}

io::Task<void> IncomingTransfer::commit(EntryIndex index) {
  const std::shared_ptr<IncomingFile> file = files_.at(index);
  auto path = co_await shared_.loop.offload([&] { return writer_->commit(*file); });
  if (is_over()) co_return;
  if (!path) co_return fail(std::move(path.error()));
  if (file->is_noted) journal_->note_committed(index, file->entry, *path);
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

}  // namespace jetway::node
