#pragma once

#include <string>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>

#include "jetway/store/error.h"

namespace jetway::store {

// Opening the state database: creation, migration and the check for damage. Schema: docs/state.md.

// What SQLite's exception means.
StoreError database_error(const SQLite::Exception& exception, const std::string& path);

// Runs `work` and turns SQLite's exceptions into errors.
template <class Work>
auto with_database_errors(const std::string& path, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const SQLite::Exception& exception) {
    return std::unexpected(database_error(exception, path));
  }
}

// Opens an existing (perhaps empty) database file or ":memory:", brings its schema up to date and checks that
// it is whole. Corrupt, TooNew, Busy and what the file system says.
StoreResult<SQLite::Database> open_database(const std::string& path, int busy_timeout_ms);

}  // namespace jetway::store
