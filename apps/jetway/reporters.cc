#include "apps/jetway/reporters.h"

#include <unistd.h>

namespace jetway::command {

Reporters::Reporters(Program& program, io::EventLoop& loop)
    : people_(*program.screen, program.config().output.quiet || program.config().output.json,
              [&loop] { return loop.now().engine; }) {
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
