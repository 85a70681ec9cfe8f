#pragma once

#include <memory>
#include <string_view>

#include "jetway/base/log.h"
#include "jetway/node/config.h"
#include "jetway/node/error.h"

namespace jetway::node {

// Where the process's log goes (spdlog): to stderr or into a rotated file, as text for people or a JSON
// object per line. Whoever logs only queues the line; a thread formats and writes it. The queue holds
// kQueueLines; when it is full the oldest lines go, and a line says how many.
//
// As long as it lives it is the process's log sink; make one at a time. What is queued when it dies is
// written.
class LogOutput final : public LogSink {
 public:
  static constexpr std::size_t kQueueLines = 8192;

  struct Terminal {
    bool is_terminal =
        false;  // stderr is one, perhaps with a progress line on it that a log line has to clear
    bool has_color = false;
  };
  static NodeResult<std::unique_ptr<LogOutput>> start(const LogSettings& settings, Terminal terminal);

  LogOutput(const LogOutput&) = delete;

  LogOutput& operator=(const LogOutput&) = delete;
  ~LogOutput() override;

  void write(LogLevel level, std::string_view component, std::string_view message) override;

 private:
  class State;
  explicit LogOutput(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace jetway::node
