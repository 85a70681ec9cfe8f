#include "tests/lab/linkem/emulator.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstring>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace jetway::lab {

namespace {

constexpr std::size_t kSpareFrames = 1024;
constexpr int kReceiveBatch = 256;
constexpr Nanoseconds kLookInterval = 2 * kMillisecond;

volatile sig_atomic_t stop_signalled = 0;

// What follows the verb: [ab|ba|both] [ARGUMENT]
struct Command {
  std::string verb;
  std::string direction = "both";
  std::string argument;
};

Command parse_command(const std::string& line) {
  std::istringstream in(line);
  Command command;
  std::string word;
  in >> command.verb >> word;
  if (word == "ab" || word == "ba" || word == "both") {
    command.direction = word;
    in >> command.argument;
  } else {
    command.argument = word;
  }
  return command;
}

void take_signals_in_poll_only(sigset_t* while_waiting) {
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    sigaddset(&blocked, number);
    struct sigaction action{};
    action.sa_handler = [](int) { stop_signalled = 1; };
    ::sigaction(number, &action, nullptr);
  }
  ::sigprocmask(SIG_BLOCK, &blocked, while_waiting);
}

// Above ordinary processes, so that busy endpoints cannot starve the link.
void take_precedence() {
  ::prctl(PR_SET_TIMERSLACK, 1UL);
  sched_param priority{};
  priority.sched_priority = 1;
  if (::sched_setscheduler(0, SCHED_FIFO, &priority) != 0) ::setpriority(PRIO_PROCESS, 0, -20);
}

}  // namespace

void check_command(const std::string& line) {
  const Command command = parse_command(line);
  if (command.verb == "set") {
    LinkParameters{}.set(command.argument);
  } else if (command.verb == "blackout") {
    parse_time(command.argument);
  } else if (command.verb != "down" && command.verb != "up" && command.verb != "stats" &&
             command.verb != "restart" && command.verb != "quit") {
    throw std::runtime_error("unknown command '" + line + "'");
  }
}

Emulator::Emulator(const EmulatorConfig& config)
    : a_(config.interface_a, config.ring_slots),
      b_(config.interface_b, config.ring_slots),
      pool_(std::max(a_.frame_bytes_max(), b_.frame_bytes_max()), config.memory_max_bytes),
      ab_("ab", b_.descriptor(), pool_),
      ba_("ba", a_.descriptor(), pool_),
      seed_(config.seed),
      batch_slack_(config.batch_slack) {
  ab_.parameters() = config.ab;
  ba_.parameters() = config.ba;
  for (const std::string& line : config.schedule) plan_.push_back(parse_event(line));
  pool_.grow(config.ab.frames_in_flight_max() + config.ba.frames_in_flight_max() + kSpareFrames);
  if (config.control_path.empty()) return;
  ::mkfifo(config.control_path.c_str(), 0600);
  control_ =
      ::open(config.control_path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);  // O_RDWR: never at its end
  if (control_ < 0) throw std::runtime_error(config.control_path + ": " + std::strerror(errno));
}

Emulator::~Emulator() {
  if (control_ >= 0) ::close(control_);
}

// "3s blackout 2s", "10s+20s blackout 2s"
Emulator::Event Emulator::parse_event(const std::string& line) {
  std::istringstream in(line);
  std::string when;
  std::string command;
  in >> when;
  std::getline(in >> std::ws, command);
  check_command(command);
  const auto plus = when.find('+');
  const Nanoseconds period = plus == std::string::npos ? 0 : parse_time(when.substr(plus + 1));
  if (plus != std::string::npos && period == 0)
    throw std::runtime_error("'" + line + "': the period is zero");
  return {.at = parse_time(when.substr(0, plus)), .period = period, .command = command};
}

void Emulator::run() {
  take_precedence();
  sigset_t while_waiting;
  take_signals_in_poll_only(&while_waiting);
  restart(monotonic_now());
  std::fputs("linkem ready\n", stderr);
  while (!is_stopped_ && stop_signalled == 0) {
    receive();
    run_events(monotonic_now());
    bool is_busy = false;
    for (Direction* direction : directions_) {
      const Nanoseconds now = monotonic_now();
      direction->advance(now);
      is_busy |= direction->send_due(now);
    }
    wait(is_busy, while_waiting);
  }
  report(stdout);
}

void Emulator::receive() {
  const Nanoseconds now = monotonic_now();
  const Nanoseconds offset = now - clock_now(CLOCK_REALTIME);  // the ring's timestamps are CLOCK_REALTIME
  for (Direction* direction : directions_) {
    Port& from = direction == &ab_ ? a_ : b_;
    for (int i = 0; i < kReceiveBatch; ++i) {
      tpacket2_hdr* const frame = from.next();
      if (frame == nullptr) break;
      if ((frame->tp_status & TP_STATUS_CSUMNOTREADY) != 0) direction->add(Count::NoChecksum);
      if (frame->tp_snaplen < frame->tp_len) {
        direction->add(Count::DropOversize);
      } else {
        const auto* const data = reinterpret_cast<const std::uint8_t*>(frame) + frame->tp_mac;
        const Nanoseconds at = static_cast<Nanoseconds>(frame->tp_sec) * kSecond + frame->tp_nsec + offset;
        direction->handle_frame({data, frame->tp_snaplen}, at, now);
      }
      from.release(frame);
    }
  }
}

// Sleeps until something has to be done. While frames leave it does not sleep, and looks at signals and the
// control pipe now and then only.
void Emulator::wait(bool is_busy, const sigset_t& signals_while_waiting) {
  const Nanoseconds now = monotonic_now();
  Nanoseconds wake = kNever;
  bool is_deaf = false;  // a loaded link with delay need not be woken by every arrival
  if (is_busy) {
    if (now < last_look_ + kLookInterval) return;
    wake = now;
  } else {
    for (const Event& event : schedule_) wake = std::min(wake, started_ + event.at);
    for (const Direction* direction : directions_) wake = std::min(wake, direction->next_event());
    if (wake <= now) return;
    const std::size_t held = ab_.frames_held() + ba_.frames_held();
    if (held > 0) wake = std::max(wake, now + batch_slack_);
    is_deaf =
        held > 64 && std::min(ab_.parameters().delay_min(), ba_.parameters().delay_min()) >= 2 * kMillisecond;
    if (is_deaf) wake = std::min(wake, now + kMillisecond / 2);
  }
  last_look_ = now;
  std::array<pollfd, 3> watched{{{.fd = control_, .events = POLLIN, .revents = 0},
                                 {.fd = a_.descriptor(), .events = POLLIN, .revents = 0},
                                 {.fd = b_.descriptor(), .events = POLLIN, .revents = 0}}};
  const timespec left{.tv_sec = (wake - now) / kSecond, .tv_nsec = (wake - now) % kSecond};
  if (::ppoll(watched.data(), is_deaf ? 1 : watched.size(), wake < kNever ? &left : nullptr,
              &signals_while_waiting) <= 0) {
    return;
  }
  if (watched[0].revents != 0) read_control();
  if ((watched[1].revents & POLLERR) != 0) a_.clear_error();
  if ((watched[2].revents & POLLERR) != 0) b_.clear_error();
}

void Emulator::read_control() {
  std::array<char, 4096> block{};
  for (;;) {
    const ssize_t count = ::read(control_, block.data(), block.size());
    if (count <= 0) break;
    control_text_.append(block.data(), static_cast<std::size_t>(count));
  }
  for (std::size_t end = 0; (end = control_text_.find('\n')) != std::string::npos;) {
    const std::string line = control_text_.substr(0, end);
    control_text_.erase(0, end + 1);
    try {
      check_command(line);
      execute(line, monotonic_now());
    } catch (const std::exception& error) {
      std::fprintf(stderr, "linkem: %s\n", error.what());
    }
  }
}

// Each happens at its own time, however late we are.
void Emulator::run_events(Nanoseconds now) {
  for (;;) {
    const auto next = std::ranges::min_element(schedule_, {}, &Event::at);
    if (next == schedule_.end() || started_ + next->at > now) return;
    const Event event = std::move(*next);
    schedule_.erase(next);
    if (event.period > 0) schedule_.push_back({event.at + event.period, event.period, event.command});
    execute(event.command, started_ + event.at);
  }
}

void Emulator::execute(const std::string& line, Nanoseconds at) {
  const Command command = parse_command(line);
  if (command.verb == "stats") {
    write_report(command.argument);
  } else if (command.verb == "restart") {
    restart(at);
  } else if (command.verb == "quit") {
    is_stopped_ = true;
  } else {
    change_link(command.verb, command.direction, command.argument, at);
  }
}

void Emulator::change_link(const std::string& verb, const std::string& direction, const std::string& argument,
                           Nanoseconds at) {
  for_each(direction, [&](Direction& one) {
    if (verb == "set") {
      one.advance(at);
      one.parameters().set(argument);
    } else if (verb == "blackout") {
      one.begin_outage(at, at + parse_time(argument));
    } else if (verb == "down") {
      one.begin_outage(at, kNever);
    } else if (verb == "up") {
      one.end_outage(at);
    }
  });
}

void Emulator::for_each(const std::string& direction, const std::function<void(Direction&)>& action) {
  for (Direction* one : directions_) {
    if (direction == "both" || direction == one->name()) action(*one);
  }
}

void Emulator::restart(Nanoseconds at) {
  started_ = at;
  schedule_ = plan_;
  for (Direction* direction : directions_) direction->reset(seed_, at);
  a_.reset_drops();
  b_.reset_drops();
  cpu_at_start_ = clock_now(CLOCK_PROCESS_CPUTIME_ID);
}

void Emulator::report(std::FILE* out) {
  for (const Direction* direction : directions_) direction->report(out);
  const double seconds = static_cast<double>(monotonic_now() - started_) * 1e-9;
  const double cpu_seconds = static_cast<double>(clock_now(CLOCK_PROCESS_CPUTIME_ID) - cpu_at_start_) * 1e-9;
  std::fprintf(out,
               "linkem self seconds=%.3f cpu_percent=%.1f ring_drops_a=%" PRIu64 " ring_drops_b=%" PRIu64
               " verdict=%s\n",
               seconds, 100 * cpu_seconds / seconds, a_.drops(), b_.drops(), verdict());
  std::fflush(out);
}

// Complete or not there at all.
void Emulator::write_report(const std::string& path) {
  if (path.empty()) return report(stderr);
  const std::string unfinished = path + ".tmp";
  std::FILE* const out = std::fopen(unfinished.c_str(), "w");
  if (out == nullptr) throw std::runtime_error("cannot write " + path);
  report(out);
  std::fclose(out);
  std::rename(unfinished.c_str(), path.c_str());
}

const char* Emulator::verdict() {
  for (const Direction* direction : directions_) {
    if (direction->has_counted(Count::DropOversize)) return "offloads_on(turn_tso_gso_gro_off)";
    if (direction->has_counted(Count::NoChecksum)) return "offloads_on(turn_tx_checksum_off)";
    if (direction->has_counted(Count::DropMemory)) return "out_of_memory(raise_--memory)";
    if (direction->was_late()) return "emulator_was_late";
  }
  return a_.drops() + b_.drops() > 0 ? "emulator_dropped_frames" : "ok";
}

}  // namespace jetway::lab
