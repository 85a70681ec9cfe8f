#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "jetway/crypto/secret.h"
#include "jetway/node/error.h"

namespace jetway::node {

// Whole small files of ours, never seen half written: a temporary file with mode 0600 beside the final one,
// made durable, then renamed.

inline constexpr std::size_t kPrivateFileMaxBytes = 16 << 20;

// nullopt when there is none. Fails with BadFile when it is larger than kPrivateFileMaxBytes.
NodeResult<std::optional<std::string>> read_private_file(const std::filesystem::path& path);

// The same for secrets, into memory that is wiped: OpenToOthers when group or others have any permission on
// the file, or when it belongs to another user.
NodeResult<std::optional<crypto::SecretBytes>> read_secret_file(const std::filesystem::path& path);

// Its folder is made if need be. Replaces what is there.
NodeResult<void> replace_private_file(const std::filesystem::path& path, std::string_view content);

// False, and nothing is changed, when a file of that name is there already.
NodeResult<bool> create_private_file(const std::filesystem::path& path, std::string_view content);

// Holds the lock of a file as long as it lives (flock on `path`.lock): for read, change and replace.
class PrivateFileLock {
 public:
  // Waits for whoever has it. The folder is made if need be.
  static NodeResult<PrivateFileLock> acquire(const std::filesystem::path& path);

  PrivateFileLock(PrivateFileLock&& other) noexcept;
  PrivateFileLock(const PrivateFileLock&) = delete;
  PrivateFileLock& operator=(const PrivateFileLock&) = delete;
  PrivateFileLock& operator=(PrivateFileLock&&) = delete;
  ~PrivateFileLock();

 private:
  explicit PrivateFileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace jetway::node
