#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "jetway/base/bytes.h"
#include "jetway/store/error.h"

namespace jetway::store {

// A file descriptor with one owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }

  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
};

// What a name in a tree is. Devices, sockets and pipes are Other: never sent, never replaced.
enum class EntryType : std::uint8_t { File, Directory, Symlink, Other };

// The identity of a file's content as far as the file system tells it: when one of them differs, the content
// may.
struct FileVersion {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;  // since 1970
  std::int64_t changed_ns = 0;   // ctime: cannot be set back

  bool operator==(const FileVersion&) const = default;
};

// What becomes of the page cache's copy of what is written.
//   Keep  it stays, for whoever reads the file next.
//   Drop  it goes as soon as it is on the device, to which it is written at once: a file larger than a part
//   of
//         memory neither pushes other things out nor takes new pages all the time, which is what writing a
//         file costs most (RWF_DONTCACHE, Linux 6.14; elsewhere as Keep).
enum class Caching : std::uint8_t { Keep, Drop };

// An open regular file. Reads and writes are complete or fail; several threads may use one at once as long as
// they touch different ranges.
class File {
 public:
  File(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  // Fills `out`; fewer bytes only at the end of the file.
  StoreResult<std::size_t> read_at(std::uint64_t offset, MutableBytes out) const;
  StoreResult<void> write_at(std::uint64_t offset, ByteView bytes, Caching caching = Caching::Keep) const;
  StoreResult<FileVersion> version() const;
  // Content and size are on the device when it returns (fdatasync).
  StoreResult<void> sync() const;
  // A further descriptor of the same open file, which keeps what is locked through it locked.
  StoreResult<File> duplicate() const;
  // Tells the kernel that it will be read from front to back.
  void expect_sequential_reads() const;

  int fd() const { return descriptor_.fd(); }
  // As it appears in errors.
  const std::string& path() const { return path_; }

 private:
  Descriptor descriptor_;
  std::string path_;
};

}  // namespace jetway::store
