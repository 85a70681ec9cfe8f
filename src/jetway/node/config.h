#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "jetway/base/log.h"
#include "jetway/crypto/identity.h"
#include "jetway/crypto/suite.h"
#include "jetway/jsp/config.h"
#include "jetway/node/receive_job.h"
#include "jetway/node/send_job.h"

namespace jetway::node {

enum class LogFormat : std::uint8_t { Pretty, Json };
enum class ColorMode : std::uint8_t { Auto, Always, Never };

// A number of bytes that people write as "5M" or "1 GiB".
struct ByteSize {
  std::uint64_t bytes = 0;
  bool operator==(const ByteSize&) const = default;
};

struct IdentitySettings {
  std::string file;  // empty: identity.pem in the configuration folder
  crypto::KeyType key_type = crypto::KeyType::Ed25519;
  bool operator==(const IdentitySettings&) const = default;
};

struct LogSettings {
  LogLevel level = LogLevel::Warn;
  LogFormat format = LogFormat::Pretty;
  std::string file;  // empty: stderr
  ByteSize file_size{10'000'000};
  std::uint64_t files = 5;
  bool operator==(const LogSettings&) const = default;
};

struct OutputSettings {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  ColorMode color = ColorMode::Auto;
  bool operator==(const OutputSettings&) const = default;
};

struct ReceiveSettings {
  std::string dir = ".";
  std::vector<std::string> listen = {":4717"};
  std::vector<std::string> allow;
  bool any = false;
  bool once = false;
  bool yes = false;
  OnCollision on_collision = OnCollision::Rename;
  FsyncPolicy fsync = FsyncPolicy::Auto;
  bool allow_outside_links = false;
  ByteSize max_bytes{10'000'000'000};
  std::uint64_t max_files = 100'000;
  bool operator==(const ReceiveSettings&) const = default;
};

struct SendSettings {
  std::string to;
  bool accept_new = false;
  OutsideLinks outside_links = OutsideLinks::Warn;
  std::vector<std::string> path;  // local addresses
  jsp::PathSchedule schedule = jsp::PathSchedule::Aggregate;
  bool operator==(const SendSettings&) const = default;
};

struct NetworkSettings {
  session::NetworkStatus status = session::NetworkStatus::Unknown;
  bool background = false;
  jsp::CongestionAlgorithm congestion = jsp::CongestionAlgorithm::Bbr;
  jsp::FecMode fec = jsp::FecMode::Auto;
  std::vector<crypto::Suite> suites;  // empty: what this CPU does fast
  std::chrono::milliseconds clock_tolerance{5'000};
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds handshake_timeout{5'000};
  std::chrono::milliseconds admission_timeout{60'000};
  std::chrono::milliseconds stalled_timeout{60'000};
  std::chrono::milliseconds idle_timeout{120'000};
  std::chrono::milliseconds keepalive{5'000};
  std::chrono::milliseconds keepalive_background{30'000};
  std::uint64_t connections_max = 1024;
  ByteSize socket_buffer{4 << 20};
  ByteSize packet_size{64 << 10};
  ByteSize stream_window{16 << 20};
  ByteSize connection_window{64 << 20};
  bool operator==(const NetworkSettings&) const = default;
};

struct TransferSettings {
  std::uint64_t buffers = 32;
  std::uint64_t streams = 4;
  bool operator==(const TransferSettings&) const = default;
};

// Everything a user can set. What each field means, its limits and its names in the file, the environment and
// on the command line are in one table: settings.cc.
struct Config {
  IdentitySettings identity;
  LogSettings log;
  OutputSettings output;
  ReceiveSettings receive;
  SendSettings send;
  NetworkSettings network;
  TransferSettings transfer;
  bool operator==(const Config&) const = default;
};

}  // namespace jetway::node
