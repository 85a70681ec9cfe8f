#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "jetway/base/time.h"
#include "jetway/transfer/progress.h"

namespace jetway::command {

// What the terminal can show.
struct LineStyle {
  std::size_t width = 80;  // columns
  bool has_unicode = true;
  bool has_color = false;
};

struct ProgressView {
  std::string_view label;  // what moves, safe to show
  transfer::Progress progress;
  double bytes_per_second = 0;
  std::optional<Duration> time_left;
};

// The line that a terminal shows while a transfer runs, never wider than `style.width`:
//
//   photos/IMG_0042.jpg  ━━━━━━━━━━╸────────  62%  745 MB of 1.20 GB  117 MB/s  0:04  file 312 of 500
//
// As the terminal gets narrower the label goes first, then files, then size; percent and rate stay.
std::string progress_line(const ProgressView& view, const LineStyle& style);

// The same as a line of a log, without a bar: "photos  62%  745 MB of 1.20 GB  117 MB/s  0:04 left  file 312
// of 500".
std::string progress_text(const ProgressView& view);

}  // namespace jetway::command
