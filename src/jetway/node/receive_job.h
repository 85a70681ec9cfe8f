#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>

#include "jetway/io/connection.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/task.h"
#include "jetway/node/transfer_types.h"

namespace jetway::store {
class StateDb;
}

namespace jetway::node {

// What happens when another file of the same name is in the target folder. An identical one is left in place
// in any case.
enum class OnCollision : std::uint8_t { Rename, Overwrite, Skip };

// What is made durable before the sender hears that it has arrived. Auto: a large file before its rename,
// small ones together at the end; Always: every file before its rename; Never: the system decides.
enum class FsyncPolicy : std::uint8_t { Auto, Always, Never };

struct ReceiveOptions {
  std::filesystem::path target;  // an existing folder; nothing is ever written outside of it
  OnCollision on_collision = OnCollision::Rename;
  FsyncPolicy fsync = FsyncPolicy::Auto;
  // Whether a sender may make links that point out of `target`. Nothing is written through a link in any
  // case.
  bool allow_outside_links = false;

  // Limits of one transfer, content and entries (files, folders, links).
  std::uint64_t max_bytes = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t max_files = 10'000'000;

  // Asked before a transfer is accepted; without it everything is.
  std::function<io::Task<bool>(const OfferSummary&)> confirm;

  // Where processes that receive the same job exclude each other: the directory of the state database. Empty:
  // only the connections of this Receiver do.
  std::filesystem::path state_directory;

  TransferTuning tuning;
  // Ends all transfers in an orderly way; what is verified stays and is found by the next attempt.
  std::stop_token stop;
};

// What became of the transfers of one connection.
struct ServeResult {
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::optional<TransferFailure> first_failure;
};

// Everything that the connections of a receiver share: options, chunk buffers, the jobs that run (so that a
// second run of the same send waits for the first). Outlives every serve(); used on its loop only.
class Receiver {
 public:
  // `state` remembers unfinished files; nothing else uses it meanwhile.
  Receiver(io::EventLoop& loop, store::StateDb& state, ReceiveOptions options);
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver();

  // Serves the transfers of one admitted connection until it is over (or, after a stop, until it is closed
  // down). `observer` outlives the task.
  io::Task<ServeResult> serve(io::Connection connection, TransferObserver& observer);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jetway::node
