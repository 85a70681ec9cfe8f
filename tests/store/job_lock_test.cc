#include "jetway/store/job_lock.h"

#include <optional>

#include <gtest/gtest.h>

#include "tests/store/child.h"
#include "tests/store/temp_dir.h"

namespace jetway::store {
namespace {

constexpr JobKey kKey{std::byte{1}};
constexpr JobKey kOther{std::byte{2}};

TEST(JobLockTest, AJobIsClaimedOnceUntilItIsReleased) {
  const TempDir dir;
  auto first = JobLock::claim(dir.path(), kKey);
  ASSERT_STORED(first);
  EXPECT_EQ(code_of(JobLock::claim(dir.path(), kKey)), StoreErrc::Busy);
  EXPECT_STORED(JobLock::claim(dir.path(), kOther));
  {
    const JobLock ends = std::move(*first);
  }
  EXPECT_STORED(JobLock::claim(dir.path(), kKey));
}

TEST(JobLockTest, NothingIsLeftOnDisk) {
  const TempDir dir;
  {
    ASSERT_STORED(JobLock::claim(dir.path(), kKey));
  }
  EXPECT_TRUE(dir.names("locks").empty());
}

TEST(JobLockTest, AMovedLockStaysHeldAndAnAssignedOneLetsGo) {
  const TempDir dir;
  auto first = JobLock::claim(dir.path(), kKey);
  auto second = JobLock::claim(dir.path(), kOther);
  ASSERT_STORED(first);
  ASSERT_STORED(second);
  {
    JobLock moved = std::move(*first);
    moved = std::move(*second);
    EXPECT_EQ(code_of(JobLock::claim(dir.path(), kOther)), StoreErrc::Busy);
  }
  EXPECT_STORED(JobLock::claim(dir.path(), kOther));
}

TEST(JobLockTest, AKilledProcessHoldsNothing) {
  const TempDir dir;
  Pipe is_claimed;
  Child holder{[&] {
    const auto lock = JobLock::claim(dir.path(), kKey);
    is_claimed.signal();
    ::pause();
    return lock.has_value();
  }};
  ASSERT_TRUE(is_claimed.wait());
  EXPECT_EQ(code_of(JobLock::claim(dir.path(), kKey)), StoreErrc::Busy);
  holder.kill();
  EXPECT_STORED(JobLock::claim(dir.path(), kKey));
}

// Goal: no two processes ever hold a job together, although each removes the lock file when it lets go.
// Method: each holder creates a file that must not be there and removes it again.
TEST(JobLockTest, ManyProcessesTakeTurns) {
  const TempDir dir;
  const auto take_turns = [&] {
    for (int turns = 0; turns < 200;) {
      const auto lock = JobLock::claim(dir.path(), kKey);
      if (!lock) continue;
      if (::mkdir((dir / "held").c_str(), 0700) != 0) return false;
      if (::rmdir((dir / "held").c_str()) != 0) return false;
      ++turns;
    }
    return true;
  };
  Child first{take_turns};
  Child second{take_turns};
  EXPECT_TRUE(take_turns());
  EXPECT_TRUE(first.join());
  EXPECT_TRUE(second.join());
}

TEST(JobLockTest, ADirectoryThatCannotBeMadeIsAnError) {
  const TempDir dir;
  dir.write("file", "");
  EXPECT_EQ(code_of(JobLock::claim(dir / "file", kKey)), StoreErrc::NotADirectory);
}

}  // namespace
}  // namespace jetway::store
