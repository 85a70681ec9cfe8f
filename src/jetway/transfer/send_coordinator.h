#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/transfer/chunk_grid.h"
#include "jetway/transfer/manifest.h"
#include "jetway/transfer/messages.h"
#include "jetway/transfer/progress.h"
#include "jetway/transfer/state.h"
#include "jetway/transfer/unit.h"

namespace jetway::transfer {

struct SendLimits {
  // Entries that may be announced and not yet answered; more wait. Bounds what the receiver has to queue.
  std::uint32_t entries_unanswered_max = 8192;
  // Encoded size at which a batch of entries is closed.
  std::size_t entries_message_bytes = 128 * 1024;
  // Renamed messages that are kept.
  std::size_t renamed_max = 100;
  // A link that points elsewhere ends the transfer.
  LinkScope links = LinkScope::Inside;
};

// A chunk to be read. `expected` is what the receiver has at this place, if anything.
struct ReadPiece {
  EntryIndex file = 0;
  std::uint64_t chunk = 0;
  ChunkSpan span;
  std::optional<crypto::Hash256> expected{};
};

// Chunks that are read together and travel in one unit.
using ReadJob = std::vector<ReadPiece>;

// The record of a chunk that has been read and hashed: a reference when the receiver has it already.
UnitRecord make_record(const ReadPiece& piece, const crypto::Hash256& hash);

// The sender's side of one transfer: what to announce, what to read next, when it is complete
// (docs/protocol/transfer.md). Whoever drives it scans, reads and hashes files, carries messages and units.
//
// Sans-IO and not thread-safe. After any input or command drain poll_message(), poll_event() and, as far as
// there are hands free, poll_job(). When state() is final, nothing more happens; what poll_message() still
// gives is worth sending.
class SendCoordinator {
 public:
  struct StateChanged {
    TransferState state;
  };
  struct Waiting {};  // another run of the same job holds the receiver
  struct FileStarted {
    EntryIndex file;
  };
  struct FileSent {  // or settled without: skipped, empty
    EntryIndex file;
    std::uint64_t bytes_moved;
    bool is_skipped;
  };
  struct FileRenamed {
    EntryIndex entry;
    std::string name;
  };
  using Event = std::variant<StateChanged, Waiting, FileStarted, FileSent, FileRenamed>;

  explicit SendCoordinator(Offer offer, const SendLimits& limits = {});
  SendCoordinator(const SendCoordinator&) = delete;
  SendCoordinator& operator=(const SendCoordinator&) = delete;
  ~SendCoordinator() = default;

  // --- from the peer ---

  void handle_message(ByteView bytes);

  // --- from the driver ---

  // Offers the transfer.
  void begin();
  // Whether add_entries() is welcome: accepted, and not too far ahead of the answers.
  bool wants_entries() const;
  // What was scanned, in the order of a manifest. BadName ends the transfer.
  void add_entries(std::span<const Entry> entries);
  // There are no more.
  void end_entries();

  // What to read next; nullopt: nothing now.
  std::optional<ReadJob> poll_job();
  // All chunks have been handed out by poll_job().
  bool is_all_polled() const;
  // A job has been read: the records of its pieces. Jobs may end in any order.
  void on_job_read(std::span<const UnitRecord> records);
  // The unit of those records has been written to its stream.
  void on_unit_written(std::span<const UnitRecord> records);

  // Ends the transfer and tells the peer, unless it is the peer's own word or the connection is gone.
  void fail(TransferFailure failure);

  // --- outputs ---

  // For the control stream, with its length in front.
  std::optional<Bytes> poll_message();
  std::optional<Event> poll_event();

  TransferState state() const { return state_; }
  const TransferFailure& failure() const { return failure_; }  // Failed, Cancelled
  const Progress& progress() const { return progress_; }
  const EntryTable& entries() const { return entries_; }
  const Offer& offer() const { return offer_; }
  // What the receiver takes; 0 until it has accepted.
  std::uint64_t data_streams_max() const { return data_streams_max_; }
  // Of the whole manifest, when all is read.
  crypto::Hash256 root() const { return root_.finish(); }
  const std::vector<FileRenamed>& renamed() const { return renamed_; }
  std::uint64_t renamed_count() const { return renamed_count_; }
  std::uint64_t files_skipped() const { return files_skipped_; }

 private:
  // A file between the first word about it and its last chunk.
  struct OpenFile {
    std::vector<crypto::Hash256> have;
    ContentDigest digest;
    std::uint64_t chunks_written = 0;
    std::uint64_t bytes_moved = 0;
  };

  TransferResult<> dispatch(const Message& message);
  TransferResult<> on(const Accept& accept);
  TransferResult<> on(const Wait&);
  TransferResult<> on(const Have& have);
  TransferResult<> on(const Answered& answered);
  TransferResult<> on(const Renamed& renamed);
  TransferResult<> on(const Complete& complete);
  TransferResult<> on(const Abort& abort);

  void transition(TransferEvent event);
  void send(const Message& message);
  void flush_entries();
  bool settle_unread(EntryIndex index, const Entry& entry);
  bool is_decidable() const;
  ReadPiece piece_at_cursor(std::uint64_t file_bytes);
  void finish_if_all_written();

  Offer offer_;
  SendLimits limits_;
  TransferState state_ = TransferState::Created;
  TransferFailure failure_;
  Progress progress_;

  EntryCheck check_;
  EntryTable entries_;
  RootBuilder root_{entries_};
  bool is_scan_done_ = false;
  Entries batch_;  // being collected
  std::size_t batch_bytes_ = 0;

  EntryIndex answered_ = 0;  // the receiver has said all about the entries below
  std::set<EntryIndex> skipped_;
  std::unordered_map<EntryIndex, OpenFile> open_;

  EntryIndex next_file_ = 0;  // the next chunk to be read
  std::uint64_t next_chunk_ = 0;

  std::vector<FileRenamed> renamed_;
  std::uint64_t data_streams_max_ = 0;
  std::uint64_t renamed_count_ = 0;
  std::uint64_t files_skipped_ = 0;
  std::deque<Bytes> messages_;
  std::deque<Event> events_;
};

}  // namespace jetway::transfer
