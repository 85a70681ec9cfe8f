#pragma once

#include <expected>
#include <filesystem>
#include <stop_token>
#include <vector>

#include "jetway/base/random.h"
#include "jetway/io/connection.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/task.h"
#include "jetway/node/transfer_types.h"
#include "jetway/store/path.h"

namespace jetway::node {

using store::OutsideLinks;

struct SendRequest {
  // Files and folders to send; each arrives under its last path component.
  std::vector<std::filesystem::path> paths;
  OutsideLinks outside_links = OutsideLinks::Warn;
  TransferTuning tuning;
  // Ends the transfer in an orderly way: the receiver keeps what it has verified, the result is Cancelled.
  // May be requested on any thread.
  std::stop_token stop;
};

// Sends over an established connection, which stays open for the caller to use or close. Returns when the
// receiver has confirmed the root, or with the reason why not (ConnectionLost, and everything that
// is_resumable(): the same request over a new connection continues). `random` (the system's) gives the
// transfer id. Everything passed by reference outlives the task.
io::Task<std::expected<TransferSummary, TransferFailure>> run_send(io::EventLoop& loop,
                                                                   io::Connection connection,
                                                                   SendRequest request, RandomSource& random,
                                                                   TransferObserver& observer);

}  // namespace jetway::node
