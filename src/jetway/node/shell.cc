#include "jetway/node/shell.h"

#include <algorithm>
#include <format>

#include "jetway/base/text.h"

namespace jetway::node {

namespace {

bool is_harmless(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view{"-_./@:=+,%^"}.contains(c);
}

// What escape_text() leaves alone, apart from the backslash, may stand on a terminal as it is.
bool is_showable(std::string_view text) {
  std::string without_backslashes{text};
  std::erase(without_backslashes, '\\');
  return escape_text(without_backslashes) == without_backslashes;
}

}  // namespace

std::string shell_quoted(std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, is_harmless)) return std::string{text};
  if (!is_showable(text)) {
    std::string quoted = "$'";
    for (const char c : text) {
      const bool is_plain = c >= ' ' && c <= '~' && c != '\\' && c != '\'';
      quoted += is_plain ? std::string{c} : std::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return quoted + "'";
  }
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string{R"('\'')"} : std::string{c};
  return quoted + "'";
}

}  // namespace jetway::node
