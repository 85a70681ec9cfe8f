#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "jetway/base/bytes.h"

namespace jetway {

// Text forms of bytes.
std::string to_hex(ByteView bytes);
std::string to_base32(ByteView bytes);  // RFC 4648 section 6, lower case, no padding
std::string to_base64(ByteView bytes);  // RFC 4648 section 4, with padding

// Either case; nullopt for foreign characters, impossible lengths and leftover bits that are not zero, so
// that every value has one text.
std::optional<Bytes> from_hex(std::string_view text);
std::optional<Bytes> from_base32(std::string_view text);

bool is_utf8(std::string_view text);

// Makes foreign text (file names, reasons, anything a peer chose) safe to show on a terminal or in a log:
// control characters, ESC, C1, bidirectional controls, line separators, invalid UTF-8 and the backslash come
// out as \n, \t, \xNN or \u{NNNN}; everything else stays.
std::string escape_text(std::string_view text);

}  // namespace jetway
