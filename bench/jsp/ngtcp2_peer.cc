#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string_view>

#include <poll.h>
#include <sched.h>
#include <sys/resource.h>

#include "bench/jsp/ngtcp2_end.h"

// The reference for "both ends on one core": ngtcp2, client and server in one thread, one stream over
// loopback.
namespace jetway::bench {

namespace {

constexpr std::uint64_t kPatience = 60 * NGTCP2_SECONDS;
constexpr std::uint64_t kWaitMax = 10 * NGTCP2_MILLISECONDS;

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void pin_to_first_core() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(0, &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

template <class Condition>
void run_until(Ngtcp2End& server, Ngtcp2End& client, Condition is_done) {
  const std::uint64_t deadline = ngtcp2_now() + kPatience;
  client.write_datagrams();
  while (!is_done()) {
    const std::uint64_t began = ngtcp2_now();
    if (began > deadline) throw std::runtime_error("it takes too long");
    const std::uint64_t expiry = std::min(server.next_timeout(), client.next_timeout());
    const std::uint64_t left = expiry <= began ? 0 : std::min(expiry - began, kWaitMax);
    std::array<pollfd, 2> watched{{{.fd = server.descriptor(), .events = POLLIN, .revents = 0},
                                   {.fd = client.descriptor(), .events = POLLIN, .revents = 0}}};
    const timespec wait{.tv_sec = 0, .tv_nsec = static_cast<long>(left)};
    ::ppoll(watched.data(), watched.size(), &wait, nullptr);
    for (Ngtcp2End* end : {&server, &client}) {
      end->read_datagrams();
      end->handle_timeout();
      end->write_datagrams();
    }
  }
}

void run(std::uint64_t bytes, const Ngtcp2Config& config) {
  pin_to_first_core();
  ngtcp2_crypto_ossl_init();
  const TlsContext server_context = make_server_context();
  const TlsContext client_context = make_client_context();
  Ngtcp2End server(config, server_context.get(), true);
  Ngtcp2End client(config, client_context.get(), false);
  client.connect(server.local());
  run_until(server, client, [&] { return client.is_confirmed(); });

  client.send_stream(bytes);
  const double cpu_before = cpu_seconds();
  const std::uint64_t began = ngtcp2_now();
  run_until(server, client, [&] { return server.stream_bytes_received() == bytes; });
  const double seconds = static_cast<double>(ngtcp2_now() - began) * 1e-9;
  const double gigabytes = static_cast<double>(bytes) * 1e-9;
  std::printf("{\"gbit_s\": %.4f, \"cpu_s_gb\": %.5f, \"sender_packets_sent\": %llu, \"version\": \"%s\"}\n",
              gigabytes * 8 / seconds, (cpu_seconds() - cpu_before) / gigabytes,
              static_cast<unsigned long long>(client.packets_sent()), ngtcp2_version(0)->version_str);
}

}  // namespace

}  // namespace jetway::bench

// One run, its figures as a line of JSON.
int main(int argc, char** argv) {
  using namespace jetway::bench;
  const std::string_view digits = argc > 1 ? argv[1] : "";
  const std::string_view congestion = argc > 2 ? argv[2] : "cubic";
  std::uint64_t mebibytes = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), mebibytes);
  if (mebibytes == 0 || (congestion != "cubic" && congestion != "bbr")) {
    std::fputs("usage: ngtcp2_peer MIB [cubic|bbr] [PAYLOAD_BYTES]\n", stderr);
    return 2;
  }
  Ngtcp2Config config;
  if (congestion == "bbr") config.congestion_control = NGTCP2_CC_ALGO_BBR;
  const std::string_view payload = argc > 3 ? argv[3] : "";
  std::from_chars(payload.data(), payload.data() + payload.size(), config.payload_max_bytes);
  try {
    run(mebibytes << 20U, config);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ngtcp2_peer: %s\n", error.what());
    return 1;
  }
  return 0;
}
