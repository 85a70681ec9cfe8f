#include "jetway/node/private_file.h"

#include <cerrno>
#include <cstring>
#include <format>
#include <memory>
#include <span>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jetway/base/text.h"
#include "jetway/node/paths.h"
#include "jetway/node/shell.h"

namespace jetway::node {

namespace {

std::unexpected<NodeError> io_error(std::string_view what, const std::filesystem::path& path) {
  const int error = errno;
  return std::unexpected(NodeError{
      NodeErrc::Io, std::format("cannot {} {}: {}", what, escape_text(path.native()), std::strerror(error))});
}

class OpenFile {
 public:
  explicit OpenFile(int fd) : fd_(fd) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Up to `out`.size() bytes; fewer at the end of the file.
NodeResult<std::size_t> read_up_to(const OpenFile& file, MutableBytes out,
                                   const std::filesystem::path& path) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t count = ::read(file.fd(), out.data() + done, out.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error("read", path);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

NodeResult<void> write_all(int fd, std::string_view content, const std::filesystem::path& path) {
  while (!content.empty()) {
    const ssize_t count = ::write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error("write", path);
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(fd) != 0) return io_error("write", path);
  return {};
}

NodeResult<void> sync_directory_of(const std::filesystem::path& path) {
  const OpenFile directory{::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory.is_open() || ::fsync(directory.fd()) != 0) return io_error("write", path.parent_path());
  return {};
}

// A durable temporary file beside `path` with that content; the caller renames or removes it.
NodeResult<std::string> write_temporary(const std::filesystem::path& path, std::string_view content) {
  if (auto made = make_private_directory(path.parent_path()); !made) return std::unexpected(made.error());
  std::string name = path.native() + ".XXXXXX";
  const OpenFile file{::mkostemp(name.data(), O_CLOEXEC)};  // mode 0600
  if (!file.is_open()) return io_error("write", path);
  if (auto written = write_all(file.fd(), content, path); !written) {
    ::unlink(name.c_str());
    return std::unexpected(std::move(written.error()));
  }
  return name;
}

// An open regular file and its size; not open when there is none.
struct Opened {
  std::unique_ptr<OpenFile> file;
  struct stat status{};
};

NodeResult<Opened> open_for_reading(const std::filesystem::path& path) {
  Opened opened;
  opened.file = std::make_unique<OpenFile>(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!opened.file->is_open()) {
    if (errno == ENOENT) return opened;
    return io_error("read", path);
  }
  if (::fstat(opened.file->fd(), &opened.status) != 0) return io_error("read", path);
  const std::string name = escape_text(path.native());
  if (!S_ISREG(opened.status.st_mode)) {
    return std::unexpected(NodeError{NodeErrc::BadFile, std::format("{} is not a regular file", name)});
  }
  if (static_cast<std::uint64_t>(opened.status.st_size) > kPrivateFileMaxBytes) {
    return std::unexpected(NodeError{NodeErrc::BadFile, std::format("{} is larger than 16 MiB", name)});
  }
  return opened;
}

NodeResult<void> check_only_ours(const struct stat& status, const std::filesystem::path& path) {
  const std::string name = escape_text(path.native());
  if (status.st_uid != ::geteuid()) {
    return std::unexpected(NodeError{NodeErrc::OpenToOthers, std::format("{} belongs to another user", name),
                                     "a secret key has to be a file of your own"});
  }
  if ((status.st_mode & 077) != 0) {
    return std::unexpected(
        NodeError{NodeErrc::OpenToOthers,
                  std::format("{} is open to other users (mode {:04o})", name, status.st_mode & 07777U),
                  std::format("run: chmod 600 {}", shell_quoted(path.native()))});
  }
  return {};
}

}  // namespace

NodeResult<std::optional<std::string>> read_private_file(const std::filesystem::path& path) {
  const auto opened = open_for_reading(path);
  if (!opened) return std::unexpected(opened.error());
  if (!opened->file->is_open()) return std::nullopt;
  std::string content(static_cast<std::size_t>(opened->status.st_size), '\0');
  const auto count = read_up_to(*opened->file, std::as_writable_bytes(std::span{content}), path);
  if (!count) return std::unexpected(count.error());
  content.resize(*count);
  return content;
}

NodeResult<std::optional<crypto::SecretBytes>> read_secret_file(const std::filesystem::path& path) {
  const auto opened = open_for_reading(path);
  if (!opened) return std::unexpected(opened.error());
  if (!opened->file->is_open()) return std::nullopt;
  if (auto checked = check_only_ours(opened->status, path); !checked) return std::unexpected(checked.error());
  crypto::SecretBytes content{static_cast<std::size_t>(opened->status.st_size)};
  const auto count = read_up_to(*opened->file, content.bytes(), path);
  if (!count) return std::unexpected(count.error());
  return content;
}

NodeResult<void> replace_private_file(const std::filesystem::path& path, std::string_view content) {
  const auto temporary = write_temporary(path, content);
  if (!temporary) return std::unexpected(temporary.error());
  if (::rename(temporary->c_str(), path.c_str()) != 0) {
    auto failure = io_error("write", path);
    ::unlink(temporary->c_str());
    return failure;
  }
  return sync_directory_of(path);
}

NodeResult<bool> create_private_file(const std::filesystem::path& path, std::string_view content) {
  const auto temporary = write_temporary(path, content);
  if (!temporary) return std::unexpected(temporary.error());
  const bool is_made = ::link(temporary->c_str(), path.c_str()) == 0;  // unlike rename(), never replaces
  const int error = errno;
  ::unlink(temporary->c_str());
  if (!is_made && error == EEXIST) return false;
  errno = error;
  if (!is_made) return io_error("write", path);
  if (auto synced = sync_directory_of(path); !synced) return std::unexpected(std::move(synced.error()));
  return true;
}

NodeResult<PrivateFileLock> PrivateFileLock::acquire(const std::filesystem::path& path) {
  if (auto made = make_private_directory(path.parent_path()); !made) return std::unexpected(made.error());
  const std::filesystem::path name = path.native() + ".lock";
  const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return io_error("open", name);
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    auto failure = io_error("lock", name);
    ::close(fd);
    return failure;
  }
  return PrivateFileLock{fd};
}

PrivateFileLock::PrivateFileLock(PrivateFileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

PrivateFileLock::~PrivateFileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace jetway::node
