#include <csignal>
#include <cstdio>

#include "apps/jetway/program.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away does not end a transfer
  auto line = jetway::command::parse_command_line(argc, argv);
  if (!line) {
    const jetway::command::Answer& answer = line.error();
    std::fputs(answer.text.c_str(), answer.exit_code == jetway::command::ExitCode::Done ? stdout : stderr);
    return static_cast<int>(answer.exit_code);
  }
  return static_cast<int>(jetway::command::run_program(std::move(*line)));
}
