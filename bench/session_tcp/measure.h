#pragma once

#include <cstdint>
#include <functional>

// Two processes on a core each, and what they used.
namespace jetway::bench {

// One moment of a process: wall-clock and CPU seconds.
struct Reading {
  double wall = 0;
  double cpu = 0;
  static Reading now();
};

struct Usage {
  double wall_seconds = 0;
  double cpu_seconds = 0;
};
Usage between(const Reading& from, const Reading& to);

void pin_to_core(int core);

// A TCP socket that listens on the loopback interface, and its port.
struct ListeningSocket {
  int descriptor = -1;
  std::uint16_t port = 0;
  static ListeningSocket open();
};

struct BothUsages {
  Usage client;
  Usage server;
};

// Runs `server` in a process of its own on core 1; it calls `ready(port)` when it can be dialed. Runs
// `client` here on core 0 then.
using Server = std::function<Usage(const std::function<void(std::uint16_t)>& ready)>;
using Client = std::function<Usage(std::uint16_t port)>;
BothUsages run_both(const Server& server, const Client& client);

}  // namespace jetway::bench
