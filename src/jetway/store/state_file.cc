#include "jetway/store/state_file.h"

#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "jetway/store/file.h"
#include "jetway/store/private_directory.h"
#include "jetway/store/state_schema.h"

namespace jetway::store {
namespace {

constexpr int kOpenFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;

// Held while the database is opened, so that two processes that find it damaged do not both set it aside.
StoreResult<Descriptor> lock_opening(const std::string& directory) {
  const std::string path = directory + "/state.lock";
  Descriptor lock{::open(path.c_str(), kOpenFlags, 0600)};
  if (!lock.is_open()) return std::unexpected(system_error(errno, path, "cannot open the state directory"));
  while (::flock(lock.fd(), LOCK_EX) != 0) {
    if (errno != EINTR) return std::unexpected(system_error(errno, path, "cannot lock the state directory"));
  }
  return lock;
}

// SQLite gives its log and index the mode of the database, which it would create for everybody to read.
// Where there is one already it is not even opened: closing it again would take away the locks that another
// connection of this process has on it, and with them what the others know of its log.
StoreResult<void> create(const std::string& path) {
  const Descriptor file{::open(path.c_str(), kOpenFlags | O_EXCL, 0600)};
  if (file.is_open() || errno == EEXIST) return {};
  return std::unexpected(system_error(errno, path, "cannot open the state database"));
}

StoreResult<SQLite::Database> create_and_open(const std::string& path, int busy_timeout_ms) {
  if (auto created = create(path); !created) return std::unexpected(std::move(created.error()));
  return open_database(path, busy_timeout_ms);
}

std::string timestamp() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc);
  return {text.data(), size};
}

// Moves the database and what belongs to it out of the way; returns where to.
StoreResult<std::string> set_aside(const std::string& path) {
  const std::string base = path + ".corrupt-" + timestamp();
  std::string aside = base;
  for (int number = 2; ::access(aside.c_str(), F_OK) == 0; ++number)
    aside = base + '-' + std::to_string(number);
  if (::rename(path.c_str(), aside.c_str()) != 0) {
    return std::unexpected(system_error(errno, path, "cannot set the damaged state database aside"));
  }
  for (const char* const suffix : {"-wal", "-shm"}) {
    // Often not there.
    static_cast<void>(::rename((path + suffix).c_str(), (aside + suffix).c_str()));
  }
  return aside;
}

}  // namespace

StoreResult<StateFile> open_state_file(const std::string& directory, int busy_timeout_ms) {
  if (auto made = make_private_directory(directory); !made) return std::unexpected(std::move(made.error()));
  auto lock = lock_opening(directory);
  if (!lock) return std::unexpected(std::move(lock.error()));
  const std::string path = directory + "/state.db";
  std::string moved_to;
  auto database = create_and_open(path, busy_timeout_ms);
  if (!database && database.error().code == StoreErrc::Corrupt) {
    auto moved = set_aside(path);
    if (!moved) return std::unexpected(std::move(moved.error()));
    moved_to = std::move(*moved);
    database = create_and_open(path, busy_timeout_ms);
  }
  if (!database) return std::unexpected(std::move(database.error()));
  return StateFile{.database = std::move(*database), .path = path, .set_aside = std::move(moved_to)};
}

}  // namespace jetway::store
