#include "jetway/base/text.h"

#include <array>
#include <cstdint>
#include <format>

namespace jetway {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase32Digits = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The digits of `bytes` in a base of 2^`bits`, the last one filled up with zero bits.
std::string to_digits(ByteView bytes, std::string_view digits, unsigned bits) {
  std::string text;
  text.reserve((bytes.size() * 8 + bits - 1) / bits);
  std::uint32_t pending = 0;
  unsigned pending_bits = 0;
  for (const std::byte byte : bytes) {
    pending = pending << 8 | std::to_integer<std::uint32_t>(byte);
    pending_bits += 8;
    while (pending_bits >= bits) {
      pending_bits -= bits;
      text.push_back(digits[(pending >> pending_bits) & ((1u << bits) - 1)]);
    }
  }
  if (pending_bits > 0) text.push_back(digits[(pending << (bits - pending_bits)) & ((1u << bits) - 1)]);
  return text;
}

std::optional<Bytes> from_digits(std::string_view text, std::string_view digits, unsigned bits) {
  Bytes bytes;
  bytes.reserve(text.size() * bits / 8);
  std::uint32_t pending = 0;
  unsigned pending_bits = 0;
  for (const char character : text) {
    const char lower =
        character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a') : character;
    const std::size_t value = digits.find(lower);
    if (value == std::string_view::npos) return std::nullopt;
    pending = pending << bits | static_cast<std::uint32_t>(value);
    pending_bits += bits;
    if (pending_bits >= 8) {
      pending_bits -= 8;
      bytes.push_back(static_cast<std::byte>(pending >> pending_bits & 0xff));
    }
  }
  const bool leftover_set = (pending & ((1u << pending_bits) - 1)) != 0;
  if (pending_bits >= bits || leftover_set) return std::nullopt;
  return bytes;
}

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;  // 0: not UTF-8
};

// The code point at the start of `text` (not empty), by the table of RFC 3629 section 4.
CodePoint decode_utf8(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  char32_t value = first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (at(i) & 0x3fu);
  }
  constexpr std::array<char32_t, 5> kLowest{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kLowest[length] || value > 0x10ffff || surrogate) return {};
  return {value, length};
}

// What a terminal or a log viewer would act on instead of showing: C0 and C1 controls, DEL, the line and
// paragraph separators, and the bidirectional controls of Unicode (UAX #9).
bool is_dangerous(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
         (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

}  // namespace

std::string to_hex(ByteView bytes) { return to_digits(bytes, kHexDigits, 4); }
std::string to_base32(ByteView bytes) { return to_digits(bytes, kBase32Digits, 5); }

std::string to_base64(ByteView bytes) {
  std::string text = to_digits(bytes, kBase64Digits, 6);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  return from_digits(text, kHexDigits, 4);
}

std::optional<Bytes> from_base32(std::string_view text) { return from_digits(text, kBase32Digits, 5); }

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint next = decode_utf8(text);
    if (next.length == 0) return false;
    text.remove_prefix(next.length);
  }
  return true;
}

std::string escape_text(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const CodePoint next = decode_utf8(text);
    const std::size_t length = next.length == 0 ? 1 : next.length;
    if (next.length == 0) {
      safe += std::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (next.value == '\n') {
      safe += "\\n";
    } else if (next.value == '\t') {
      safe += "\\t";
    } else if (next.value == '\\') {
      safe += "\\\\";
    } else if (is_dangerous(next.value)) {
      safe += std::format("\\u{{{:x}}}", static_cast<std::uint32_t>(next.value));
    } else {
      safe += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return safe;
}

}  // namespace jetway
