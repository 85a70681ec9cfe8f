#include "jetway/node/receive_journal.h"

#include <utility>

namespace jetway::node {

namespace {

constexpr std::size_t kFilesAtOnce = 1000;
constexpr std::chrono::hours kKeepFinished{24 * 30};

store::StoreResult<TargetWriter::PartialsByPath> partials_of(store::StateDb& db,
                                                             const transfer::TransferId& id) {
  TargetWriter::PartialsByPath partials;
  std::uint64_t next = 0;
  for (;;) {
    auto files = db.files(id, next, kFilesAtOnce);
    if (!files) return std::unexpected(std::move(files.error()));
    if (files->empty()) return partials;
    next = files->back().file.index + 1;
    for (store::FileRecord& record : *files) {
      if (record.file.state != store::FileState::Partial) continue;
      partials.emplace(std::move(record.file.path), std::move(record.file.temp_path));
    }
  }
}

}  // namespace

ReceiveJournal::ReceiveJournal(StateGate& gate, const crypto::PeerId& peer, store::JobKey job,
                               std::string directory)
    : gate_(gate) {
  record_.direction = store::Direction::Receive;
  record_.peer = to_bytes(peer.bytes());
  record_.job = job;
  record_.directory = std::move(directory);
}

io::Task<TargetWriter::PartialsByPath> ReceiveJournal::begin(const transfer::TransferId& id) {
  record_.id = id;
  record_.state = static_cast<std::uint8_t>(transfer::TransferState::Active);
  record_.created = record_.updated = gate_.loop().now().wall;
  auto opened = co_await gate_.run([this](store::StateDb& db) { return open(db, record_); });
  if (!opened) {
    check(std::unexpected(std::move(opened.error())));
    co_return TargetWriter::PartialsByPath{};
  }
  is_resumed_ = opened->first.id != record_.id;
  record_ = std::move(opened->first);
  co_return std::move(opened->second);
}

store::StoreResult<ReceiveJournal::Opened> ReceiveJournal::open(store::StateDb& db,
                                                                const store::TransferRecord& fresh) {
  if (auto done = db.prune(fresh.created - kKeepFinished); !done) return std::unexpected(done.error());
  auto earlier = db.find_unfinished(fresh.peer, fresh.job);
  if (!earlier) return std::unexpected(std::move(earlier.error()));
  if (!*earlier) {
    if (auto done = db.create(fresh); !done) return std::unexpected(std::move(done.error()));
    return Opened{fresh, {}};
  }
  auto partials = partials_of(db, (*earlier)->id);
  if (!partials) return std::unexpected(std::move(partials.error()));
  return Opened{std::move(**earlier), std::move(*partials)};
}

void ReceiveJournal::note_partial(transfer::EntryIndex index, const transfer::Entry& entry,
                                  std::string temp_path) {
  notes_.push_back({.index = index,
                    .path = std::string{entry.path},
                    .size = entry.size,
                    .modified_ns = entry.modified_ns,
                    .mode = entry.mode,
                    .state = store::FileState::Partial,
                    .temp_path = std::move(temp_path),
                    .final_path = {},
                    .chunks = {}});
}

void ReceiveJournal::note_committed(transfer::EntryIndex index, const transfer::Entry& entry,
                                    std::string final_path) {
  note_partial(index, entry, {});
  notes_.back().state = store::FileState::Completed;
  notes_.back().final_path = std::move(final_path);
}

io::Task<void> ReceiveJournal::flush(const transfer::Progress& progress) {
  const std::vector<store::FileProgress> notes = std::exchange(notes_, {});
  if (!warning_.empty()) co_return;
  const WallTime now = gate_.loop().now().wall;
  const std::uint64_t bytes_done = progress.bytes_done();
  check(
      co_await gate_.run([&](store::StateDb& db) { return db.record(record_.id, notes, bytes_done, now); }));
}

io::Task<void> ReceiveJournal::finish(transfer::TransferState state, const transfer::Progress& progress,
                                      const std::optional<crypto::Hash256>& root, std::string_view error) {
  if (has_notes()) co_await flush(progress);
  if (!warning_.empty()) co_return;
  record_.state = static_cast<std::uint8_t>(state);
  // Only what is complete is over: a transfer that failed or was cancelled is found by its next attempt.
  record_.is_finished = state == transfer::TransferState::Completed;
  record_.updated = gate_.loop().now().wall;
  record_.files = progress.files_total;
  record_.bytes_total = progress.bytes_total;
  record_.bytes_done = progress.bytes_done();
  record_.root = root;
  record_.error = error;
  check(co_await gate_.run([this](store::StateDb& db) { return db.update(record_); }));
}

io::Task<void> ReceiveJournal::withdraw() {
  if (is_resumed_ || !warning_.empty()) co_return;
  check(co_await gate_.run([this](store::StateDb& db) { return db.forget(record_.id); }));
}

void ReceiveJournal::check(const store::StoreResult<void>& done) {
  if (done || !warning_.empty()) return;
  warning_ =
      "if this transfer is interrupted it starts again from the beginning: " + store::describe(done.error());
}

}  // namespace jetway::node
