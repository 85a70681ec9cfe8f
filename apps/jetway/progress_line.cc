#include "apps/jetway/progress_line.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <format>
#include <vector>

#include "apps/jetway/text_width.h"
#include "jetway/node/quantity.h"

namespace jetway::command {

namespace {

constexpr std::size_t kBarMin = 10;
constexpr std::size_t kBarMax = 30;
constexpr std::size_t kLabelMin = 12;
constexpr std::string_view kGap = "  ";

// Never 100 % before everything has moved.
double fraction_done(const transfer::Progress& progress) {
  if (progress.bytes_total == 0)
    return progress.is_total_final && progress.files_done == progress.files_total ? 1 : 0;
  const double done = static_cast<double>(progress.bytes_done()) / static_cast<double>(progress.bytes_total);
  return std::clamp(done, 0.0, 1.0);
}

std::string percent_text(const transfer::Progress& progress) {
  return std::format("{:3}%", static_cast<int>(fraction_done(progress) * 100));
}

// While the sender still counts, the total is a lower bound.
std::string size_text(const transfer::Progress& progress) {
  return std::format("{} of {}{}", node::format_size(progress.bytes_done()),
                     node::format_size(progress.bytes_total), progress.is_total_final ? "" : "+");
}

std::string file_text(const transfer::Progress& progress) {
  if (progress.files_total <= 1 && progress.is_total_final) return {};
  const std::uint64_t number =
      std::min(progress.files_done + 1, std::max<std::uint64_t>(progress.files_total, 1));
  return std::format("file {} of {}{}", node::format_count(number), node::format_count(progress.files_total),
                     progress.is_total_final ? "" : "+");
}

std::string bar(double fraction, std::size_t width, const LineStyle& style) {
  const bool has_unicode = style.has_unicode;
  const auto halves = static_cast<std::size_t>(fraction * static_cast<double>(width) * 2);
  const std::size_t full = halves / 2;
  const bool has_half = halves % 2 == 1;
  std::string done;
  for (std::size_t i = 0; i < full; ++i) done += has_unicode ? "━" : "#";
  if (has_half) done += has_unicode ? "╸" : "-";
  std::string rest;
  for (std::size_t i = full + (has_half ? 1 : 0); i < width; ++i) rest += has_unicode ? "─" : ".";
  if (!style.has_color) return done + rest;
  return std::format("\033[36m{}\033[0m\033[2m{}\033[0m", done, rest);
}

// The parts behind the bar, what matters most first.
std::vector<std::string> parts_by_weight(const ProgressView& view) {
  std::vector<std::string> parts = {percent_text(view.progress), node::format_rate(view.bytes_per_second)};
  parts.push_back(view.time_left ? node::format_clock(*view.time_left) : std::string{"-:--"});
  parts.push_back(size_text(view.progress));
  parts.push_back(file_text(view.progress));
  return parts;
}

// Which place each of parts_by_weight() has from left to right.
constexpr std::array<std::size_t, 5> kOrder = {0, 3, 1, 2, 4};

}  // namespace

std::string progress_line(const ProgressView& view, const LineStyle& style) {
  const std::vector<std::string> parts = parts_by_weight(view);
  std::size_t left = style.width;
  std::size_t shown = 0;  // of the weighty parts
  for (; shown < parts.size(); ++shown) {
    const std::size_t need = parts[shown].size() + (shown == 0 || parts[shown].empty() ? 0 : kGap.size());
    const std::size_t reserve = shown < 2 ? 0 : kBarMin + kGap.size();  // a bar says more than a size
    if (need + reserve > left) break;
    left -= need;
  }
  std::string line;
  if (left >= kBarMin + kGap.size()) {
    const std::size_t with_label = kLabelMin + 2 * kGap.size();
    const std::size_t bar_width =
        std::clamp(left > with_label ? left - with_label : 0, kBarMin, std::min(kBarMax, left - kGap.size()));
    left -= bar_width + kGap.size();
    if (left >= kLabelMin + kGap.size()) {
      line += shortened(view.label, left - kGap.size(), style.has_unicode ? "…" : "...");
      if (!line.empty()) line += kGap;
    }
    line += bar(fraction_done(view.progress), bar_width, style);
    line += kGap;
  }
  bool is_first = true;
  for (const std::size_t part : kOrder) {
    if (part >= shown || parts[part].empty()) continue;
    if (!is_first) line += kGap;
    line += parts[part];
    is_first = false;
  }
  return line;
}

std::string progress_text(const ProgressView& view) {
  std::string text =
      std::format("{}{}{}{}{}{}{}", view.label, view.label.empty() ? "" : kGap, percent_text(view.progress),
                  kGap, size_text(view.progress), kGap, node::format_rate(view.bytes_per_second));
  if (view.time_left) text += std::format("{}{} left", kGap, node::format_clock(*view.time_left));
  if (const std::string files = file_text(view.progress); !files.empty())
    text += std::format("{}{}", kGap, files);
  return text;
}

}  // namespace jetway::command
