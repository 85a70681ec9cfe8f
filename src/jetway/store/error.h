#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "jetway/base/error.h"

namespace jetway::store {

// What went wrong with the disk, and what the caller does next.
enum class StoreErrc : std::uint8_t {
  NotFound,  // a path or a record is not there: report it; in a source tree, go on with the next entry
  PermissionDenied,  // report it; in a source tree, go on with the next entry
  NoSpace,           // disk or quota full: stop, keep what is verified, resume when there is room
  ReadOnly,          // the file system is mounted read-only: stop
  Io,                // the device or anything else failed; system_errno says what: stop, worth a later try
  SourceChanged,     // a source file is not what was scanned: leave it out, report it, a new run sends it
  UnsafePath,     // a path or link that is malformed or leaves the folder: refuse the entry (a peer's fault)
  Exists,         // something else has that name: rename, overwrite or skip as the user said
  DuplicateName,  // two things named by the user get the same name (path and other_path): refuse both
  NotADirectory,  // a part of the path is a file or a link: refuse the entry
  IsADirectory,   // a file was wanted: refuse the entry
  NameTooLong,    // the file system takes no such long name: refuse the entry
  TooManyFiles,   // out of file descriptors: close some, or raise the limit; then try again
  Unsupported,    // a device, socket or pipe, or a file system that cannot do it: leave the entry out
  OutsideLink,    // a link to outside of what is sent: leave the entry out, report it
  Corrupt,        // the state database is damaged: it is set aside when it is opened the next time
  Busy,           // another process holds the database or the job: wait and try again
  TooNew,         // the state database was written by a newer version: stop, upgrade
};

struct StoreError {
  StoreErrc code;
  int system_errno = 0;          // 0: none
  std::string path = {};         // raw bytes as the file system has them; empty: none
  std::string_view reason = {};  // static text
  std::string other_path = {};   // DuplicateName

  bool operator==(const StoreError& other) const { return code == other.code; }
};

template <class T>
using StoreResult = std::expected<T, StoreError>;

Severity severity(const StoreError& error);

// "Recoverable" name of a code for logs and JSON: "no_space".
std::string_view to_string(StoreErrc code);

// One line for a person: what, where (escaped), what to do. No newline at its end.
std::string describe(const StoreError& error);

// The error that `system_errno` means.
StoreError system_error(int system_errno, std::string_view path, std::string_view reason);

}  // namespace jetway::store
