#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
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

struct ReceiveLimits {
  // Content of one transfer, by the sizes announced.
  std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max();
  // Entries: files, folders and links. Each costs about 100 bytes of memory.
  std::uint64_t entries_max = 10'000'000;
  // Entries announced and not yet answered; a sender that goes further breaks the protocol.
  std::uint32_t entries_unanswered_max = 64 * 1024;
  // Files of more than one chunk that have begun and are not whole: each may hold a descriptor.
  std::size_t open_files_max = 256;
  // Data streams that the sender may have open at a time (told in Accept); enforced by the driver.
  std::uint64_t data_streams_max = 4;
  // Renamed messages sent for one transfer; all are counted in Complete.
  std::uint64_t renamed_max = 100;
  // A link that points elsewhere ends the transfer.
  LinkScope links = LinkScope::Inside;
};

// The receiver's side of one transfer: what a sender may do at each point, what it is told, when all is there
// (docs/protocol/transfer.md). Whoever drives it makes folders and links, finds and hashes what is on the
// disk, checks chunks against their hashes and writes them, and reports each.
//
// Sans-IO and not thread-safe. After any input or command drain poll_message() and poll_event(). When state()
// is final, nothing more happens; what poll_message() still gives is worth sending.
class ReceiveCoordinator {
 public:
  struct StateChanged {
    TransferState state;
  };
  // Answer with accept(), wait() and then accept(), or fail().
  struct Offered {};
  // Entries [first, first + count) are known: prepare them in that order and call on_prepared().
  struct EntriesArrived {
    EntryIndex first;
    EntryIndex count;
  };
  struct FileStarted {
    EntryIndex file;
  };
  // All files are in place and the roots agree: finish folders, make it durable, then on_durable().
  struct ReadyToFinish {};
  using Event = std::variant<StateChanged, Offered, EntriesArrived, FileStarted, ReadyToFinish>;

  explicit ReceiveCoordinator(const ReceiveLimits& limits = {}) : limits_(limits), check_(limits.links) {}
  ReceiveCoordinator(const ReceiveCoordinator&) = delete;
  ReceiveCoordinator& operator=(const ReceiveCoordinator&) = delete;
  ~ReceiveCoordinator() = default;

  // --- from the peer ---

  void handle_message(ByteView bytes);
  // The table of a unit has arrived. Each record is then expected with on_chunk_stored(). False: the sender
  // broke the protocol, the transfer has failed (or was over).
  bool handle_unit(std::span<const UnitRecord> records);

  // --- from the driver ---

  void wait();
  void accept();
  // The chunks [first_chunk, ...) of a file that is being prepared are there already, with those hashes: on
  // disk, hashed now. In order for each file.
  void on_found(EntryIndex file, std::uint64_t first_chunk, std::span<const crypto::Hash256> hashes);
  // The entries below `through` are prepared: folders and links are made, empty files too. `skipped` (rising)
  // are files that are not wanted.
  void on_prepared(EntryIndex through, std::vector<EntryIndex> skipped);
  // A chunk has been verified and is in place. True: it was the last of its file, which is to be committed
  // now.
  bool on_chunk_stored(const UnitRecord& record);
  // A file that was whole has its final name. (Not for empty ones.)
  void on_committed(EntryIndex file);
  // A file or link got another name than the sender's.
  void on_renamed(EntryIndex entry, std::string_view final_name);
  void on_durable();

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
  const Offer& offer() const { return offer_; }  // from Offered on
  crypto::Hash256 root() const { return root_.finish(); }
  std::uint64_t renamed_count() const { return renamed_count_; }
  std::uint64_t files_skipped() const { return files_skipped_; }
  // Content bytes of a file that came over the connection so far; 0 once it is committed.
  std::uint64_t bytes_moved(EntryIndex file) const;

 private:
  struct OpenFile {
    std::vector<crypto::Hash256> found;
    ContentDigest digest;  // of the chunks announced
    std::uint64_t chunks_stored = 0;
    std::uint64_t bytes_moved = 0;
    bool has_begun = false;
  };

  TransferResult<> dispatch(const Message& message);
  TransferResult<> on(const Offer& offer);
  TransferResult<> on(const Entries& batch);
  TransferResult<> on(const EntriesEnd& end);
  TransferResult<> on(const Done& done);
  TransferResult<> on(const Abort& abort);

  TransferResult<> take_entry(const Entry& entry);
  TransferResult<> check_record(const UnitRecord& record);
  void transition(TransferEvent event);
  void send(const Message& message);
  void finish_if_whole();

  ReceiveLimits limits_;
  TransferState state_ = TransferState::Created;
  TransferFailure failure_;
  Progress progress_;
  Offer offer_;

  EntryCheck check_;
  EntryTable entries_;
  RootBuilder root_{entries_};
  bool has_end_ = false;
  std::optional<crypto::Hash256> sender_root_;

  EntryIndex prepared_ = 0;
  std::unordered_map<EntryIndex, OpenFile> open_;  // found or begun, not committed
  std::vector<bool> settled_;                      // takes no chunks (any more), by entry
  std::size_t begun_files_ = 0;                    // of more than one chunk

  std::uint64_t renamed_count_ = 0;
  std::uint64_t files_skipped_ = 0;
  std::deque<Bytes> messages_;
  std::deque<Event> events_;
};

}  // namespace jetway::transfer
