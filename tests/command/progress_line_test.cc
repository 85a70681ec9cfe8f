#include "apps/jetway/progress_line.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "apps/jetway/text_width.h"

namespace jetway::command {
namespace {

using namespace std::chrono_literals;

ProgressView half_done() {
  ProgressView view;
  view.label = "photos/IMG_0042.jpg";
  view.progress = {.bytes_total = 1'200'000'000,
                   .bytes_moved = 500'000'000,
                   .bytes_already = 245'000'000,
                   .bytes_skipped = 0,
                   .files_total = 500,
                   .files_done = 311,
                   .is_total_final = true};
  view.bytes_per_second = 117e6;
  view.time_left = 3900ms;
  return view;
}

TEST(ProgressLineTest, ShowsEverythingWhereThereIsRoom) {
  EXPECT_EQ(progress_line(half_done(), {.width = 120}),
            "photos/IMG_0042.jpg  ━━━━━━━━━━━━━━━━━━╸───────────   62%  745 MB of 1.20 GB  117 MB/s  0:04  "
            "file 312 of 500");
}

TEST(ProgressLineTest, AsciiWhereTheTerminalHasNothingElse) {
  EXPECT_EQ(progress_line(half_done(), {.width = 70, .has_unicode = false}),
            "######....   62%  745 MB of 1.20 GB  117 MB/s  0:04  file 312 of 500");
}

TEST(ProgressLineTest, TheLessImportantGoesFirst) {
  EXPECT_EQ(progress_line(half_done(), {.width = 53, .has_unicode = false}),
            "######....   62%  745 MB of 1.20 GB  117 MB/s  0:04");
  EXPECT_EQ(progress_line(half_done(), {.width = 20, .has_unicode = false}), " 62%  117 MB/s");
  EXPECT_EQ(progress_line(half_done(), {.width = 3}), "");
}

TEST(ProgressLineTest, AnUnfinishedCountIsALowerBound) {
  ProgressView view = half_done();
  view.progress.is_total_final = false;
  view.time_left.reset();
  const std::string line = progress_line(view, {.width = 120});
  EXPECT_TRUE(line.contains("745 MB of 1.20 GB+")) << line;
  EXPECT_TRUE(line.contains("file 312 of 500+")) << line;
  EXPECT_TRUE(line.contains("-:--")) << line;
}

TEST(ProgressLineTest, OneFileIsNotCounted) {
  ProgressView view = half_done();
  view.progress.files_total = 1;
  EXPECT_FALSE(progress_line(view, {.width = 120}).contains("file "));
}

TEST(ProgressLineTest, NothingToDoIsDone) {
  ProgressView view;
  view.progress.is_total_final = true;
  EXPECT_TRUE(progress_line(view, {.width = 40}).contains("100%"));
}

TEST(ProgressTextTest, IsOneLineForALog) {
  EXPECT_EQ(progress_text(half_done()),
            "photos/IMG_0042.jpg   62%  745 MB of 1.20 GB  117 MB/s  0:04 left  file 312 of 500");
}

RC_GTEST_PROP(ProgressLineTest, FitsWhateverTheNumbers, ()) {
  ProgressView view;
  view.label = "some/long/name/of/a/file/日本語.txt";
  const auto number = rc::gen::arbitrary<std::uint32_t>();
  view.progress = {.bytes_total = *number,
                   .bytes_moved = *number,
                   .bytes_already = *number,
                   .bytes_skipped = 0,
                   .files_total = *number,
                   .files_done = *number,
                   .is_total_final = *rc::gen::arbitrary<bool>()};
  view.bytes_per_second = *number;
  if (*rc::gen::arbitrary<bool>()) view.time_left = std::chrono::seconds{*number};
  const LineStyle style{.width = *rc::gen::inRange<std::size_t>(1, 200),
                        .has_unicode = *rc::gen::arbitrary<bool>()};
  RC_ASSERT(text_width(progress_line(view, style)) <= style.width);
}

}  // namespace
}  // namespace jetway::command
