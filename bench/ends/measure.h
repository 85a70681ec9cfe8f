#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace jetway::bench {

// Where the two ends run.
struct Layout {
  std::string server_address = "127.0.0.1";  // IPv4
  // Network namespaces (`ip netns`); empty: the one that the program was started in.
  std::string server_namespace;
  std::string client_namespace;
  int server_core = 1;
  int client_core = 0;
};

struct Usage {
  double wall_seconds = 0;
  double cpu_seconds = 0;  // user and system time of the process
};

struct Reading {
  double wall = 0;
  double cpu = 0;
  static Reading now();
};

Usage between(const Reading& from, const Reading& to);

// Microseconds on a clock that never goes back.
double now_us();

// Of samples in microseconds.
struct Latency {
  double p50_us = 0;
  double p99_us = 0;
  double max_us = 0;
  std::uint64_t samples = 0;
};

Latency summarize(std::vector<double> samples_us);

// What one end has to say at the end: all of it fits through a pipe as it is.
struct EndReport {
  Usage usage{};
  Latency latency{};
  std::uint64_t packets_sent = 0;
  std::uint64_t packets_received = 0;
  std::uint64_t packets_lost = 0;
  std::uint64_t packets_repaired = 0;
  std::uint64_t bytes_sent = 0;  // on the pipe
  std::uint64_t mtu_bytes = 0;   // payload of the largest datagram
  // Of one of many idle connections: resident pages, and what the allocator has handed out.
  std::uint64_t memory_bytes = 0;
  std::uint64_t heap_bytes = 0;
};

struct BothReports {
  EndReport client;
  EndReport server;
};

// A socket that listens on a port of the system's choice.
struct ListeningSocket {
  int descriptor = -1;
  std::uint16_t port = 0;
  static ListeningSocket open(const std::string& address);
};

// Connected, without delay for small writes.
int dial_tcp(const std::string& address, std::uint16_t port);
void set_no_delay(int descriptor);

// Keeps the process on one core.
void pin_to_core(int core);

// Runs the server in a process of its own, then the client here, each in its namespace and on its core. The
// server says its port through the function that it is given.
using Server = std::function<EndReport(const std::function<void(std::uint16_t)>& ready)>;
using Client = std::function<EndReport(std::uint16_t port)>;
BothReports run_both(const Layout& layout, const Server& server, const Client& client);

}  // namespace jetway::bench
