#include "jetway/store/state_schema.h"

#include <array>
#include <utility>

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <sqlite3.h>

namespace jetway::store {
namespace {

// "JTWY", so that file(1) and a wrong file tell themselves.
constexpr int kApplicationId = 0x4a545759;

// The script at [n] leads from version n to n + 1. They are never edited once released, only added to.
constexpr std::array kMigrations = {R"sql(
  CREATE TABLE transfers (
    key         INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    direction   INTEGER NOT NULL,
    peer        BLOB    NOT NULL,
    job         BLOB    NOT NULL,
    directory   BLOB    NOT NULL,
    state       INTEGER NOT NULL,
    finished    INTEGER NOT NULL,
    created_ms  INTEGER NOT NULL,
    updated_ms  INTEGER NOT NULL,
    files       INTEGER NOT NULL,
    bytes_total INTEGER NOT NULL,
    bytes_done  INTEGER NOT NULL,
    root        BLOB,
    error       BLOB    NOT NULL
  );
  CREATE INDEX transfers_by_job ON transfers (job, peer) WHERE finished = 0;
  CREATE INDEX transfers_by_age ON transfers (finished, updated_ms);
  CREATE TABLE files (
    transfer    INTEGER NOT NULL REFERENCES transfers (key) ON DELETE CASCADE,
    file        INTEGER NOT NULL,
    path        BLOB    NOT NULL,
    size        INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    mode        INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    temp_path   BLOB    NOT NULL,
    final_path  BLOB    NOT NULL,
    boot        BLOB    NOT NULL,
    PRIMARY KEY (transfer, file)
  ) WITHOUT ROWID;
  CREATE TABLE chunks (
    transfer    INTEGER NOT NULL,
    file        INTEGER NOT NULL,
    segment     INTEGER NOT NULL,
    known       BLOB    NOT NULL,
    hashes      BLOB    NOT NULL,
    UNIQUE (transfer, file, segment),
    FOREIGN KEY (transfer, file) REFERENCES files (transfer, file) ON DELETE CASCADE
  );
)sql"};

constexpr int kVersion = kMigrations.size();

StoreErrc code_of_sqlite(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return StoreErrc::Busy;
    case SQLITE_FULL:
      return StoreErrc::NoSpace;
    case SQLITE_READONLY:
      return StoreErrc::ReadOnly;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return StoreErrc::Corrupt;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return StoreErrc::PermissionDenied;
    default:
      return StoreErrc::Io;
  }
}

void configure(SQLite::Database& database) {
  // WAL: readers and one writer do not wait for each other, a commit is one append.
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA foreign_keys = ON");
  // The log is cut back to this after a checkpoint.
  database.exec("PRAGMA journal_size_limit = 16777216");
}

StoreResult<void> check_whole(SQLite::Database& database, const std::string& path) {
  SQLite::Statement check{database, "PRAGMA quick_check(1)"};
  if (check.executeStep() && check.getColumn(0).getString() == "ok") return {};
  return std::unexpected(StoreError{.code = StoreErrc::Corrupt, .path = path});
}

StoreResult<void> migrate(SQLite::Database& database, const std::string& path) {
  SQLite::Transaction transaction{database, SQLite::TransactionBehavior::IMMEDIATE};
  const int version = database.execAndGet("PRAGMA user_version").getInt();
  if (version > kVersion) {
    return std::unexpected(StoreError{.code = StoreErrc::TooNew,
                                      .path = path,
                                      .reason = "the state database was written by a newer version"});
  }
  if (version == kVersion) return {};
  if (version < 0) return std::unexpected(StoreError{.code = StoreErrc::Corrupt, .path = path});
  for (auto from = static_cast<std::size_t>(version); from < kMigrations.size(); ++from) {
    database.exec(kMigrations[from]);
  }
  database.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
  database.exec("PRAGMA user_version = " + std::to_string(kVersion));
  transaction.commit();
  return {};
}

}  // namespace

StoreError database_error(const SQLite::Exception& exception, const std::string& path) {
  return {.code = code_of_sqlite(exception.getErrorCode()),
          .path = path,
          .reason = "the state database cannot be used"};
}

StoreResult<SQLite::Database> open_database(const std::string& path, int busy_timeout_ms) {
  return with_database_errors(path, [&]() -> StoreResult<SQLite::Database> {
    SQLite::Database database{path, SQLite::OPEN_READWRITE | SQLite::OPEN_NOFOLLOW, busy_timeout_ms};
    configure(database);
    if (auto whole = check_whole(database, path); !whole) return std::unexpected(std::move(whole.error()));
    if (auto done = migrate(database, path); !done) return std::unexpected(std::move(done.error()));
    return database;
  });
}

}  // namespace jetway::store
