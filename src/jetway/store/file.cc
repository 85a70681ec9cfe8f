#include "jetway/store/file.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "jetway/store/stat.h"

namespace jetway::store {

namespace {

#ifdef RWF_DONTCACHE
constexpr int kDropFromCache = RWF_DONTCACHE;
#else
constexpr int kDropFromCache = 0x80;  // linux/fs.h; headers before 6.14 do not have it
#endif

// pwrite(), with the page cache's copy dropped where the kernel and the file system can. (Asking again for
// each chunk where they cannot costs nothing to speak of, and file systems differ.)
ssize_t write_uncached(int fd, ByteView bytes, off_t offset) {
  const iovec piece{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  const ssize_t put = ::pwritev2(fd, &piece, 1, offset, kDropFromCache);
  if (put >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS)) return put;
  return ::pwrite(fd, bytes.data(), bytes.size(), offset);
}

}  // namespace

void Descriptor::close() {
  // What close() could still report (NFS, quotas) is asked for by sync() where it matters.
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

StoreResult<std::size_t> File::read_at(std::uint64_t offset, MutableBytes out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto got = ::pread(fd(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(system_error(errno, path_, "cannot read"));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

StoreResult<void> File::write_at(std::uint64_t offset, ByteView bytes, Caching caching) const {
  while (!bytes.empty()) {
    const auto at = static_cast<off_t>(offset);
    const ssize_t put = caching == Caching::Drop ? write_uncached(fd(), bytes, at)
                                                 : ::pwrite(fd(), bytes.data(), bytes.size(), at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return std::unexpected(system_error(errno, path_, "cannot write"));
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

StoreResult<FileVersion> File::version() const {
  struct stat status{};
  if (::fstat(fd(), &status) != 0) return std::unexpected(system_error(errno, path_, "cannot examine"));
  return version_of(status);
}

StoreResult<void> File::sync() const {
  if (::fdatasync(fd()) != 0)
    return std::unexpected(system_error(errno, path_, "cannot write to the device"));
  return {};
}

StoreResult<File> File::duplicate() const {
  Descriptor copy{::fcntl(fd(), F_DUPFD_CLOEXEC, 0)};
  if (!copy.is_open()) return std::unexpected(system_error(errno, path_, "cannot open again"));
  return File{std::move(copy), path_};
}

void File::expect_sequential_reads() const {
  // Only advice; what it returns changes nothing.
  static_cast<void>(::posix_fadvise(fd(), 0, 0, POSIX_FADV_SEQUENTIAL));
}

}  // namespace jetway::store
