#include <charconv>
#include <cstdio>
#include <exception>
#include <string_view>

#include "bench/session_tcp/ends.h"

// One run, its figures as a line of JSON:
//
//   session_tcp_probe bulk|handshake jetway|tls COUNT      (COUNT: MiB, or handshakes)
int main(int argc, char** argv) {
  using namespace jetway::bench;
  const std::string_view what = argc == 4 ? argv[1] : "";
  const std::string_view who = argc == 4 ? argv[2] : "";
  const std::string_view digits = argc == 4 ? argv[3] : "";
  int count = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if ((what != "bulk" && what != "handshake") || (who != "jetway" && who != "tls") || count <= 0) {
    std::fputs("usage: session_tcp_probe bulk|handshake jetway|tls COUNT\n", stderr);
    return 2;
  }
  try {
    const bool is_jetway = who == "jetway";
    if (what == "bulk") {
      const std::size_t bytes = static_cast<std::size_t>(count) << 20;
      const BothUsages used = is_jetway ? bulk_over_jetway(bytes) : bulk_over_tls(bytes);
      const double gigabytes = static_cast<double>(bytes) * 1e-9;
      std::printf("{\"gbit_s\": %.4f, \"sender_cpu_s_gb\": %.5f, \"receiver_cpu_s_gb\": %.5f}\n",
                  gigabytes * 8 / used.client.wall_seconds, used.client.cpu_seconds / gigabytes,
                  used.server.cpu_seconds / gigabytes);
    } else {
      const BothUsages used = is_jetway ? handshakes_of_jetway(count) : handshakes_of_tls(count);
      std::printf("{\"per_s\": %.2f, \"client_cpu_us\": %.2f, \"server_cpu_us\": %.2f}\n",
                  count / used.client.wall_seconds, used.client.cpu_seconds * 1e6 / count,
                  used.server.cpu_seconds * 1e6 / count);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "session_tcp_probe: %s\n", error.what());
    return 1;
  }
  return 0;
}
