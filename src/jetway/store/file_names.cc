#include "jetway/store/file_names.h"

#include <algorithm>
#include <format>

#include "jetway/store/path.h"

namespace jetway::store {
namespace {

constexpr std::string_view kPartialBegin = ".jetway-";
constexpr std::string_view kPartialEnd = ".part";
constexpr std::size_t kTagDigits = 16;
// Enough to recognise a file; leaves room on file systems with shorter names than usual (eCryptfs: 143).
constexpr std::size_t kShortNameBytes = 64;

constexpr bool is_utf8_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

std::string_view shorten(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  constexpr std::size_t kContinuationsMax = 3;
  std::size_t end = max_bytes;
  while (end > 0 && max_bytes - end < kContinuationsMax && is_utf8_continuation(text[end])) --end;
  // More continuation bytes than a character has: it is not UTF-8.
  return text.substr(0, is_utf8_continuation(text[end]) ? max_bytes : end);
}

bool is_lower_hex(char byte) { return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f'); }

}  // namespace

std::string partial_name(std::string_view name, std::uint64_t tag) {
  return std::format("{}{:016x}-{}{}", kPartialBegin, tag, shorten(name, kShortNameBytes), kPartialEnd);
}

bool is_partial_name(std::string_view name) {
  if (!name.starts_with(kPartialBegin) || !name.ends_with(kPartialEnd)) return false;
  name.remove_prefix(kPartialBegin.size());
  if (name.size() < kTagDigits + 1 + kPartialEnd.size()) return false;
  return std::ranges::all_of(name.substr(0, kTagDigits), is_lower_hex) && name[kTagDigits] == '-';
}

std::string numbered_name(std::string_view name, std::uint32_t number) {
  const std::string suffix = std::format(" ({})", number);
  const std::size_t dot = name.rfind('.');
  const bool has_extension =
      dot != std::string_view::npos && dot != 0 && name.size() - dot <= kShortNameBytes;
  const std::string_view extension = has_extension ? name.substr(dot) : std::string_view{};
  const std::string_view stem = name.substr(0, name.size() - extension.size());
  const std::size_t room = kMaxNameBytes - suffix.size() - extension.size();
  return std::format("{}{}{}", shorten(stem, room), suffix, extension);
}

}  // namespace jetway::store
