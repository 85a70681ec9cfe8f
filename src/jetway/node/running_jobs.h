#pragma once

#include <map>
#include <optional>
#include <string>

#include "jetway/io/event_loop.h"
#include "jetway/io/task.h"
#include "jetway/store/job_lock.h"

namespace jetway::node {

class IncomingTransfer;

// The jobs that a receiver serves now, so that two runs of the same send do not write the same files: the
// second waits. Other processes are kept out by locks in the state directory, if there is one.
class RunningJobs {
 public:
  explicit RunningJobs(std::string state_directory) : state_directory_(std::move(state_directory)) {}

  // Whether `holder` now has the job (until release()).
  bool try_claim(const store::JobKey& job, IncomingTransfer& holder);
  void release(const store::JobKey& job);
  // Who has it, in this process.
  IncomingTransfer* holder(const store::JobKey& job) const;

 private:
  struct Claim {
    IncomingTransfer* holder;
    std::optional<store::JobLock> lock;
  };

  std::string state_directory_;
  std::map<store::JobKey, Claim> claims_;
};

}  // namespace jetway::node
