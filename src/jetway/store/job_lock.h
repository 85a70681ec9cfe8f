#pragma once

#include <array>
#include <string>

#include "jetway/base/bytes.h"
#include "jetway/store/error.h"
#include "jetway/store/file.h"

namespace jetway::store {

// Names "the same send": a hash over peer, source and target that the transfer engine makes.
using JobKey = std::array<std::byte, 32>;

// The claim of one process on a job. Advisory (flock), so it ends with the process however that ends.
class JobLock {
 public:
  // Busy at once when another holder (of this or another process) has it: wait and try again. `directory` is
  // the state directory; the lock is a file in `directory`/locks.
  static StoreResult<JobLock> claim(const std::string& directory, const JobKey& key);

  JobLock(JobLock&&) noexcept = default;
  JobLock& operator=(JobLock&&) noexcept;
  JobLock(const JobLock&) = delete;
  JobLock& operator=(const JobLock&) = delete;
  ~JobLock();

 private:
  JobLock(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Descriptor descriptor_;
  std::string path_;
};

}  // namespace jetway::store
