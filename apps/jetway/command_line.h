#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "apps/jetway/exit_code.h"
#include "jetway/node/config_loader.h"

namespace jetway::command {

enum class Verb : unsigned char { Send, Receive, Id, ConfigShow };

// What the user typed, understood as far as that needs no file.
struct CommandLine {
  Verb verb = Verb::Send;
  std::vector<std::string> words;  // all of it, for the command that continues a send
  std::vector<std::string> paths;  // of send
  std::optional<std::string> config_file;
  std::vector<node::FlagValue> flags;
};

// Nothing more to do than to print this: help, version, or what is wrong.
struct Answer {
  ExitCode exit_code = ExitCode::Done;
  std::string text;
};

std::expected<CommandLine, Answer> parse_command_line(int argc, const char* const* argv);

}  // namespace jetway::command
