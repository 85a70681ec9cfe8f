#include "apps/jetway/program.h"

#include <algorithm>
#include <array>
#include <utility>

#include <unistd.h>

#include "apps/jetway/human_reporter.h"
#include "apps/jetway/messages.h"
#include "jetway/crypto/system_random.h"

namespace jetway::command {

namespace {

bool has_utf8_locale(const node::Environment& environment) {
  for (const std::string_view name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (const auto value = environment.find(name)) {
      return value->contains("UTF-8") || value->contains("utf8") || value->contains("UTF8");
    }
  }
  return false;
}

Screen::Options screen_options(const node::Environment& environment, node::ColorMode color) {
  Screen::Options options;
  const auto terminal = environment.find("TERM");
  options.is_terminal = ::isatty(STDERR_FILENO) != 0 && terminal != "dumb";
  options.has_unicode = has_utf8_locale(environment);
  options.has_color =
      color == node::ColorMode::Always ||
      (color == node::ColorMode::Auto && options.is_terminal && !environment.find("NO_COLOR"));
  return options;
}

node::NodeResult<void> load(Program& program) {
  auto paths = node::find_paths(program.environment);
  if (!paths) return std::unexpected(std::move(paths.error()));
  program.paths = std::move(*paths);

  node::ConfigSources sources;
  sources.file = program.paths.config_file();
  sources.environment = &program.environment;
  sources.flags = program.line.flags;
  const auto from_environment = program.environment.find("JETWAY_CONFIG");
  if (program.line.config_file || from_environment) {
    sources.file = program.line.config_file ? *program.line.config_file : std::string{*from_environment};
    sources.is_file_required = true;
  }
  auto loaded = node::load_config(sources);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  program.loaded = std::move(*loaded);

  const Screen::Options options = screen_options(program.environment, program.config().output.color);
  program.screen = std::make_unique<Screen>(STDERR_FILENO, options);
  auto log = node::LogOutput::start(program.config().log, {options.is_terminal, options.has_color});
  if (!log) return std::unexpected(std::move(log.error()));
  program.log = std::move(*log);
  return {};
}

}  // namespace

node::NodeResult<node::LoadedIdentity> Program::load_identity() const {
  crypto::SystemRandom random;
  const node::IdentitySettings& settings = config().identity;
  const std::filesystem::path file =
      settings.file.empty() ? paths.identity_file() : std::filesystem::path{settings.file};
  return node::load_or_create_identity(file, settings.key_type, random);
}

ExitCode show_problem(Program& program, const Problem& problem) {
  HumanReporter{*program.screen, Verbosity::Normal, [] { return TimePoint{}; }}.on_problem(problem);
  return problem.exit_code;
}

ExitCode run_program(CommandLine line) {
  Program program;
  program.line = std::move(line);
  program.environment = node::Environment::of_process();
  program.screen =
      std::make_unique<Screen>(STDERR_FILENO, screen_options(program.environment, node::ColorMode::Auto));
  if (const auto done = load(program); !done) return show_problem(program, problem_of(done.error()));
  for (const std::string& warning : program.loaded.warnings) program.screen->print("warning: " + warning);
  switch (program.line.verb) {
    case Verb::Send:
      return run_send(program);
    case Verb::Receive:
      return run_receive(program);
    case Verb::Id:
      return run_id(program);
    case Verb::ConfigShow:
      return run_config_show(program);
  }
  return ExitCode::Failed;
}

}  // namespace jetway::command
