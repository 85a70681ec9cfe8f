#include "jetway/store/state_db.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include "jetway/base/text.h"
#include "jetway/store/chunk_segment.h"
#include "jetway/store/state_file.h"
#include "jetway/store/state_rows.h"
#include "jetway/store/state_schema.h"

namespace jetway::store {
namespace {

enum class Synchronous : std::uint8_t { Unset, Normal, Full };

// All zero where the kernel does not say: then no boot is ever the same as another.
BootId read_boot_id() {
  BootId boot{};
  const Descriptor file{::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)};
  std::array<char, 36> text{};
  if (!file.is_open() || ::read(file.fd(), text.data(), text.size()) != std::ssize(text)) return boot;
  std::string digits{text.data(), text.size()};
  std::erase(digits, '-');
  if (const auto bytes = from_hex(digits)) copy_to(boot, *bytes);
  return boot;
}

}  // namespace

struct StateDb::State {
  State(SQLite::Database opened, std::string file, const StateConfig& settings)
      : path(std::move(file)), config(settings), database(std::move(opened)), boot(read_boot_id()) {}

  std::string path;
  StateConfig config;
  SQLite::Database database;
  // Prepared once each; the keys are literals.
  std::map<std::string_view, SQLite::Statement> statements;
  Synchronous synchronous = Synchronous::Unset;
  BootId boot;

  Query query(const char* sql);
  void write_through(bool is_durable);
  std::optional<std::int64_t> key_of(const TransferId& id);
  void record_file(std::int64_t key, const FileProgress& file);
  void record_chunks(std::int64_t key, const FileProgress& file);
  ChunkSegment load_segment(std::int64_t key, std::uint64_t file, std::uint64_t segment);
  std::vector<ChunkRecord> load_chunks(std::int64_t key, std::uint64_t file);
  FileRecord read_file(SQLite::Statement& row, std::int64_t key);
  StoreError not_found() const {
    return {.code = StoreErrc::NotFound, .path = path, .reason = "no such transfer in the state database"};
  }
};

Query StateDb::State::query(const char* sql) {
  const auto found = statements.find(sql);
  if (found != statements.end()) return Query{found->second};
  return Query{statements.try_emplace(sql, database, sql).first->second};
}

// Whether the next transaction waits for the device. A durable one takes all earlier ones with it.
void StateDb::State::write_through(bool is_durable) {
  const Synchronous wanted =
      is_durable && config.durable_transitions ? Synchronous::Full : Synchronous::Normal;
  if (wanted == synchronous) return;
  database.exec(wanted == Synchronous::Full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  synchronous = wanted;
}

std::optional<std::int64_t> StateDb::State::key_of(const TransferId& id) {
  Query row = query("SELECT key FROM transfers WHERE id = ?");
  bind_blob(*row, 1, id);
  if (!row->executeStep()) return std::nullopt;
  return row->getColumn(0).getInt64();
}

// ---- transfers ----

StoreResult<void> StateDb::create(const TransferRecord& transfer) {
  return with_database_errors(state_->path, [&]() -> StoreResult<void> {
    state_->write_through(true);
    Query insert = state_->query(
        "INSERT INTO transfers (id, direction, peer, job, directory, state, finished, created_ms, "
        "updated_ms, "
        "files, bytes_total, bytes_done, root, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO NOTHING");
    bind_blob(*insert, 1, transfer.id);
    insert->bind(2, static_cast<int>(transfer.direction));
    bind_blob(*insert, 3, transfer.peer);
    bind_blob(*insert, 4, transfer.job);
    bind_blob(*insert, 5, transfer.directory);
    insert->bind(8, milliseconds(transfer.created));
    bind_changes(*insert, transfer);
    if (insert->exec() == 1) return {};
    return std::unexpected(StoreError{
        .code = StoreErrc::Exists, .path = state_->path, .reason = "a transfer of that id is known already"});
  });
}

StoreResult<void> StateDb::update(const TransferRecord& transfer) {
  return with_database_errors(state_->path, [&]() -> StoreResult<void> {
    state_->write_through(true);
    Query change = state_->query(
        "UPDATE transfers SET directory = ?5, state = ?6, finished = ?7, updated_ms = ?9, files = ?10, "
        "bytes_total = ?11, bytes_done = ?12, root = ?13, error = ?14 WHERE id = ?1");
    bind_blob(*change, 1, transfer.id);
    bind_blob(*change, 5, transfer.directory);
    bind_changes(*change, transfer);
    if (change->exec() == 1) return {};
    return std::unexpected(state_->not_found());
  });
}

StoreResult<std::optional<TransferRecord>> StateDb::find(const TransferId& id) {
  return with_database_errors(state_->path, [&]() -> StoreResult<std::optional<TransferRecord>> {
    Query row = state_->query("SELECT " JETWAY_TRANSFER_COLUMNS " FROM transfers WHERE id = ?");
    bind_blob(*row, 1, id);
    if (!row->executeStep()) return std::nullopt;
    return read_transfer(*row);
  });
}

StoreResult<std::optional<TransferRecord>> StateDb::find_unfinished(ByteView peer, const JobKey& job) {
  return with_database_errors(state_->path, [&]() -> StoreResult<std::optional<TransferRecord>> {
    Query row = state_->query("SELECT " JETWAY_TRANSFER_COLUMNS
                              " FROM transfers WHERE job = ? AND peer = ? AND finished = 0 "
                              "ORDER BY updated_ms DESC, key DESC LIMIT 1");
    bind_blob(*row, 1, job);
    bind_blob(*row, 2, peer);
    if (!row->executeStep()) return std::nullopt;
    return read_transfer(*row);
  });
}

StoreResult<std::vector<TransferRecord>> StateDb::unfinished(std::size_t max) {
  return with_database_errors(state_->path, [&]() -> StoreResult<std::vector<TransferRecord>> {
    std::vector<TransferRecord> transfers;
    Query row =
        state_->query("SELECT " JETWAY_TRANSFER_COLUMNS
                      " FROM transfers WHERE finished = 0 ORDER BY updated_ms DESC, key DESC LIMIT ?");
    row->bind(1, to_signed(max));
    while (row->executeStep()) transfers.push_back(read_transfer(*row));
    return transfers;
  });
}

StoreResult<void> StateDb::forget(const TransferId& id) {
  return with_database_errors(state_->path, [&]() -> StoreResult<void> {
    state_->write_through(false);
    Query remove = state_->query("DELETE FROM transfers WHERE id = ?");
    bind_blob(*remove, 1, id);
    if (remove->exec() == 1) return {};
    return std::unexpected(state_->not_found());
  });
}

StoreResult<std::size_t> StateDb::prune(WallTime before) {
  return with_database_errors(state_->path, [&]() -> StoreResult<std::size_t> {
    state_->write_through(false);
    Query remove = state_->query("DELETE FROM transfers WHERE finished = 1 AND updated_ms < ?");
    remove->bind(1, milliseconds(before));
    return static_cast<std::size_t>(remove->exec());
  });
}

// ---- files and chunks ----

StoreResult<void> StateDb::record(const TransferId& id, std::span<const FileProgress> files,
                                  std::uint64_t bytes_done, WallTime now) {
  return with_database_errors(state_->path, [&]() -> StoreResult<void> {
    state_->write_through(false);
    SQLite::Transaction transaction{state_->database, SQLite::TransactionBehavior::IMMEDIATE};
    const auto key = state_->key_of(id);
    if (!key) return std::unexpected(state_->not_found());
    for (const FileProgress& file : files) {
      state_->record_file(*key, file);
      state_->record_chunks(*key, file);
    }
    Query change = state_->query("UPDATE transfers SET bytes_done = ?, updated_ms = ? WHERE key = ?");
    change->bind(1, to_signed(bytes_done));
    change->bind(2, milliseconds(now));
    change->bind(3, *key);
    change->exec();
    transaction.commit();
    return {};
  });
}

void StateDb::State::record_file(std::int64_t key, const FileProgress& file) {
  Query upsert = query(
      "INSERT INTO files (transfer, file, path, size, modified_ns, mode, state, temp_path, final_path, boot) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (transfer, file) DO UPDATE SET path = "
      "excluded.path, "
      "size = excluded.size, modified_ns = excluded.modified_ns, mode = excluded.mode, "
      "state = excluded.state, temp_path = excluded.temp_path, final_path = excluded.final_path, "
      "boot = excluded.boot");
  upsert->bind(1, key);
  upsert->bind(2, to_signed(file.index));
  bind_blob(*upsert, 3, file.path);
  upsert->bind(4, to_signed(file.size));
  upsert->bind(5, file.modified_ns);
  upsert->bind(6, file.mode);
  upsert->bind(7, static_cast<int>(file.state));
  bind_blob(*upsert, 8, file.temp_path);
  bind_blob(*upsert, 9, file.final_path);
  bind_blob(*upsert, 10, boot);
  upsert->exec();
}

void StateDb::State::record_chunks(std::int64_t key, const FileProgress& file) {
  std::map<std::uint64_t, ChunkSegment> segments;
  for (const ChunkRecord& chunk : file.chunks) {
    const std::uint64_t number = chunk.index / kSegmentChunks;
    const auto found = segments.find(number);
    ChunkSegment& segment =
        found != segments.end()
            ? found->second
            : segments.emplace(number, load_segment(key, file.index, number)).first->second;
    segment.add(chunk.index % kSegmentChunks, chunk.hash);
  }
  for (const auto& [number, segment] : segments) {
    Query upsert = query(
        "INSERT INTO chunks (transfer, file, segment, known, hashes) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (transfer, file, segment) DO UPDATE SET known = excluded.known, hashes = "
        "excluded.hashes");
    upsert->bind(1, key);
    upsert->bind(2, to_signed(file.index));
    upsert->bind(3, to_signed(number));
    bind_blob(*upsert, 4, segment.known());
    bind_blob(*upsert, 5, segment.hashes());
    upsert->exec();
  }
}

ChunkSegment StateDb::State::load_segment(std::int64_t key, std::uint64_t file, std::uint64_t segment) {
  Query row = query("SELECT known, hashes FROM chunks WHERE transfer = ? AND file = ? AND segment = ?");
  row->bind(1, key);
  row->bind(2, to_signed(file));
  row->bind(3, to_signed(segment));
  if (!row->executeStep()) return {};
  return ChunkSegment{blob_of(row->getColumn(0)), blob_of(row->getColumn(1))};
}

std::vector<ChunkRecord> StateDb::State::load_chunks(std::int64_t key, std::uint64_t file) {
  std::vector<ChunkRecord> chunks;
  Query row =
      query("SELECT segment, known, hashes FROM chunks WHERE transfer = ? AND file = ? ORDER BY segment");
  row->bind(1, key);
  row->bind(2, to_signed(file));
  while (row->executeStep()) {
    const std::uint64_t first = unsigned_of(row->getColumn(0)) * kSegmentChunks;
    ChunkSegment{blob_of(row->getColumn(1)), blob_of(row->getColumn(2))}.append_to(chunks, first);
  }
  return chunks;
}

FileRecord StateDb::State::read_file(SQLite::Statement& row, std::int64_t key) {
  FileRecord record;
  record.file.index = unsigned_of(row.getColumn(0));
  record.file.path = text_of(row.getColumn(1));
  record.file.size = unsigned_of(row.getColumn(2));
  record.file.modified_ns = row.getColumn(3).getInt64();
  record.file.mode = row.getColumn(4).getUInt();
  record.file.state = static_cast<FileState>(row.getColumn(5).getInt());
  record.file.temp_path = text_of(row.getColumn(6));
  record.file.final_path = text_of(row.getColumn(7));
  record.file.chunks = load_chunks(key, record.file.index);
  record.is_same_boot = boot != BootId{} && equal_bytes(blob_of(row.getColumn(8)), boot);
  return record;
}

StoreResult<std::vector<FileRecord>> StateDb::files(const TransferId& id, std::uint64_t first_index,
                                                    std::size_t max) {
  return with_database_errors(state_->path, [&]() -> StoreResult<std::vector<FileRecord>> {
    // One snapshot for files and chunks.
    const SQLite::Transaction snapshot{state_->database};
    const auto key = state_->key_of(id);
    if (!key) return std::unexpected(state_->not_found());
    std::vector<FileRecord> records;
    Query row = state_->query(
        "SELECT file, path, size, modified_ns, mode, state, temp_path, final_path, boot FROM files "
        "WHERE transfer = ? AND file >= ? ORDER BY file LIMIT ?");
    row->bind(1, *key);
    row->bind(2, to_signed(first_index));
    row->bind(3, to_signed(max));
    while (row->executeStep()) records.push_back(state_->read_file(*row, *key));
    return records;
  });
}

// ---- opening ----

StateDb::StateDb(std::unique_ptr<State> state) : state_(std::move(state)) {}
StateDb::StateDb(StateDb&&) noexcept = default;
StateDb& StateDb::operator=(StateDb&&) noexcept = default;
StateDb::~StateDb() = default;

StoreResult<StateDb::Opened> StateDb::open(const std::string& directory, const StateConfig& config) {
  auto opened = open_state_file(directory, static_cast<int>(config.busy_timeout.count()));
  if (!opened) return std::unexpected(std::move(opened.error()));
  return Opened{.db = StateDb{std::make_unique<State>(std::move(opened->database), opened->path, config)},
                .set_aside = std::move(opened->set_aside)};
}

StoreResult<StateDb> StateDb::open_in_memory() {
  auto database = open_database(":memory:", 0);
  if (!database) return std::unexpected(std::move(database.error()));
  return StateDb{std::make_unique<State>(std::move(*database), ":memory:", StateConfig{})};
}

void StateDb::pretend_boot(const BootId& boot) { state_->boot = boot; }

}  // namespace jetway::store
