#pragma once

#include <functional>
#include <memory>

#include "jetway/io/event_loop.h"
#include "jetway/io/task.h"

namespace jetway::command {

// What the user's Ctrl-C (or a SIGTERM) has said so far. Shared with the coroutine that waits for signals, so
// that it may outlive the command.
struct Interrupt {
  int signal = 0;                   // 0: none yet
  std::function<void()> on_signal;  // the first one; cleared by a command that ends
};

// While no loop runs, and before there is anything to be put in order: a signal ends the process with the
// code for interrupted.
void end_on_signals();

// Catches signals from now on: the first one calls on_signal, the second ends the process.
io::Task<void> watch_signals(io::EventLoop& loop, std::shared_ptr<Interrupt> interrupt);

}  // namespace jetway::command
