#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <signal.h>

#include "tests/lab/linkem/direction.h"
#include "tests/lab/linkem/frame_pool.h"
#include "tests/lab/linkem/port.h"

namespace jetway::lab {

struct EmulatorConfig {
  std::string interface_a;
  std::string interface_b;
  LinkParameters ab;
  LinkParameters ba;
  std::uint64_t seed = 1;
  // "T COMMAND" or "T+PERIOD COMMAND"; see usage() in main.cc.
  std::vector<std::string> schedule;
  std::string control_path;                    // a FIFO; empty: none
  Nanoseconds batch_slack = 50'000;            // how late a frame may leave so that frames leave in batches
  unsigned ring_slots = 8192;                  // received frames that wait, per interface
  std::size_t memory_max_bytes = 512U << 20U;  // frames held
};

// Throws std::runtime_error when `line` is none of the emulator's.
void check_command(const std::string& line);

// A link between two interfaces: one thread, one loop.
class Emulator {
 public:
  // Throws std::runtime_error.
  explicit Emulator(const EmulatorConfig& config);
  Emulator(const Emulator&) = delete;
  Emulator& operator=(const Emulator&) = delete;
  ~Emulator();

  // Until SIGINT, SIGTERM, SIGHUP or the command `quit`; says "linkem ready" on stderr, and the statistics on
  // stdout at the end.
  void run();

 private:
  struct Event {
    Nanoseconds at;
    Nanoseconds period;  // 0: once
    std::string command;
  };

  static Event parse_event(const std::string& line);
  void receive();
  void run_events(Nanoseconds now);
  void wait(bool is_busy, const sigset_t& signals_while_waiting);
  void read_control();
  // Carries out a command as if it were `at`.
  void execute(const std::string& line, Nanoseconds at);
  void change_link(const std::string& verb, const std::string& direction, const std::string& argument,
                   Nanoseconds at);
  void for_each(const std::string& direction, const std::function<void(Direction&)>& action);
  void restart(Nanoseconds at);
  void report(std::FILE* out);
  void write_report(const std::string& path);
  const char* verdict();

  Port a_;
  Port b_;
  FramePool pool_;
  Direction ab_;
  Direction ba_;
  std::array<Direction*, 2> directions_{&ab_, &ba_};
  std::vector<Event> plan_;      // as configured
  std::vector<Event> schedule_;  // with the times still to come
  std::uint64_t seed_;
  Nanoseconds batch_slack_;
  Nanoseconds started_ = 0;  // of schedule and statistics
  Nanoseconds cpu_at_start_ = 0;
  Nanoseconds last_look_ = 0;  // at signals and the control pipe
  int control_ = -1;
  std::string control_text_;
  bool is_stopped_ = false;
};

}  // namespace jetway::lab
