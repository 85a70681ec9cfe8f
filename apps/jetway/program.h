#pragma once

#include <memory>
#include <string>

#include "apps/jetway/command_line.h"
#include "apps/jetway/reporter.h"
#include "apps/jetway/screen.h"
#include "jetway/node/config_loader.h"
#include "jetway/node/environment.h"
#include "jetway/node/identity_store.h"
#include "jetway/node/known_peers_file.h"
#include "jetway/node/log_output.h"
#include "jetway/node/paths.h"

namespace jetway::command {

// What all commands begin with: settings, folders, log, screen.
struct Program {
  CommandLine line;
  node::Environment environment;
  node::Paths paths;
  node::LoadedConfig loaded;
  std::unique_ptr<node::LogOutput> log;
  std::unique_ptr<Screen> screen;

  const node::Config& config() const { return loaded.config; }
  node::NodeResult<node::LoadedIdentity> load_identity() const;
  // Whom we reached, by address; and whose files we take.
  node::KnownPeersFile known_peers() const { return node::KnownPeersFile{paths.known_peers_file()}; }
  node::KnownPeersFile allowed_peers() const { return node::KnownPeersFile{paths.allowed_peers_file()}; }
};

// Runs what the command line says, to the end.
ExitCode run_program(CommandLine line);

// Each command, in a file of its own.
ExitCode run_send(Program& program);
ExitCode run_receive(Program& program);
ExitCode run_id(Program& program);
ExitCode run_config_show(Program& program);

// For the person who started the command, on stderr.
ExitCode show_problem(Program& program, const Problem& problem);

}  // namespace jetway::command
