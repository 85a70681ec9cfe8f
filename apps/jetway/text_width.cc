#include "apps/jetway/text_width.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace jetway::command {

namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// Coarse on purpose: blocks instead of characters. A wrong guess costs a column.
constexpr std::array kZeroWidth = {
    Range{0x0300, 0x036f}, Range{0x0483, 0x0489}, Range{0x0591, 0x05bd}, Range{0x0610, 0x061a},
    Range{0x064b, 0x065f}, Range{0x1ab0, 0x1aff}, Range{0x1dc0, 0x1dff}, Range{0x200b, 0x200f},
    Range{0x20d0, 0x20ff}, Range{0xfe00, 0xfe0f}, Range{0xfe20, 0xfe2f}, Range{0xe0100, 0xe01ef},
};
constexpr std::array kDoubleWidth = {
    Range{0x1100, 0x115f},   Range{0x2e80, 0x303e},   Range{0x3041, 0xa4cf},   Range{0xa960, 0xa97f},
    Range{0xac00, 0xd7a3},   Range{0xf900, 0xfaff},   Range{0xfe30, 0xfe6f},   Range{0xff00, 0xff60},
    Range{0xffe0, 0xffe6},   Range{0x1f300, 0x1f64f}, Range{0x1f680, 0x1f6ff}, Range{0x1f900, 0x1faff},
    Range{0x20000, 0x3fffd},
};

bool is_in(const auto& ranges, std::uint32_t code_point) {
  return std::ranges::any_of(
      ranges, [&](const Range& range) { return code_point >= range.first && code_point <= range.last; });
}

struct Character {
  std::string_view text;
  std::size_t width;
};

// The first character of `text`, which is not empty; a stray byte counts as one.
Character first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const std::string_view bytes = text.substr(0, length);
  if (length == 1) return {bytes, 1};
  std::uint32_t code_point = lead & (0x7fU >> length);
  for (const char c : bytes.substr(1))
    code_point = (code_point << 6) | (static_cast<unsigned char>(c) & 0x3fU);
  return {bytes, is_in(kZeroWidth, code_point) ? 0U : is_in(kDoubleWidth, code_point) ? 2U : 1U};
}

std::vector<Character> characters(std::string_view text) {
  std::vector<Character> all;
  while (!text.empty()) {
    all.push_back(first_character(text));
    text.remove_prefix(all.back().text.size());
  }
  return all;
}

}  // namespace

std::size_t text_width(std::string_view text) {
  std::size_t width = 0;
  for (const Character& character : characters(text)) width += character.width;
  return width;
}

std::string shortened(std::string_view text, std::size_t width, std::string_view ellipsis) {
  if (text_width(text) <= width) return std::string{text};
  const std::size_t ellipsis_width = text_width(ellipsis);
  if (width < ellipsis_width) return {};
  const std::vector<Character> all = characters(text);
  const std::size_t room = width - ellipsis_width;
  std::size_t head_width = 0;
  std::size_t head = 0;
  while (head < all.size() && head_width + all[head].width <= (room + 1) / 2) head_width += all[head++].width;
  std::size_t tail_width = 0;
  std::size_t tail = all.size();
  while (tail > head && tail_width + all[tail - 1].width <= room - head_width)
    tail_width += all[--tail].width;
  std::string result;
  for (std::size_t i = 0; i < head; ++i) result += all[i].text;
  result += ellipsis;
  for (std::size_t i = tail; i < all.size(); ++i) result += all[i].text;
  return result;
}

}  // namespace jetway::command
