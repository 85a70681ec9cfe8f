#pragma once

#include <memory>

#include "apps/jetway/human_reporter.h"
#include "apps/jetway/json_reporter.h"
#include "apps/jetway/program.h"
#include "jetway/io/event_loop.h"

namespace jetway::command {

// The reporter that the settings ask for. `program` and `loop` outlive it.
class Reporters {
 public:
  Reporters(Program& program, io::EventLoop& loop);

  Reporter& active() { return json_ ? static_cast<Reporter&>(*json_) : people_; }

 private:
  HumanReporter people_;
  std::unique_ptr<JsonReporter> json_;
};

// Calls on_tick() as long as the loop runs. `reporter` lives until then.
io::Task<void> tick(io::EventLoop& loop, Reporter& reporter);

}  // namespace jetway::command
