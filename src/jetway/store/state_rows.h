#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>

#include "jetway/base/bytes.h"
#include "jetway/base/time.h"
#include "jetway/store/state_db.h"

namespace jetway::store {

// Our values as parameters and columns of SQL. What is bound has to live until the statement has run.

inline std::int64_t milliseconds(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime wall_time(std::int64_t milliseconds) { return WallTime{WallTime::duration{milliseconds}}; }

// SQLite's integers are signed; sizes and counts above that do not occur.
inline std::int64_t to_signed(std::uint64_t value) { return static_cast<std::int64_t>(value); }

inline void bind_blob(SQLite::Statement& statement, int index, ByteView bytes) {
  // Null, which an empty view may have, would be NULL to SQLite.
  statement.bindNoCopy(index, bytes.empty() ? "" : static_cast<const void*>(bytes.data()),
                       static_cast<int>(bytes.size()));
}
inline void bind_blob(SQLite::Statement& statement, int index, std::string_view text) {
  bind_blob(statement, index, as_bytes(text));
}

inline ByteView blob_of(const SQLite::Column& column) {
  return {static_cast<const std::byte*>(column.getBlob()), static_cast<std::size_t>(column.getBytes())};
}
inline std::string text_of(const SQLite::Column& column) { return std::string{as_text(blob_of(column))}; }
inline std::uint64_t unsigned_of(const SQLite::Column& column) {
  return static_cast<std::uint64_t>(column.getInt64());
}

// What is missing stays as it is.
template <std::size_t kSize>
void copy_to(std::array<std::byte, kSize>& out, ByteView bytes) {
  std::ranges::copy(bytes.first(std::min(bytes.size(), kSize)), out.begin());
}

// A prepared statement in use. Reset when it goes, because one that is left half read keeps its snapshot of
// the database, and with it the whole log, alive.
class Query {
 public:
  explicit Query(SQLite::Statement& statement) : statement_(statement) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() {
    statement_.tryReset();
    // What was bound may be gone by the next use.
    statement_.clearBindings();
  }

  SQLite::Statement* operator->() { return &statement_; }
  SQLite::Statement& operator*() { return statement_; }

 private:
  SQLite::Statement& statement_;
};

// What read_transfer() expects.
#define JETWAY_TRANSFER_COLUMNS                                                                        \
  "id, direction, peer, job, directory, state, finished, created_ms, updated_ms, files, bytes_total, " \
  "bytes_done, root, error"

// Parameters 6, 7 and 9 to 14 of what writes a transfer, numbered as in JETWAY_TRANSFER_COLUMNS: what may
// change.
void bind_changes(SQLite::Statement& statement, const TransferRecord& transfer);
TransferRecord read_transfer(SQLite::Statement& row);

}  // namespace jetway::store
