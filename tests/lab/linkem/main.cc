#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/lab/linkem/emulator.h"

namespace {

using jetway::lab::Emulator;
using jetway::lab::EmulatorConfig;
using jetway::lab::LinkParameters;

constexpr const char* kUsage =
    R"(linkem - a link at layer 2 between two network interfaces, both ways independent

usage: linkem [OPTION...] IF_A IF_B
  --ab SPEC, --ba SPEC, --both SPEC   parameters, SPEC = key=value[,key=value...]
  --seed N         of the pseudo-random decisions (1)
  --at 'T COMMAND' do COMMAND at time T; T+P: and every P after it; may be repeated
  --control FIFO   read lines of COMMAND from this named pipe (made if missing)
  --slack TIME     a frame may leave this much late so that frames leave in batches (50us)
  --ring N         receive slots per interface (8192)
  --memory MB      for frames held (512)
  --check SPEC     only see whether SPEC is well-formed
parameters of a direction (bare numbers: ms, Mbit/s, %, bytes)
  delay=T  jitter=T (delay +- T)  jitter_period=T (jitter wanders from one random offset to
  the next in this time, 50ms; 0: independent for every frame)  overtake=1 (jitter may reorder)
  rate=R (0: unlimited)  queue=BYTES|TIME (drop-tail; 50ms)  overhead=BYTES (per frame)
  loss=P  ge=P/R[/BAD[/GOOD]] (Gilbert-Elliott: good->bad, bad->good, loss if bad 100%, if good 0)
  dup=P  corrupt=P (flip one bit)  reorder=P  reorder_by=T (held back this long, 5ms)
  mtu=N (bigger packets vanish)  outage=drop|hold
commands; DIR is ab or ba, both if left out
  set [DIR] SPEC | blackout [DIR] TIME | down [DIR] | up [DIR]
  stats [FILE] | restart (statistics, seed and schedule begin anew) | quit
)";

void set_option(EmulatorConfig& config, const std::string& option, const std::string& value) {
  if (option == "--ab" || option == "--both") config.ab.set(value);
  if (option == "--ba" || option == "--both") config.ba.set(value);
  if (option == "--ab" || option == "--ba" || option == "--both") return;
  if (option == "--seed") {
    config.seed = std::strtoull(value.c_str(), nullptr, 10);
  } else if (option == "--at") {
    config.schedule.push_back(value);
  } else if (option == "--control") {
    config.control_path = value;
  } else if (option == "--slack") {
    config.batch_slack = jetway::lab::parse_time(value);
  } else if (option == "--ring") {
    config.ring_slots = static_cast<unsigned>(jetway::lab::parse_number(value));
  } else if (option == "--memory") {
    config.memory_max_bytes = static_cast<std::size_t>(jetway::lab::parse_number(value) * 1e6);
  } else {
    throw std::runtime_error("unknown option " + option + " (see --help)");
  }
}

EmulatorConfig parse_arguments(const std::vector<std::string>& arguments) {
  EmulatorConfig config;
  std::vector<std::string> interfaces;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].starts_with('-')) {
      interfaces.push_back(arguments[i]);
      continue;
    }
    if (i + 1 == arguments.size()) throw std::runtime_error(arguments[i] + " needs a value");
    set_option(config, arguments[i], arguments[i + 1]);
    ++i;
  }
  if (interfaces.size() != 2) throw std::runtime_error("two interfaces are needed (see --help)");
  config.interface_a = interfaces[0];
  config.interface_b = interfaces[1];
  return config;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (!arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h")) {
      std::fputs(kUsage, stdout);
    } else if (arguments.size() == 2 && arguments[0] == "--check") {
      LinkParameters{}.set(arguments[1]);
    } else {
      Emulator(parse_arguments(arguments)).run();
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "linkem: %s\n", error.what());
    return 1;
  }
  return 0;
}
