#pragma once

#include <string>

#include <SQLiteCpp/Database.h>

#include "jetway/store/error.h"

namespace jetway::store {

struct StateFile {
  SQLite::Database database;
  std::string path;
  std::string set_aside;  // where a damaged one was moved to
};

// Opens `directory`/state.db and makes what is missing; the errors and the damaged database are as
// StateDb::open says. Only one process at a time is in here.
StoreResult<StateFile> open_state_file(const std::string& directory, int busy_timeout_ms);

}  // namespace jetway::store
