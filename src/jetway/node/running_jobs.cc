#include "jetway/node/running_jobs.h"

#include <utility>

namespace jetway::node {

bool RunningJobs::try_claim(const store::JobKey& job, IncomingTransfer& holder) {
  if (claims_.contains(job)) return false;
  std::optional<store::JobLock> lock;
  if (!state_directory_.empty()) {
    auto claimed = store::JobLock::claim(state_directory_, job);
    if (!claimed && claimed.error().code == store::StoreErrc::Busy) return false;
    // Where locks do not work at all, this process is still kept from itself.
    if (claimed) lock.emplace(std::move(*claimed));
  }
  claims_.emplace(job, Claim{&holder, std::move(lock)});
  return true;
}

void RunningJobs::release(const store::JobKey& job) { claims_.erase(job); }

IncomingTransfer* RunningJobs::holder(const store::JobKey& job) const {
  const auto claim = claims_.find(job);
  return claim == claims_.end() ? nullptr : claim->second.holder;
}

}  // namespace jetway::node
