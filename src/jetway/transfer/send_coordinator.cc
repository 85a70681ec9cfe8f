#include "jetway/transfer/send_coordinator.h"

#include <algorithm>
#include <format>
#include <utility>

#include "jetway/base/assert.h"
#include "jetway/base/text.h"
#include "jetway/transfer/message_stream.h"
#include "jetway/transfer/safe_path.h"

namespace jetway::transfer {

namespace {

constexpr std::size_t kEntryOverheadBytes = 48;  // of an entry's encoding, beside its texts

TransferResult<> receiver_broke(std::string_view what) {
  return failed(FailureCode::Protocol, std::format("the receiver broke the protocol: {}", what));
}

}  // namespace

UnitRecord make_record(const ReadPiece& piece, const crypto::Hash256& hash) {
  return {.file = piece.file,
          .chunk = piece.chunk,
          .length = piece.span.length,
          .is_reference = piece.expected == hash,
          .hash = hash};
}

SendCoordinator::SendCoordinator(Offer offer, const SendLimits& limits)
    : offer_(std::move(offer)), limits_(limits), check_(limits.links) {
  JETWAY_ASSERT(limits_.entries_message_bytes + kPathMaxBytes * 2 + kEntryOverheadBytes < kMessageMaxBytes);
}

// ---- from the peer ----

void SendCoordinator::handle_message(ByteView bytes) {
  if (is_final(state_)) return;
  auto message = decode_message(bytes);
  auto done = message ? dispatch(*message) : std::unexpected(message.error());
  if (!done) fail(std::move(done.error()));
}

TransferResult<> SendCoordinator::dispatch(const Message& message) {
  return std::visit(
      [&](const auto& content) -> TransferResult<> {
        if constexpr (requires { on(content); }) {
          return on(content);
        } else {
          return receiver_broke("a message that only senders send");
        }
      },
      message);
}

TransferResult<> SendCoordinator::on(const Accept& accept) {
  if (state_ != TransferState::Preparing) return receiver_broke("accepted twice");
  data_streams_max_ = accept.data_streams_max;
  transition(TransferEvent::Activate);
  return {};
}

TransferResult<> SendCoordinator::on(const Wait&) {
  if (state_ != TransferState::Preparing) return receiver_broke("told to wait when it was too late");
  events_.emplace_back(Waiting{});
  return {};
}

TransferResult<> SendCoordinator::on(const Have& have) {
  if (state_ != TransferState::Active)
    return receiver_broke("has something of a transfer that is not active");
  if (have.file < answered_ || have.file >= entries_.size())
    return receiver_broke("has something of an unknown file");
  const Entry entry = entries_[have.file];
  if (entry.type != EntryType::File || entry.size == 0)
    return receiver_broke("has chunks of something without any");
  std::vector<crypto::Hash256>& known = open_[have.file].have;
  const std::uint64_t chunks = ChunkGrid(entry.size).count();
  const bool fits = have.first_chunk == known.size() && have.hashes.size() <= chunks - known.size();
  if (have.hashes.empty() || !fits) return receiver_broke("has chunks out of order or beyond the file");
  known.insert(known.end(), have.hashes.begin(), have.hashes.end());
  return {};
}

TransferResult<> SendCoordinator::on(const Answered& answered) {
  if (state_ != TransferState::Active) return receiver_broke("answered in a transfer that is not active");
  if (answered.through <= answered_ || answered.through > entries_.size()) {
    return receiver_broke("answered entries out of order");
  }
  std::optional<EntryIndex> last;
  for (const EntryIndex index : answered.skipped) {
    const bool is_rising = index >= answered_ && index < answered.through && (!last || index > *last);
    if (!is_rising || entries_[index].type != EntryType::File || open_.contains(index)) {
      return receiver_broke("skipped what cannot be skipped");
    }
    skipped_.insert(index);
    last = index;
  }
  answered_ = answered.through;
  return {};
}

TransferResult<> SendCoordinator::on(const Renamed& renamed) {
  if (renamed.entry >= entries_.size() || entries_[renamed.entry].type == EntryType::Directory) {
    return receiver_broke("renamed an unknown entry");
  }
  ++renamed_count_;
  const FileRenamed event{renamed.entry, renamed.name};
  if (renamed_.size() < limits_.renamed_max) renamed_.push_back(event);
  events_.emplace_back(event);
  return {};
}

TransferResult<> SendCoordinator::on(const Complete& complete) {
  if (state_ != TransferState::Completing) return receiver_broke("complete before all was sent");
  if (complete.root != root()) {
    return failed(FailureCode::Integrity,
                  std::format("the receiver stored something else: its root is {}, ours {}",
                              complete.root.to_hex(), root().to_hex()));
  }
  renamed_count_ = complete.renamed;
  transition(TransferEvent::Confirm);
  return {};
}

TransferResult<> SendCoordinator::on(const Abort& abort) {
  fail({.code = abort.code, .reason = escape_text(abort.reason), .by_peer = true});
  return {};
}

// ---- from the driver ----

void SendCoordinator::begin() {
  transition(TransferEvent::Begin);
  send(offer_);
}

bool SendCoordinator::wants_entries() const {
  return state_ == TransferState::Active && !is_scan_done_ &&
         entries_.size() - answered_ < limits_.entries_unanswered_max;
}

void SendCoordinator::add_entries(std::span<const Entry> entries) {
  JETWAY_ASSERT(!is_scan_done_);
  if (state_ != TransferState::Active) return;
  for (const Entry& entry : entries) {
    if (auto passed = check_.pass(entry); !passed) return fail(std::move(passed.error()));
    if (entry.size > kFileMaxBytes || entries_.size() >= kEntriesMax - 1) {
      return fail({FailureCode::LimitExceeded,
                   std::format("{}: too large, or too many files", quote_path(entry.path))});
    }
    const EntryIndex index = entries_.append(entry);
    batch_.entries.push_back(entries_[index]);
    batch_bytes_ += entry.path.size() + entry.link_target.size() + kEntryOverheadBytes;
    if (entry.type == EntryType::File) ++progress_.files_total;
    progress_.bytes_total += entry.size;
    const bool is_full =
        batch_.entries.size() == kEntriesPerMessageMax || batch_bytes_ >= limits_.entries_message_bytes;
    if (is_full) flush_entries();
  }
  flush_entries();
}

void SendCoordinator::end_entries() {
  if (state_ != TransferState::Active) return;
  is_scan_done_ = true;
  progress_.is_total_final = true;
  send(EntriesEnd{entries_.size(), progress_.bytes_total});
  finish_if_all_written();
}

void SendCoordinator::flush_entries() {
  if (batch_.entries.empty()) return;
  send(batch_);
  batch_.first = entries_.size();
  batch_.entries.clear();
  batch_bytes_ = 0;
}

// ---- what to read ----

std::optional<ReadJob> SendCoordinator::poll_job() {
  if (state_ != TransferState::Active) return std::nullopt;
  ReadJob job;
  std::size_t bytes = 0;
  while (next_file_ < entries_.size()) {
    const Entry entry = entries_[next_file_];
    if (settle_unread(next_file_, entry)) {
      ++next_file_;
      continue;
    }
    if (!is_decidable() || entry.type != EntryType::File) break;
    const std::uint32_t length = ChunkGrid(entry.size).span(next_chunk_).length;
    if (job.size() == kUnitRecordsMax || bytes + length > kUnitContentMaxBytes) break;
    bytes += length;
    job.push_back(piece_at_cursor(entry.size));
  }
  root_.advance(std::min(next_file_, answered_));
  finish_if_all_written();
  if (job.empty()) return std::nullopt;
  return job;
}

// What needs no reading: folders and links, and once the receiver has answered empty and skipped files.
bool SendCoordinator::settle_unread(EntryIndex index, const Entry& entry) {
  if (entry.type != EntryType::File) return true;
  if (index >= answered_) return false;
  const bool is_skipped = skipped_.erase(index) > 0;
  if (!is_skipped && entry.size > 0) return false;
  root_.on_file(index, is_skipped ? std::nullopt : std::optional{empty_content_digest()});
  if (is_skipped) {
    ++files_skipped_;
    progress_.bytes_skipped += entry.size;
  }
  ++progress_.files_done;
  events_.emplace_back(FileSent{index, 0, is_skipped});
  return true;
}

// Whether the receiver has said what it has at the next chunk.
bool SendCoordinator::is_decidable() const {
  if (next_file_ < answered_) return true;
  const auto file = open_.find(next_file_);
  return file != open_.end() && next_chunk_ < file->second.have.size();
}

ReadPiece SendCoordinator::piece_at_cursor(std::uint64_t file_bytes) {
  const ChunkGrid grid(file_bytes);
  const std::vector<crypto::Hash256>& have = open_[next_file_].have;
  ReadPiece piece{.file = next_file_, .chunk = next_chunk_, .span = grid.span(next_chunk_), .expected = {}};
  if (next_chunk_ < have.size()) piece.expected = have[static_cast<std::size_t>(next_chunk_)];
  if (next_chunk_ == 0) events_.emplace_back(FileStarted{next_file_});
  if (++next_chunk_ == grid.count()) {
    next_chunk_ = 0;
    ++next_file_;
  }
  return piece;
}

bool SendCoordinator::is_all_polled() const { return is_scan_done_ && next_file_ == entries_.size(); }

void SendCoordinator::on_job_read(std::span<const UnitRecord> records) {
  if (is_final(state_)) return;
  for (const UnitRecord& record : records) {
    OpenFile& file = open_.at(record.file);
    const bool is_new = file.digest.add(record.chunk, record.hash);
    JETWAY_ASSERT(is_new);  // jobs in flight are far fewer than the digest's window
    const std::uint64_t chunks = ChunkGrid(entries_[record.file].size).count();
    if (file.digest.contiguous() == chunks) root_.on_file(record.file, file.digest.finish());
  }
  root_.advance(std::min(next_file_, answered_));
}

void SendCoordinator::on_unit_written(std::span<const UnitRecord> records) {
  if (is_final(state_)) return;
  for (const UnitRecord& record : records) {
    const auto at = open_.find(record.file);
    OpenFile& file = at->second;
    file.bytes_moved += record.content_bytes();
    (record.is_reference ? progress_.bytes_already : progress_.bytes_moved) += record.length;
    if (++file.chunks_written < ChunkGrid(entries_[record.file].size).count()) continue;
    ++progress_.files_done;
    events_.emplace_back(FileSent{record.file, file.bytes_moved, false});
    open_.erase(at);
  }
  finish_if_all_written();
}

void SendCoordinator::finish_if_all_written() {
  const bool is_all_written = is_all_polled() && open_.empty() && root_.done() == entries_.size();
  if (state_ != TransferState::Active || !is_all_written) return;
  send(Done{root()});
  transition(TransferEvent::AllMoved);
}

// ---- the end, and outputs ----

void SendCoordinator::fail(TransferFailure failure) {
  if (is_final(state_)) return;
  failure_ = std::move(failure);
  messages_.clear();
  if (!failure_.by_peer && failure_.code != FailureCode::ConnectionLost) {
    send(Abort{failure_.code, failure_.reason});
  }
  transition(failure_.code == FailureCode::Cancelled ? TransferEvent::Cancel : TransferEvent::Fail);
}

void SendCoordinator::transition(TransferEvent event) {
  const std::optional<TransferState> to = next(state_, event);
  JETWAY_ASSERT(to.has_value());
  state_ = *to;
  events_.emplace_back(StateChanged{state_});
}

void SendCoordinator::send(const Message& message) {
  messages_.push_back(frame_message(encode_message(message)));
}

std::optional<Bytes> SendCoordinator::poll_message() {
  if (messages_.empty()) return std::nullopt;
  Bytes message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

std::optional<SendCoordinator::Event> SendCoordinator::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace jetway::transfer
