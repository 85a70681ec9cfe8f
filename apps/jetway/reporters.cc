#include "apps/jetway/reporters.h"

#include <unistd.h>

namespace jetway::command {

namespace {

// Beside JSON people hear of problems only.
Verbosity verbosity(const node::OutputSettings& output) {
  if (output.quiet || output.json) return Verbosity::Quiet;
  return output.verbose ? Verbosity::Verbose : Verbosity::Normal;
}

}  // namespace

Reporters::Reporters(Program& program, io::EventLoop& loop)
    : people_(*program.screen, verbosity(program.config().output), [&loop] { return loop.now().engine; }) {
  if (program.config().output.json) {
    json_ = std::make_unique<JsonReporter>(STDOUT_FILENO, people_, [&loop] { return loop.now(); });
  }
}

io::Task<void> tick(io::EventLoop& loop, Reporter& reporter) {
  for (;;) {
    co_await loop.sleep(kTick);
    reporter.on_tick();
  }
}

}  // namespace jetway::command
