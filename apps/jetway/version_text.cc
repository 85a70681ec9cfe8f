#include "apps/jetway/version_text.h"

#include <algorithm>
#include <format>
#include <string_view>

#include <zstd.h>

#include <blake3.h>
#include <boost/version.hpp>
#include <lz4.h>
#include <openssl/crypto.h>
#include <sodium/version.h>
#include <spdlog/version.h>
#include <sqlite3.h>

#include "jetway/version.h"

namespace jetway::command {

std::string version_text() {
  std::string text =
      std::format("jetway {}\nbuild      {}, {}, {}\n", kVersion, kBuildType, kCompiler, kGitDescription);
  const auto add = [&](std::string_view name, std::string_view version) {
    text += std::format("{:<10} {}\n", name, version);
  };
  add("OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING));
  add("BLAKE3", blake3_version());
  add("SQLite", sqlite3_libversion());
  add("zstd", ZSTD_versionString());
  add("lz4", LZ4_versionString());
  add("libsodium", sodium_version_string());
  add("Boost",
      std::format("{}.{}.{}", BOOST_VERSION / 100'000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100));
  add("spdlog", std::format("{}.{}.{}", SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH));
  return text;
}

}  // namespace jetway::command
