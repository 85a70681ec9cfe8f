#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "apps/jetway/command_line.h"
#include "jetway/node/settings.h"

namespace jetway::command {

// What there is to say about a command; its options come from the table of settings.
struct CommandHelp {
  Verb verb;
  std::string_view name;  // "config show"
  node::CommandSet set;
  std::string_view usage;
  std::string_view text;
  std::string_view examples;
};

extern const CommandHelp kSendHelp;
extern const CommandHelp kReceiveHelp;
extern const CommandHelp kIdHelp;
extern const CommandHelp kConfigShowHelp;

std::string main_help();
std::string help_text(const CommandHelp& help);

}  // namespace jetway::command
