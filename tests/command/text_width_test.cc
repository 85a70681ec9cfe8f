#include "apps/jetway/text_width.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/text.h"

namespace jetway::command {
namespace {

TEST(TextWidthTest, CountsColumns) {
  EXPECT_EQ(text_width(""), 0U);
  EXPECT_EQ(text_width("abc"), 3U);
  EXPECT_EQ(text_width("grün"), 4U);
  EXPECT_EQ(text_width("日本"), 4U);
  EXPECT_EQ(text_width("e\u0301"), 1U);
  EXPECT_EQ(text_width("🎉"), 2U);
}

TEST(TextWidthTest, TheMiddleGivesWay) {
  EXPECT_EQ(shortened("short.txt", 9, "…"), "short.txt");
  EXPECT_EQ(shortened("holiday-0042.jpg", 9, "…"), "holi….jpg");
  EXPECT_EQ(shortened("日本語日本語", 7, "…"), "日…本語");
  EXPECT_EQ(shortened("abc", 0, "…"), "");
  EXPECT_EQ(shortened("abcdef", 3, "..."), "...");
}

RC_GTEST_PROP(TextWidthTest, NeverWiderThanAsked, (const std::string& raw)) {
  const std::string text = escape_text(raw);
  const auto width = *rc::gen::inRange<std::size_t>(0, 100);
  RC_ASSERT(text_width(shortened(text, width, "…")) <= width);
}

}  // namespace
}  // namespace jetway::command
