#include "jetway/store/error.h"

#include <cerrno>
#include <set>

#include <gtest/gtest.h>

namespace jetway::store {
namespace {

constexpr auto kLast = static_cast<int>(StoreErrc::TooNew);

TEST(StoreErrorTest, EveryCodeHasANameOfItsOwnAndAdvice) {
  std::set<std::string_view> names;
  for (int code = 0; code <= kLast; ++code) {
    const StoreError error{.code = static_cast<StoreErrc>(code), .path = "some/path"};
    names.insert(to_string(error.code));
    const std::string line = describe(error);
    EXPECT_TRUE(line.contains("some/path")) << line;
    EXPECT_TRUE(line.contains("; ")) << line;
    EXPECT_FALSE(line.contains('\n')) << line;
  }
  EXPECT_EQ(names.size(), std::size_t{kLast + 1});
}

TEST(StoreErrorTest, ForeignNamesAreEscaped) {
  const std::string line = describe(system_error(ENOENT, "a\x1b[31m\nb\xff", "cannot open"));
  EXPECT_EQ(line, "cannot open: a\\u{1b}[31m\\nb\\xff (No such file or directory); check the path");
}

TEST(StoreErrorTest, BothPathsOfACollisionAreNamed) {
  const StoreError error{.code = StoreErrc::DuplicateName, .path = "a/x", .other_path = "b/x"};
  EXPECT_TRUE(describe(error).contains("a/x and b/x"));
}

TEST(StoreErrorTest, TheSystemsNumbersBecomeCodes) {
  const std::pair<int, StoreErrc> expected[] = {{ENOENT, StoreErrc::NotFound},
                                                {EACCES, StoreErrc::PermissionDenied},
                                                {EPERM, StoreErrc::PermissionDenied},
                                                {ENOSPC, StoreErrc::NoSpace},
                                                {EDQUOT, StoreErrc::NoSpace},
                                                {EROFS, StoreErrc::ReadOnly},
                                                {ELOOP, StoreErrc::UnsafePath},
                                                {EXDEV, StoreErrc::UnsafePath},
                                                {EEXIST, StoreErrc::Exists},
                                                {ENOTDIR, StoreErrc::NotADirectory},
                                                {EISDIR, StoreErrc::IsADirectory},
                                                {ENAMETOOLONG, StoreErrc::NameTooLong},
                                                {EMFILE, StoreErrc::TooManyFiles},
                                                {ENFILE, StoreErrc::TooManyFiles},
                                                {ENXIO, StoreErrc::Unsupported},
                                                {EWOULDBLOCK, StoreErrc::Busy},
                                                {EIO, StoreErrc::Io}};
  for (const auto& [number, code] : expected) {
    const StoreError error = system_error(number, "p", "r");
    EXPECT_EQ(error.code, code) << number;
    EXPECT_EQ(error.system_errno, number);
  }
}

TEST(StoreErrorTest, OnlyWhatMayPassIsWorthAnotherTry) {
  EXPECT_EQ(severity({.code = StoreErrc::NoSpace}), Severity::Recoverable);
  EXPECT_EQ(severity({.code = StoreErrc::Busy}), Severity::Recoverable);
  EXPECT_EQ(severity({.code = StoreErrc::UnsafePath}), Severity::Protocol);
  EXPECT_EQ(severity({.code = StoreErrc::PermissionDenied}), Severity::Fatal);
}

}  // namespace
}  // namespace jetway::store
