#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace jetway::store {

// While it lives, file permissions count for this thread also when it belongs to root.
class OrdinaryUser {
 public:
  OrdinaryUser() {
    ::syscall(SYS_capget, &header_, before_);
    __user_cap_data_struct reduced[2] = {before_[0], before_[1]};
    reduced[0].effective &= ~((1u << CAP_DAC_OVERRIDE) | (1u << CAP_DAC_READ_SEARCH));
    ::syscall(SYS_capset, &header_, reduced);
  }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;
  ~OrdinaryUser() { ::syscall(SYS_capset, &header_, before_); }

 private:
  __user_cap_header_struct header_{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct before_[2]{};
};

// A small file system in memory at `path`, seen by this process only. Needs root: see problem().
class SmallDisk {
 public:
  explicit SmallDisk(std::string path, const char* options = "size=1m", unsigned long flags = 0)
      : path_(std::move(path)) {
    const bool is_done = ::unshare(CLONE_NEWNS) == 0 &&
                         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                         ::mount("none", path_.c_str(), "tmpfs", flags, options) == 0;
    if (!is_done) problem_ = std::string{"cannot mount a small file system here: "} + std::strerror(errno);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (problem_.empty()) ::umount2(path_.c_str(), MNT_DETACH);
  }

  // Why there is none; a reason to skip the test.
  const std::string& problem() const { return problem_; }

 private:
  std::string path_;
  std::string problem_;
};

}  // namespace jetway::store
