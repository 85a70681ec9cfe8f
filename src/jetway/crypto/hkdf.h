#pragma once

#include <cstddef>
#include <initializer_list>
#include <string_view>

#include "jetway/base/bytes.h"
#include "jetway/crypto/hash.h"
#include "jetway/crypto/secret.h"

namespace jetway::crypto {

// HMAC-SHA256 (RFC 2104) over the parts one after the other.
Hash256 hmac_sha256(ByteView key, std::initializer_list<ByteView> parts);

// HKDF-SHA256 (RFC 5869).
SecretBytes hkdf_extract(ByteView salt, ByteView input_key);
// `size` is at most 255 times 32.
SecretBytes hkdf_expand(const SecretBytes& key, ByteView info, std::size_t size);

// HKDF-Expand with a label and a context in the form of RFC 8446 section 7.1, behind our own prefix "jetway
// ".
SecretBytes hkdf_expand_label(const SecretBytes& key, std::string_view label, ByteView context,
                              std::size_t size);

}  // namespace jetway::crypto
