#include "jetway/transfer/receive_coordinator.h"

#include <algorithm>
#include <format>
#include <utility>

#include "jetway/base/assert.h"
#include "jetway/base/text.h"
#include "jetway/transfer/message_stream.h"
#include "jetway/transfer/safe_path.h"

namespace jetway::transfer {

namespace {

TransferResult<> sender_broke(std::string_view what) {
  return failed(FailureCode::Protocol, std::format("the sender broke the protocol: {}", what));
}

}  // namespace

// ---- from the peer ----

void ReceiveCoordinator::handle_message(ByteView bytes) {
  if (is_final(state_)) return;
  auto message = decode_message(bytes);
  auto done = message ? dispatch(*message) : std::unexpected(message.error());
  if (!done) fail(std::move(done.error()));
}

TransferResult<> ReceiveCoordinator::dispatch(const Message& message) {
  return std::visit(
      [&](const auto& content) -> TransferResult<> {
        if constexpr (requires { on(content); }) {
          return on(content);
        } else {
          return sender_broke("a message that only receivers send");
        }
      },
      message);
}

TransferResult<> ReceiveCoordinator::on(const Offer& offer) {
  if (state_ != TransferState::Created) return sender_broke("offered twice");
  if (offer.version != kProtocolVersion) {
    return failed(FailureCode::Protocol,
                  std::format("the sender speaks version {} of the transfer protocol, we speak version {}",
                              offer.version, kProtocolVersion));
  }
  if (offer.chunk_bytes != kChunkBytes) return sender_broke("chunks of another size");
  offer_ = offer;
  transition(TransferEvent::Begin);
  events_.emplace_back(Offered{});
  return {};
}

TransferResult<> ReceiveCoordinator::on(const Entries& batch) {
  if (state_ != TransferState::Active || has_end_) return sender_broke("entries at the wrong time");
  if (batch.entries.empty() || batch.first != entries_.size()) return sender_broke("entries out of order");
  if (entries_.size() - prepared_ + batch.entries.size() > limits_.entries_unanswered_max) {
    return sender_broke("too many entries ahead of the answers");
  }
  for (const Entry& entry : batch.entries) {
    if (auto taken = take_entry(entry); !taken) return taken;
  }
  settled_.resize(entries_.size(), false);
  events_.emplace_back(EntriesArrived{batch.first, static_cast<EntryIndex>(batch.entries.size())});
  return {};
}

TransferResult<> ReceiveCoordinator::take_entry(const Entry& entry) {
  if (auto passed = check_.pass(entry); !passed) return passed;
  if (entries_.size() >= std::min(limits_.entries_max, kEntriesMax - 1)) {
    return failed(FailureCode::LimitExceeded,
                  std::format("more than {} files; the receiver takes no more", limits_.entries_max));
  }
  if (entry.size > limits_.bytes_max - progress_.bytes_total) {
    return failed(FailureCode::LimitExceeded,
                  std::format("{}: more than {} bytes in all; the receiver takes no more",
                              quote_path(entry.path), limits_.bytes_max));
  }
  entries_.append(entry);
  if (entry.type == EntryType::File) ++progress_.files_total;
  progress_.bytes_total += entry.size;
  return {};
}

TransferResult<> ReceiveCoordinator::on(const EntriesEnd& end) {
  if (state_ != TransferState::Active || has_end_)
    return sender_broke("the end of the entries at the wrong time");
  if (end.count != entries_.size() || end.bytes != progress_.bytes_total) {
    return sender_broke("another number of entries or bytes than announced");
  }
  has_end_ = true;
  progress_.is_total_final = true;
  return {};
}

TransferResult<> ReceiveCoordinator::on(const Done& done) {
  if (!has_end_ || sender_root_) return sender_broke("done at the wrong time");
  sender_root_ = done.root;
  finish_if_whole();
  return {};
}

TransferResult<> ReceiveCoordinator::on(const Abort& abort) {
  fail({.code = abort.code, .reason = escape_text(abort.reason), .by_peer = true});
  return {};
}

bool ReceiveCoordinator::handle_unit(std::span<const UnitRecord> records) {
  if (is_final(state_)) return false;
  for (const UnitRecord& record : records) {
    if (auto checked = check_record(record); !checked) {
      fail(std::move(checked.error()));
      return false;
    }
  }
  return true;
}

TransferResult<> ReceiveCoordinator::check_record(const UnitRecord& record) {
  if (state_ != TransferState::Active || record.file >= entries_.size())
    return sender_broke("a chunk of no file");
  const Entry entry = entries_[record.file];
  const ChunkGrid grid(entry.size);
  if (entry.type != EntryType::File || record.chunk >= grid.count() || settled_[record.file]) {
    return sender_broke("a chunk that the file does not have or need");
  }
  if (record.length != grid.span(record.chunk).length) return sender_broke("a chunk of another length");

  OpenFile& file = open_[record.file];
  const bool is_found = record.chunk < file.found.size();
  if (record.file >= prepared_ && !is_found)
    return sender_broke("a chunk ahead of the answer about its file");
  const bool is_there = is_found && file.found[static_cast<std::size_t>(record.chunk)] == record.hash;
  if (record.is_reference && !is_there) return sender_broke("a reference to a chunk that is not there");
  if (!file.digest.add(record.chunk, record.hash))
    return sender_broke("a chunk that came before, or too early");
  if (file.has_begun) return {};
  file.has_begun = true;
  events_.emplace_back(FileStarted{record.file});
  if (grid.count() > 1 && ++begun_files_ > limits_.open_files_max)
    return sender_broke("too many unfinished files");
  return {};
}

// ---- from the driver ----

void ReceiveCoordinator::wait() {
  if (state_ == TransferState::Preparing) send(Wait{});
}

void ReceiveCoordinator::accept() {
  if (state_ != TransferState::Preparing) return;
  send(Accept{limits_.data_streams_max});
  transition(TransferEvent::Activate);
}

void ReceiveCoordinator::on_found(EntryIndex file, std::uint64_t first_chunk,
                                  std::span<const crypto::Hash256> hashes) {
  if (is_final(state_) || hashes.empty()) return;
  std::vector<crypto::Hash256>& found = open_[file].found;
  JETWAY_ASSERT(file >= prepared_ && first_chunk == found.size() && hashes.size() <= kHashesPerMessageMax);
  found.insert(found.end(), hashes.begin(), hashes.end());
  send(Have{file, first_chunk, {hashes.begin(), hashes.end()}});
}

void ReceiveCoordinator::on_prepared(EntryIndex through, std::vector<EntryIndex> skipped) {
  if (is_final(state_)) return;
  JETWAY_ASSERT(through > prepared_ && through <= entries_.size());
  for (const EntryIndex file : skipped) {
    settled_[file] = true;
    root_.on_file(file, std::nullopt);
    ++files_skipped_;
    ++progress_.files_done;
    progress_.bytes_skipped += entries_[file].size;
  }
  for (EntryIndex index = prepared_; index < through; ++index) {
    const Entry entry = entries_[index];
    if (entry.type != EntryType::File || entry.size > 0 || settled_[index]) continue;
    settled_[index] = true;
    root_.on_file(index, empty_content_digest());
    ++progress_.files_done;
  }
  prepared_ = through;
  send(Answered{through, std::move(skipped)});
  finish_if_whole();
}

bool ReceiveCoordinator::on_chunk_stored(const UnitRecord& record) {
  if (is_final(state_)) return false;
  OpenFile& file = open_.at(record.file);
  (record.is_reference ? progress_.bytes_already : progress_.bytes_moved) += record.length;
  file.bytes_moved += record.content_bytes();
  return ++file.chunks_stored == ChunkGrid(entries_[record.file].size).count();
}

void ReceiveCoordinator::on_committed(EntryIndex file) {
  if (is_final(state_)) return;
  const auto at = open_.find(file);
  const std::uint64_t chunks = ChunkGrid(entries_[file].size).count();
  JETWAY_ASSERT(at != open_.end() && at->second.chunks_stored == chunks);
  root_.on_file(file, at->second.digest.finish());
  open_.erase(at);
  settled_[file] = true;
  if (chunks > 1) --begun_files_;
  ++progress_.files_done;
  finish_if_whole();
}

void ReceiveCoordinator::on_renamed(EntryIndex entry, std::string_view final_name) {
  if (is_final(state_) || ++renamed_count_ > limits_.renamed_max) return;
  send(Renamed{entry, std::string{final_name}});
}

void ReceiveCoordinator::finish_if_whole() {
  root_.advance(prepared_);
  const bool is_whole = has_end_ && sender_root_ && root_.done() == entries_.size();
  if (state_ != TransferState::Active || !is_whole) return;
  if (root() != *sender_root_) {
    return fail({FailureCode::Integrity, std::format("the root of what was stored is {}, the sender says {}",
                                                     root().to_hex(), sender_root_->to_hex())});
  }
  transition(TransferEvent::AllMoved);
  events_.emplace_back(ReadyToFinish{});
}

void ReceiveCoordinator::on_durable() {
  if (state_ != TransferState::Completing) return;
  send(Complete{root(), progress_.files_total, progress_.bytes_total, renamed_count_});
  transition(TransferEvent::Confirm);
}

std::uint64_t ReceiveCoordinator::bytes_moved(EntryIndex file) const {
  const auto at = open_.find(file);
  return at == open_.end() ? 0 : at->second.bytes_moved;
}

// ---- the end, and outputs ----

void ReceiveCoordinator::fail(TransferFailure failure) {
  if (is_final(state_)) return;
  failure_ = std::move(failure);
  messages_.clear();
  if (!failure_.by_peer && failure_.code != FailureCode::ConnectionLost) {
    send(Abort{failure_.code, failure_.reason});
  }
  transition(failure_.code == FailureCode::Cancelled ? TransferEvent::Cancel : TransferEvent::Fail);
}

void ReceiveCoordinator::transition(TransferEvent event) {
  const std::optional<TransferState> to = next(state_, event);
  JETWAY_ASSERT(to.has_value());
  state_ = *to;
  events_.emplace_back(StateChanged{state_});
}

void ReceiveCoordinator::send(const Message& message) {
  messages_.push_back(frame_message(encode_message(message)));
}

std::optional<Bytes> ReceiveCoordinator::poll_message() {
  if (messages_.empty()) return std::nullopt;
  Bytes message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

std::optional<ReceiveCoordinator::Event> ReceiveCoordinator::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace jetway::transfer
