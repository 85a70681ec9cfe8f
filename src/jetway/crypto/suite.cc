#include "jetway/crypto/suite.h"

#include <array>

namespace jetway::crypto {

namespace {

struct SuiteName {
  Suite suite;
  std::string_view name;
};

constexpr std::array kSuites = {
    SuiteName{Suite::Aes256Gcm, "AES-256-GCM"},
    SuiteName{Suite::ChaCha20Poly1305, "ChaCha20-Poly1305"},
    SuiteName{Suite::XChaCha20Poly1305, "XChaCha20-Poly1305"},
};

bool has_fast_aes() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("aes") != 0 && __builtin_cpu_supports("pclmul") != 0;
#elif defined(__ARM_FEATURE_AES)
  return true;
#else
  return false;
#endif
}

}  // namespace

std::string_view suite_name(Suite suite) {
  for (const SuiteName& known : kSuites) {
    if (known.suite == suite) return known.name;
  }
  return "unknown";
}

std::optional<Suite> suite_from_name(std::string_view name) {
  for (const SuiteName& known : kSuites) {
    if (known.name == name) return known.suite;
  }
  return std::nullopt;
}

std::optional<Suite> suite_from_number(std::uint8_t number) {
  for (const SuiteName& known : kSuites) {
    if (static_cast<std::uint8_t>(known.suite) == number) return known.suite;
  }
  return std::nullopt;
}

std::vector<Suite> default_suites() {
  if (has_fast_aes()) return {Suite::Aes256Gcm, Suite::ChaCha20Poly1305, Suite::XChaCha20Poly1305};
  return {Suite::ChaCha20Poly1305, Suite::XChaCha20Poly1305, Suite::Aes256Gcm};
}

std::string_view key_exchange_name(KeyExchange exchange) {
  switch (exchange) {
    case KeyExchange::X25519MlKem768:
      return "X25519+ML-KEM-768";
    case KeyExchange::X25519MlKem1024:
      return "X25519+ML-KEM-1024";
  }
  return "unknown";
}

std::optional<KeyExchange> key_exchange_from_number(std::uint8_t number) {
  switch (static_cast<KeyExchange>(number)) {
    case KeyExchange::X25519MlKem768:
      return KeyExchange::X25519MlKem768;
    case KeyExchange::X25519MlKem1024:
      return KeyExchange::X25519MlKem1024;
  }
  return std::nullopt;
}

}  // namespace jetway::crypto
