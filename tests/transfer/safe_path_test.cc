#include "jetway/transfer/safe_path.h"

#include <algorithm>
#include <compare>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace jetway::transfer {
namespace {

using namespace std::string_literals;

std::string repeated(std::string_view part, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += part;
  return text;
}

TEST(SafePathTest, OrdinaryPathsOfAnyBytesPass) {
  for (const std::string& path : {"a"s, "a/b/c"s, ".hidden/..x/..."s, "caf\xc3\xa9/\xff\xfe"s, "a b\n"s,
                                  "-rf"s, std::string(255, 'n'), repeated("d/", 255) + "d"}) {
    EXPECT_TRUE(check_path(path)) << path;
  }
}

TEST(SafePathTest, WhatCouldLeaveTheFolderOrIsMalformedIsABadName) {
  for (const std::string& path :
       {""s, "/"s, "/etc/passwd"s, ".."s, "."s, "../a"s, "a/.."s, "a/../b"s, "a/./b"s, "a//b"s, "a/"s,
        "a\0b"s, std::string(256, 'n'), std::string(4096, 'x'), repeated("d/", 256) + "d"}) {
    const auto checked = check_path(path);
    ASSERT_FALSE(checked) << path;
    EXPECT_EQ(checked.error().code, FailureCode::BadName);
  }
}

TEST(SafePathTest, TheReasonNamesThePathSafely) {
  const auto checked = check_path("a/\x1b[31m/../b");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().reason, "'a/\\u{1b}[31m/../b': the path contains '.' or '..'");
}

TEST(SafePathTest, LinksMayPointAnywhereInsideTheFolder) {
  EXPECT_TRUE(check_link("a/b/link", "file"));
  EXPECT_TRUE(check_link("a/b/link", "../file"));
  EXPECT_TRUE(check_link("a/b/link", "../../other"));
  EXPECT_TRUE(check_link("a/b/link", "./sub/./x"));
  EXPECT_TRUE(check_link("link", "does-not-exist"));
  EXPECT_TRUE(check_link("a/link", ".."));
}

TEST(SafePathTest, LinksThatLeaveTheFolderAreBadNames) {
  for (const std::string& target : {""s, "/etc"s, "../../../x"s, "../../.."s, "sub/../../x"s, "x/.."s,
                                    "a\0b"s, "./../../../x"s, std::string(5000, 'x')}) {
    const auto checked = check_link("a/b/link", target);
    ASSERT_FALSE(checked) << target;
    EXPECT_EQ(checked.error().code, FailureCode::BadName);
  }
  EXPECT_FALSE(check_link("link", ".."));
}

TEST(SafePathTest, WhoeverAllowsLinksToAnywhereStillGetsLinks) {
  for (const char* const target : {"/etc", "../../../x", "sub/../../x", "file"}) {
    EXPECT_TRUE(check_link("a/b/link", target, LinkScope::Anywhere)) << target;
  }
  for (const std::string& target : {""s, "a\0b"s, std::string(5000, 'x')}) {
    EXPECT_FALSE(check_link("a/b/link", target, LinkScope::Anywhere)) << target;
  }
}

TEST(SafePathTest, OrderIsThatOfAWalkAndNotOfPlainStrings) {
  EXPECT_TRUE(std::is_lt(compare_paths("a", "a/b")));
  EXPECT_TRUE(std::is_lt(compare_paths("a/b", "a.txt")));  // '.' is below '/', but "a/..." belongs to "a"
  EXPECT_TRUE(std::is_lt(compare_paths("a/z", "a!")));
  EXPECT_TRUE(std::is_gt(compare_paths("b", "a/z")));
  EXPECT_TRUE(std::is_lt(compare_paths("a", "\xff")));  // bytes, not signed characters
  EXPECT_TRUE(std::is_eq(compare_paths("a/b", "a/b")));
}

std::vector<std::string> components(std::string_view path) {
  std::vector<std::string> parts{""};
  for (const char c : path) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

RC_GTEST_PROP(SafePathPropertyTest, OrderIsThatOfTheListsOfComponents, ()) {
  const auto letters = rc::gen::container<std::string>(rc::gen::element('a', '!', '/', 'b', '\xff'));
  const std::string a = *letters;
  const std::string b = *letters;
  RC_ASSERT((compare_paths(a, b) < 0) == (components(a) < components(b)));
  RC_ASSERT((compare_paths(a, b) == 0) == (a == b));
}

RC_GTEST_PROP(SafePathPropertyTest, APathThatPassesStaysBeneathItsFolder, ()) {
  const auto letters = rc::gen::container<std::string>(rc::gen::element('a', '.', '/', '\0'));
  const std::string path = *letters;
  if (!check_path(path)) return;
  for (const std::string& part : components(path)) {
    RC_ASSERT(!part.empty());
    RC_ASSERT(part != ".");
    RC_ASSERT(part != "..");
    RC_ASSERT(part.find('\0') == std::string::npos);
  }
}

TEST(SafePathTest, ParentsAndWhatIsBeneath) {
  EXPECT_EQ(parent_path("a/b/c"), "a/b");
  EXPECT_EQ(parent_path("a"), "");
  EXPECT_TRUE(is_beneath("a/b", "a"));
  EXPECT_TRUE(is_beneath("a", ""));
  EXPECT_FALSE(is_beneath("ab", "a"));
  EXPECT_FALSE(is_beneath("a", "a"));
  EXPECT_FALSE(is_beneath("", ""));
}

TEST(SafePathTest, LongNamesAreCutInTheMiddleForShowing) {
  const std::string shown = quote_path(std::string(1000, 'a') + "end");
  EXPECT_LT(shown.size(), 400u);
  EXPECT_TRUE(shown.ends_with("end'"));
}

}  // namespace
}  // namespace jetway::transfer
