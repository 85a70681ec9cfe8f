#include "jetway/store/error.h"

#include <cerrno>
#include <format>

#include <string.h>

#include "jetway/base/text.h"

namespace jetway::store {
namespace {

struct Description {
  std::string_view name;
  std::string_view what;
  std::string_view advice;
  Severity severity;
};

constexpr Description description(StoreErrc code) {
  using enum Severity;
  switch (code) {
    case StoreErrc::NotFound:
      return {"not_found", "not found", "check the path", Fatal};
    case StoreErrc::PermissionDenied:
      return {"permission_denied", "permission denied", "check who may read and write there", Fatal};
    case StoreErrc::NoSpace:
      return {"no_space", "no space left, or quota used up", "make room and run the same command again",
              Recoverable};
    case StoreErrc::ReadOnly:
      return {"read_only", "the file system is read-only", "choose another folder or mount it writable",
              Fatal};
    case StoreErrc::Io:
      return {"io", "input/output failed", "check the disk and run the same command again", Recoverable};
    case StoreErrc::SourceChanged:
      return {"source_changed", "the file changed while it was sent",
              "run the same command again when it is no longer written to", Recoverable};
    case StoreErrc::UnsafePath:
      return {"unsafe_path", "refused: a path that does not stay in the folder",
              "the sender has to rename it or leave it out", Protocol};
    case StoreErrc::Exists:
      return {"exists", "something else has that name",
              "move it away, or choose what happens with files that are there", Fatal};
    case StoreErrc::DuplicateName:
      return {"duplicate_name", "two paths would get the same name", "send them one after the other", Fatal};
    case StoreErrc::NotADirectory:
      return {"not_a_directory", "a file or link stands where a directory is needed", "move it away", Fatal};
    case StoreErrc::IsADirectory:
      return {"is_a_directory", "a directory stands where a file is needed", "move it away", Fatal};
    case StoreErrc::NameTooLong:
      return {"name_too_long", "the file system takes no name that long", "shorten the name", Fatal};
    case StoreErrc::TooManyFiles:
      return {"too_many_files", "too many open files", "raise the limit (ulimit -n)", Recoverable};
    case StoreErrc::Unsupported:
      return {"unsupported", "neither file, directory nor link", "leave it out", Fatal};
    case StoreErrc::OutsideLink:
      return {"outside_link", "a link to outside of what is sent", "see --outside-links", Fatal};
    case StoreErrc::Corrupt:
      return {"corrupt", "the state database is damaged", "start again: it is set aside and begun anew",
              Recoverable};
    case StoreErrc::Busy:
      return {"busy", "in use by another process", "wait for it to end", Recoverable};
    case StoreErrc::TooNew:
      return {"too_new", "written by a newer version of this program", "upgrade this one", Fatal};
  }
  return {"io", "input/output failed", "", Fatal};
}

StoreErrc code_of(int system_errno) {
  switch (system_errno) {
    case ENOENT:
      return StoreErrc::NotFound;
    case EACCES:
    case EPERM:
      return StoreErrc::PermissionDenied;
    case ENOSPC:
    case EDQUOT:
      return StoreErrc::NoSpace;
    case EROFS:
      return StoreErrc::ReadOnly;
    case ELOOP:
    case EXDEV:
      return StoreErrc::UnsafePath;
    case EEXIST:
    case ENOTEMPTY:
      return StoreErrc::Exists;
    case ENOTDIR:
      return StoreErrc::NotADirectory;
    case EISDIR:
      return StoreErrc::IsADirectory;
    case ENAMETOOLONG:
      return StoreErrc::NameTooLong;
    case EMFILE:
    case ENFILE:
      return StoreErrc::TooManyFiles;
    case ENXIO:
    case ENODEV:
    case EOPNOTSUPP:
      return StoreErrc::Unsupported;
    case EBUSY:
    case EWOULDBLOCK:
      return StoreErrc::Busy;
    default:
      return StoreErrc::Io;
  }
}

}  // namespace

Severity severity(const StoreError& error) { return description(error.code).severity; }

std::string_view to_string(StoreErrc code) { return description(code).name; }

std::string describe(const StoreError& error) {
  const Description known = description(error.code);
  std::string line{error.reason.empty() ? known.what : error.reason};
  if (!error.path.empty()) line += ": " + escape_text(error.path);
  if (!error.other_path.empty()) line += " and " + escape_text(error.other_path);
  // A few codes stand for several causes; the system's own words tell them apart.
  const bool is_vague = error.code == StoreErrc::Io || !error.reason.empty();
  const char* const cause = error.system_errno != 0 ? ::strerrordesc_np(error.system_errno) : nullptr;
  if (is_vague && cause != nullptr) line += std::format(" ({})", cause);
  if (!known.advice.empty()) line += std::format("; {}", known.advice);
  return line;
}

StoreError system_error(int system_errno, std::string_view path, std::string_view reason) {
  return {.code = code_of(system_errno),
          .system_errno = system_errno,
          .path = std::string{path},
          .reason = reason};
}

}  // namespace jetway::store
