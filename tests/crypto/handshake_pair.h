#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "jetway/base/bytes.h"
#include "jetway/base/random.h"
#include "jetway/base/time.h"
#include "jetway/crypto/handshake.h"
#include "jetway/crypto/handshake_keys.h"
#include "jetway/crypto/identity.h"
#include "jetway/crypto/init_filter.h"

namespace jetway::crypto::test {

// A moment in November 2026.
inline constexpr WallTime kNow{std::chrono::milliseconds{1'795'262'400'000}};
inline constexpr std::string_view kAddress = "192.0.2.7:4717";

// One of each, since a test needs no others and ML-DSA takes its time.
inline std::shared_ptr<const Identity> identity_of(Role role, KeyType type = KeyType::Ed25519) {
  static const auto kMake = [](KeyType of, std::uint64_t seed) {
    SeededRandom random(seed);
    return std::make_shared<const Identity>(Identity::generate(of, random));
  };
  static const std::shared_ptr<const Identity> kIdentities[2][2] = {
      {kMake(KeyType::Ed25519, 1), kMake(KeyType::MlDsa65, 2)},
      {kMake(KeyType::Ed25519, 3), kMake(KeyType::MlDsa65, 4)}};
  return kIdentities[role == Role::Dialer ? 0 : 1][type == KeyType::Ed25519 ? 0 : 1];
}

// A dialer and a listener that know each other, with everything a test may want to change before start().
struct HandshakePair {
  explicit HandshakePair(std::uint64_t seed = 7) : random(seed), dialer_random(~seed), filter({}, random) {
    dialer_config.identity = identity_of(Role::Dialer);
    dialer_config.transport_parameters = to_bytes("dialer parameters");
    dialer_config.expected_peer = identity_of(Role::Listener)->peer_id();
    listener_config.identity = identity_of(Role::Listener);
    listener_config.transport_parameters = to_bytes("listener parameters");
  }

  void start() {
    dialer = Handshake::dialer(dialer_config, dialer_random, dialer_now);
    listener = Handshake::listener(listener_config, random, filter, as_bytes(kAddress));
  }

  // Both ends in turn until neither has anything to say, or one fails. `intercept` may change what travels;
  // it is told which message this is, from 0.
  using Intercept = std::function<void(std::size_t, Bytes&)>;
  std::expected<void, HandshakeError> run(const Intercept& intercept = nullptr) {
    if (!dialer) start();
    messages = 0;
    while (true) {
      const Bytes to_listener = take_from(*dialer, intercept);
      if (auto done = listener->handle_bytes(listener_now, to_listener); !done) return done;
      const Bytes to_dialer = take_from(*listener, intercept);
      if (auto done = dialer->handle_bytes(dialer_now, to_dialer); !done) return done;
      if (to_listener.empty() && to_dialer.empty()) return {};
    }
  }

  HandshakeErrc error_of_run(const Intercept& intercept = nullptr) {
    const auto done = run(intercept);
    return done ? HandshakeErrc::Internal : done.error().code;
  }

  bool are_complete() const { return dialer->is_complete() && listener->is_complete(); }

  Bytes take_from(Handshake& from, const Intercept& intercept) {
    Bytes bytes = from.poll_output();
    if (bytes.empty()) return bytes;
    const std::size_t index = messages++;
    if (intercept) intercept(index, bytes);
    return bytes;
  }

  SeededRandom random;  // the listener's and its filter's
  SeededRandom dialer_random;
  InitFilter filter;
  HandshakeConfig dialer_config;
  HandshakeConfig listener_config;
  WallTime dialer_now = kNow;
  WallTime listener_now = kNow;
  std::optional<Handshake> dialer;
  std::optional<Handshake> listener;
  std::size_t messages = 0;  // that travelled
};

}  // namespace jetway::crypto::test
