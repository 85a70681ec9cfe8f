// Runs the scenarios of many seeds: ./dev sim --seeds N [--from S] [--trace] [--jobs J]

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <format>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <unistd.h>

#include "tests/jsp_sim/scenario.h"

namespace {

using jetway::sim::ScenarioPlan;
using jetway::sim::ScenarioResult;

struct Options {
  std::uint64_t seeds = 1000;
  std::uint64_t from = 1;
  bool traces = false;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
};

thread_local std::uint64_t current_seed = 0;

// An assertion of the engine ends the program: say with which seed.
void handle_abort(int) {
  std::array<char, 80> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "seed %llu: aborted; ./dev sim --seeds 1 --from %llu\n",
      static_cast<unsigned long long>(current_seed), static_cast<unsigned long long>(current_seed));
  // The program ends whether this could be written or not.
  if (size > 0 && ::write(STDERR_FILENO, text.data(), static_cast<std::size_t>(size)) < 0) return;
}

[[noreturn]] void explain() {
  std::fputs("sim_seeds [--seeds N] [--from S] [--trace] [--jobs J]\n", stderr);
  std::exit(2);
}

Options parse(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (name == "--trace") {
      options.traces = true;
      continue;
    }
    if (i + 1 == count) explain();
    const std::uint64_t value = std::strtoull(arguments[++i], nullptr, 10);
    if (name == "--seeds") {
      options.seeds = value;
    } else if (name == "--from") {
      options.from = value;
    } else if (name == "--jobs" && value > 0) {
      options.jobs = static_cast<unsigned>(value);
    } else {
      explain();
    }
  }
  return options;
}

class Runs {
 public:
  explicit Runs(const Options& options) : options_(options) {}

  // What one thread does; there may be several.
  void work() {
    while (true) {
      const std::uint64_t index = next_++;
      if (index >= options_.seeds) return;
      current_seed = options_.from + index;
      run_one(current_seed);
    }
  }

  int finish(double seconds) const {
    std::fputs(
        std::format("{} seeds in {:.1f} s: {} failed, {} connected, {} had all they wanted; {:.1f} million "
                    "events, {:.0f} virtual seconds\n",
                    options_.seeds, seconds, failed_, connected_, complete_,
                    static_cast<double>(events_) / 1e6, virtual_seconds_)
            .c_str(),
        stdout);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  void run_one(std::uint64_t seed) {
    const ScenarioPlan plan = jetway::sim::draw_scenario(seed, options_.traces ? kTraceEvents : 0);
    const ScenarioResult result = jetway::sim::run_scenario(plan);
    const std::scoped_lock lock(mutex_);
    events_ += result.events;
    virtual_seconds_ += std::chrono::duration<double>(result.elapsed).count();
    connected_ += result.was_connected ? 1U : 0U;
    complete_ += result.was_complete ? 1U : 0U;
    failed_ += result.failure ? 1U : 0U;
    if (options_.traces || result.failure) report(seed, plan, result);
  }

  void report(std::uint64_t seed, const ScenarioPlan& plan, const ScenarioResult& result) const {
    std::string text =
        result.trace + std::format("seed {}: {}\n{}", seed, result.failure.value_or("ok"), plan.describe());
    if (!text.ends_with('\n')) text += '\n';
    if (result.failure) text += std::format("repeat with ./dev sim --seeds 1 --from {} --trace\n\n", seed);
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  static constexpr std::size_t kTraceEvents = 100'000;

  const Options options_;
  std::atomic<std::uint64_t> next_ = 0;
  std::mutex mutex_;
  std::uint64_t failed_ = 0;
  std::uint64_t connected_ = 0;
  std::uint64_t complete_ = 0;
  std::uint64_t events_ = 0;
  double virtual_seconds_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  const Options options = parse(count, arguments);
  static_cast<void>(std::signal(SIGABRT, handle_abort));
  const auto start = std::chrono::steady_clock::now();
  Runs runs(options);
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < options.jobs; ++i) threads.emplace_back([&runs] { runs.work(); });
  }
  return runs.finish(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}
