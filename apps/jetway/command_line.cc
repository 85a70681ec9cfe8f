#include "apps/jetway/command_line.h"

#include <algorithm>
#include <deque>
#include <format>
#include <string_view>

#include <CLI/CLI.hpp>

#include "apps/jetway/help.h"
#include "apps/jetway/version_text.h"
#include "jetway/base/text.h"

namespace jetway::command {

namespace {

// A flag that stands for a value of a setting.
struct Shorthand {
  std::string_view flag;
  std::string_view key;
  std::string_view value;
};

// The parser, and where each of its options leads to.
class Parser {
 public:
  Parser() {
    app_.set_help_flag();
    app_.add_flag("-h,--help");
    app_.add_flag("-V,--version");
    CLI::App& send = add_verb(kSendHelp, {"tx"}, app_);
    send.add_option("paths", paths_)->allow_extra_args();
    add_verb(kReceiveHelp, {"recv", "rx", "get"}, app_);
    add_verb(kIdHelp, {}, app_);
    CLI::App& config = *app_.add_subcommand("config");
    config.set_help_flag();
    config.add_flag("-h,--help");
    add_verb(kConfigShowHelp, {}, config);
    config_ = &config;
  }

  std::expected<CommandLine, Answer> parse(int argc, const char* const* argv) {
    // What stands behind "--" is a path, whatever it looks like.
    const char* const* const end = argv + argc;
    const char* const* const mark = std::find(argv, end, std::string_view{"--"});
    try {
      app_.parse(static_cast<int>(mark - argv), argv);
    } catch (const CLI::ParseError& error) {
      if (auto answer = help_or_version()) return std::unexpected(std::move(*answer));
      return std::unexpected(usage_error(escape_text(error.what())));
    }
    if (auto answer = help_or_version()) return std::unexpected(std::move(*answer));
    const Command* command = parsed_command();
    if (command == nullptr) {
      return std::unexpected(
          Answer{ExitCode::Usage, config_->parsed() ? help_text(kConfigShowHelp) : main_help()});
    }
    CommandLine line;
    line.verb = command->help->verb;
    line.words.assign(argv, argv + argc);
    line.paths = paths_;
    if (mark != end) line.paths.insert(line.paths.end(), mark + 1, end);
    if (line.verb != Verb::Send && !line.paths.empty())
      return std::unexpected(usage_error("it takes no paths"));
    if (!command->config_file.empty()) line.config_file = command->config_file;
    line.flags = flags_of(*command);
    if (line.verb == Verb::Send && line.paths.empty())
      return std::unexpected(usage_error("nothing to send: name files or folders"));
    return line;
  }

 private:
  struct Flag {
    CLI::Option* option;
    const node::Setting* setting;
    std::string_view fixed_value;  // of a shorthand
  };
  struct Command {
    const CommandHelp* help;
    CLI::App* app;
    std::string config_file;
    std::vector<Flag> flags;
  };

  CLI::App& add_verb(const CommandHelp& help, const std::vector<std::string>& aliases, CLI::App& parent) {
    CLI::App* app = parent.add_subcommand(std::string{help.name.substr(help.name.rfind(' ') + 1)});
    for (const std::string& alias : aliases) app->alias(alias);
    app->set_help_flag();
    app->add_flag("-h,--help");
    Command& command = commands_.emplace_back(Command{&help, app, {}, {}});
    app->add_option("--config", command.config_file);
    for (const node::Setting& setting : node::settings()) {
      if ((setting.commands & help.set) != 0)
        command.flags.push_back({add_option(*app, setting), &setting, {}});
    }
    for (const auto& shorthand : {Shorthand{"--overwrite", "receive.on_collision", "overwrite"},
                                  Shorthand{"--skip", "receive.on_collision", "skip"}}) {
      const node::Setting* setting = node::find_setting(shorthand.key);
      if ((setting->commands & help.set) == 0) continue;
      command.flags.push_back({app->add_flag(std::string{shorthand.flag}), setting, shorthand.value});
    }
    return *app;
  }

  static CLI::Option* add_option(CLI::App& app, const node::Setting& setting) {
    const std::string names{setting.flag};
    if (node::is_switch(setting)) return app.add_flag(names);
    CLI::Option* option = app.add_option(names)->expected(1)->allow_extra_args(false);
    option->multi_option_policy(node::is_list(setting) ? CLI::MultiOptionPolicy::TakeAll
                                                       : CLI::MultiOptionPolicy::TakeLast);
    return option;
  }

  std::optional<Answer> help_or_version() const {
    if (app_.count("--version") > 0) return Answer{ExitCode::Done, version_text()};
    if (const Command* command = parsed_command()) {
      if (command->app->count("--help") > 0) return Answer{ExitCode::Done, help_text(*command->help)};
      return std::nullopt;
    }
    if (config_->parsed() && config_->count("--help") > 0)
      return Answer{ExitCode::Done, help_text(kConfigShowHelp)};
    if (app_.count("--help") > 0) return Answer{ExitCode::Done, main_help()};
    return std::nullopt;
  }

  Answer usage_error(std::string_view text) const {
    const Command* command = parsed_command();
    const std::string name = command == nullptr ? "jetway" : std::format("jetway {}", command->help->name);
    return {ExitCode::Usage, std::format("jetway: {}\n  see {} --help\n", text, name)};
  }

  const Command* parsed_command() const {
    const auto found =
        std::ranges::find_if(commands_, [](const Command& command) { return command.app->parsed(); });
    return found == commands_.end() ? nullptr : &*found;
  }

  static std::vector<node::FlagValue> flags_of(const Command& command) {
    std::vector<node::FlagValue> values;
    for (const Flag& flag : command.flags) {
      if (flag.option->count() == 0) continue;
      const std::string name = "--" + flag.option->get_lnames().front();
      if (flag.fixed_value.empty()) {
        values.push_back({flag.setting, name, flag.option->reduced_results()});
      } else {
        values.push_back({flag.setting, name, {std::string{flag.fixed_value}}});
      }
    }
    return values;
  }

  CLI::App app_;
  CLI::App* config_ = nullptr;
  std::deque<Command> commands_;
  std::vector<std::string> paths_;
};

}  // namespace

std::expected<CommandLine, Answer> parse_command_line(int argc, const char* const* argv) {
  return Parser{}.parse(argc, argv);
}

}  // namespace jetway::command
