#include "apps/jetway/interrupt.h"

#include <csignal>

#include <unistd.h>

#include "apps/jetway/exit_code.h"

namespace jetway::command {

namespace {

void end_process(int /*signal*/) { ::_exit(static_cast<int>(ExitCode::Interrupted)); }

}  // namespace

void end_on_signals() {
  std::signal(SIGINT, end_process);
  std::signal(SIGTERM, end_process);
}

io::Task<void> watch_signals(io::EventLoop& loop, std::shared_ptr<Interrupt> interrupt) {
  interrupt->signal = co_await loop.next_signal();
  if (interrupt->on_signal) interrupt->on_signal();
  end_process(co_await loop.next_signal());
}

}  // namespace jetway::command
