#include "apps/jetway/question.h"

#include <gtest/gtest.h>

namespace jetway::command {
namespace {

TEST(AnswerTest, OnlyClearAnswersCount) {
  EXPECT_EQ(parse_answer("y", DefaultAnswer::No), true);
  EXPECT_EQ(parse_answer(" YES \r", DefaultAnswer::No), true);
  EXPECT_EQ(parse_answer("No", DefaultAnswer::Yes), false);
  EXPECT_EQ(parse_answer("", DefaultAnswer::Yes), true);
  EXPECT_EQ(parse_answer("  ", DefaultAnswer::No), false);
  EXPECT_EQ(parse_answer("yep", DefaultAnswer::Yes), std::nullopt);
  EXPECT_EQ(parse_answer("jwabc", DefaultAnswer::Yes), std::nullopt);
}

}  // namespace
}  // namespace jetway::command
