#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/base/time.h"
#include "jetway/crypto/hash.h"
#include "jetway/store/error.h"
#include "jetway/store/job_lock.h"

namespace jetway::store {

using TransferId = std::array<std::byte, 16>;
using BootId = std::array<std::byte, 16>;

enum class Direction : std::uint8_t { Send = 0, Receive = 1 };

struct TransferRecord {
  TransferId id{};
  Direction direction = Direction::Receive;
  Bytes peer;  // the peer's id, 32 bytes
  JobKey job{};
  std::string directory;     // target folder or first source, raw bytes, absolute
  std::uint8_t state = 0;    // the transfer engine's, opaque here
  bool is_finished = false;  // set by the engine when `state` is a final one
  WallTime created{};
  WallTime updated{};
  std::uint64_t files = 0;  // in all, as far as known
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_done = 0;
  std::optional<crypto::Hash256> root;  // of the manifest, when it is known
  std::string error;                    // of the last failure, for people
};

// Where a file of a transfer is. Numbers are stored.
enum class FileState : std::uint8_t {
  Pending = 0,    // nothing of it is on disk
  Partial = 1,    // temp_path holds the chunks that are recorded
  Completed = 2,  // under final_path, verified
  Skipped = 3,    // left out: the name was taken, the same was there, or refused
  Failed = 4,
};

struct ChunkRecord {
  std::uint64_t index = 0;  // its place in the file
  crypto::Hash256 hash{};

  bool operator==(const ChunkRecord&) const = default;
};

// What has become of one file since it was last recorded: replaces the file's row and adds the chunks to
// those that are known.
struct FileProgress {
  std::uint64_t index = 0;  // in the manifest
  std::string path;         // as in the manifest
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::uint32_t mode = 0;
  FileState state = FileState::Pending;
  std::string temp_path;            // Partial
  std::string final_path;           // Completed, Skipped
  std::vector<ChunkRecord> chunks;  // verified and handed to the kernel since the last time; any order
};

struct FileRecord {
  FileProgress file;  // with all chunks that were ever recorded, sorted by index
  // False when the machine has restarted since: then a chunk may be recorded although its bytes were lost,
  // and has to be hashed (chunk_hash.h) before it is relied on. A killed process loses nothing.
  bool is_same_boot = true;
};

struct StateConfig {
  // How long a statement waits for another process that is writing, then Busy.
  std::chrono::milliseconds busy_timeout{5'000};
  // What `--fsync never` clears: then a power cut may lose the last transitions, and nothing else.
  bool durable_transitions = true;
};

// The state of transfers, in SQLite: survives a kill at any moment with nothing lost that was recorded.
// docs/state.md has the schema. WAL; progress is committed without waiting for the device (a power cut costs
// the last moments of it, which are then sent again), transitions of a transfer wait for it.
//
// One thread at a time; any number of processes.
class StateDb {
 public:
  struct Opened;

  // `directory` is created with mode 0700 (parents too), the database in it is `state.db`, 0600. A damaged
  // database is renamed to `state.db.corrupt-<date>` and a new one begun: Opened::set_aside. TooNew when a
  // newer program wrote it.
  static StoreResult<Opened> open(const std::string& directory, const StateConfig& config = {});
  static StoreResult<StateDb> open_in_memory();

  StateDb(StateDb&&) noexcept;
  StateDb& operator=(StateDb&&) noexcept;
  StateDb(const StateDb&) = delete;
  StateDb& operator=(const StateDb&) = delete;
  ~StateDb();

  // A new transfer, durable when it returns; Exists when the id is known. `created` and `updated` are the
  // caller's clock, here and below.
  StoreResult<void> create(const TransferRecord& transfer);
  // Replaces everything but id, direction, peer, job and created; durable when it returns. NotFound.
  StoreResult<void> update(const TransferRecord& transfer);
  // The progress of any number of files in one transaction, and of the transfer itself.
  StoreResult<void> record(const TransferId& id, std::span<const FileProgress> files,
                           std::uint64_t bytes_done, WallTime now);

  StoreResult<std::optional<TransferRecord>> find(const TransferId& id);
  // The latest unfinished transfer of that job with that peer.
  StoreResult<std::optional<TransferRecord>> find_unfinished(ByteView peer, const JobKey& job);
  // All that are unfinished, latest first, at most `max`.
  StoreResult<std::vector<TransferRecord>> unfinished(std::size_t max);
  // Files of a transfer in the order of their index, from `first_index` on, at most `max`: the memory for
  // 200,000 files with chunks is then the caller's choice.
  StoreResult<std::vector<FileRecord>> files(const TransferId& id, std::uint64_t first_index,
                                             std::size_t max);

  // Removes a transfer and all that belongs to it (not the temporary files on disk).
  StoreResult<void> forget(const TransferId& id);
  // Removes finished transfers that were last updated before `before`; returns how many.
  StoreResult<std::size_t> prune(WallTime before);

  // For tests: as after a restart of the machine.
  void pretend_boot(const BootId& boot);

 private:
  struct State;
  explicit StateDb(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

struct StateDb::Opened {
  StateDb db;
  // Where a damaged database was moved to; empty: none was. Worth a warning: unfinished transfers are checked
  // against what is on disk as if they were new.
  std::string set_aside;
};

}  // namespace jetway::store
