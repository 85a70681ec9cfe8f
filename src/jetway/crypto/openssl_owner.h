#pragma once

#include <memory>

// OpenSSL's types by their tags, so that our headers need not include its.
struct evp_cipher_ctx_st;
struct evp_md_ctx_st;
struct evp_pkey_ctx_st;
struct evp_pkey_st;

namespace jetway::crypto {

struct OpensslFree {
  void operator()(evp_cipher_ctx_st* context) const noexcept;
  void operator()(evp_md_ctx_st* context) const noexcept;
  void operator()(evp_pkey_ctx_st* context) const noexcept;
  void operator()(evp_pkey_st* key) const noexcept;
};

using CipherContext = std::unique_ptr<evp_cipher_ctx_st, OpensslFree>;
using DigestContext = std::unique_ptr<evp_md_ctx_st, OpensslFree>;
using PkeyContext = std::unique_ptr<evp_pkey_ctx_st, OpensslFree>;
using Pkey = std::unique_ptr<evp_pkey_st, OpensslFree>;

}  // namespace jetway::crypto
