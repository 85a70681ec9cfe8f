#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include "bench/ends/ends.h"

namespace jetway::bench {

namespace {

constexpr const char* kUsage =
    "usage: ends_probe WHAT WHO COUNT [OPTION=VALUE...]     one run, its figures as a line of JSON\n"
    "  bulk jetway|tls MIB             one_thread=1: both ends on one event loop (jetway)\n"
    "  handshake jetway|tls COUNT\n"
    "  ping jetway COUNT           64-byte messages there and back\n"
    "  steady jetway COUNT             per_second=100: messages one way, how late each comes\n"
    "  first jetway COUNT              a connection, a question, the first byte of the answer; tickets=1: "
    "early\n"
    "  idle jetway COUNT               memory of connections that say nothing\n"
    "options: transport=tcp|jsp  cc=bbr|cubic|newreno  fec=auto|off  datagram=BYTES_MAX  address=IPV4  "
    "server_netns=NAME  client_netns=NAME  server_core=N  "
    "client_core=N\n";

struct Request {
  std::string what{};
  std::string who{};
  int count = 0;
  Layout layout{};
  JetwayOptions jetway{};
  bool is_one_thread = false;
  int per_second = 100;
};

int parse_number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw std::runtime_error(std::string(text) + " is no number");
  }
  return number;
}

void set_option(Request& request, const std::string& name, const std::string& value) {
  if (name == "transport") {
    request.jetway.transport = value;
  } else if (name == "cc") {
    const auto algorithm = jsp::algorithm_from_name(value);
    if (!algorithm) throw std::runtime_error("there is no congestion control " + value);
    request.jetway.jsp.congestion.algorithm = *algorithm;
  } else if (name == "fec") {
    request.jetway.jsp.fec = value == "off" ? jsp::FecMode::Off : jsp::FecMode::Auto;
  } else if (name == "datagram") {
    request.jetway.jsp.datagram_max_bytes = static_cast<std::size_t>(parse_number(value));
  } else if (name == "address") {
    request.layout.server_address = value;
  } else if (name == "server_netns") {
    request.layout.server_namespace = value;
  } else if (name == "client_netns") {
    request.layout.client_namespace = value;
  } else if (name == "server_core") {
    request.layout.server_core = parse_number(value);
  } else if (name == "client_core") {
    request.layout.client_core = parse_number(value);
  } else if (name == "one_thread") {
    request.is_one_thread = value == "1";
  } else if (name == "tickets") {
    request.jetway.uses_tickets = value == "1";
  } else if (name == "per_second") {
    request.per_second = parse_number(value);
  } else {
    throw std::runtime_error("there is no option " + name);
  }
}

Request parse_request(int argc, char** argv) {
  Request request{.what = argv[1], .who = argv[2], .count = parse_number(argv[3])};
  if (request.count <= 0) throw std::runtime_error("COUNT has to be positive");
  for (int i = 4; i < argc; ++i) {
    const std::string option = argv[i];
    const auto equals = option.find('=');
    if (equals == std::string::npos) throw std::runtime_error(option + " is not OPTION=VALUE");
    set_option(request, option.substr(0, equals), option.substr(equals + 1));
  }
  return request;
}

void print_end(const char* name, const EndReport& report) {
  const auto print = [name](const char* what, std::uint64_t value) {
    std::printf(", \"%s_%s\": %" PRIu64, name, what, value);
  };
  print("packets_sent", report.packets_sent);
  print("packets_received", report.packets_received);
  print("packets_lost", report.packets_lost);
  print("packets_repaired", report.packets_repaired);
  print("bytes_sent", report.bytes_sent);
  print("mtu_bytes", report.mtu_bytes);
}

void run_bulk(const Request& request) {
  const std::size_t bytes = static_cast<std::size_t>(request.count) << 20U;
  const double gigabytes = static_cast<double>(bytes) * 1e-9;
  if (request.is_one_thread) {
    const EndReport report = bulk_over_jetway_in_one_thread(request.layout, request.jetway, bytes);
    std::printf("{\"gbit_s\": %.4f, \"cpu_s_gb\": %.5f", gigabytes * 8 / report.usage.wall_seconds,
                report.usage.cpu_seconds / gigabytes);
    print_end("sender", report);
    std::puts("}");
    return;
  }
  const BothReports both = request.who == "jetway" ? bulk_over_jetway(request.layout, request.jetway, bytes)
                                                   : bulk_over_tls(request.layout, bytes);
  std::printf("{\"gbit_s\": %.4f, \"sender_cpu_s_gb\": %.5f, \"receiver_cpu_s_gb\": %.5f, \"cpu_s_gb\": %.5f",
              gigabytes * 8 / both.client.usage.wall_seconds, both.client.usage.cpu_seconds / gigabytes,
              both.server.usage.cpu_seconds / gigabytes,
              (both.client.usage.cpu_seconds + both.server.usage.cpu_seconds) / gigabytes);
  print_end("sender", both.client);
  print_end("receiver", both.server);
  std::puts("}");
}

void run_handshakes(const Request& request) {
  const BothReports both = request.who == "jetway"
                               ? handshakes_of_jetway(request.layout, request.jetway, request.count)
                               : handshakes_of_tls(request.layout, request.count);
  std::printf("{\"per_s\": %.2f, \"client_cpu_us\": %.2f, \"server_cpu_us\": %.2f}\n",
              request.count / both.client.usage.wall_seconds,
              both.client.usage.cpu_seconds * 1e6 / request.count,
              both.server.usage.cpu_seconds * 1e6 / request.count);
}

void print_latency(const Latency& latency, const BothReports& both) {
  std::printf("{\"p50_us\": %.2f, \"p99_us\": %.2f, \"max_us\": %.2f, \"samples\": %" PRIu64, latency.p50_us,
              latency.p99_us, latency.max_us, latency.samples);
  print_end("client", both.client);
  print_end("server", both.server);
  std::puts("}");
}

void run_messages(const Request& request) {
  if (request.what == "steady") {
    const BothReports both = steady_messages_over_jetway(
        request.layout, request.jetway, {.count = request.count, .per_second = request.per_second});
    return print_latency(both.server.latency, both);
  }
  if (request.what == "first") {
    const BothReports both = first_answers_over_jetway(request.layout, request.jetway, request.count);
    return print_latency(both.client.latency, both);
  }
  const BothReports both = round_trips_over_jetway(request.layout, request.jetway, request.count);
  print_latency(both.client.latency, both);
}

void run_idle(const Request& request) {
  const BothReports both = idle_connections(request.layout, request.jetway, request.count);
  std::printf("{\"server_bytes\": %" PRIu64 ", \"server_heap_bytes\": %" PRIu64 ", \"client_bytes\": %" PRIu64
              ", \"client_heap_bytes\": %" PRIu64 ", \"per_s\": %.1f}\n",
              both.server.memory_bytes, both.server.heap_bytes, both.client.memory_bytes,
              both.client.heap_bytes, request.count / both.client.usage.wall_seconds);
}

void run(const Request& request) {
  const bool is_ours = request.who == "jetway";
  if (request.what == "bulk" && (is_ours || request.who == "tls")) return run_bulk(request);
  if (request.what == "handshake" && (is_ours || request.who == "tls")) return run_handshakes(request);
  const bool has_messages = request.what == "ping" || request.what == "steady" || request.what == "first";
  if (has_messages && is_ours) return run_messages(request);
  if (request.what == "idle" && is_ours) return run_idle(request);
  throw std::runtime_error("there is no " + request.what + " of " + request.who);
}

}  // namespace

}  // namespace jetway::bench

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs(jetway::bench::kUsage, stderr);
    return 2;
  }
  try {
    jetway::bench::run(jetway::bench::parse_request(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ends_probe: %s\n", error.what());
    return 1;
  }
  return 0;
}
