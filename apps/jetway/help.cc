#include "apps/jetway/help.h"

#include <algorithm>
#include <format>
#include <vector>

namespace jetway::command {

const CommandHelp kSendHelp = {
    Verb::Send,
    "send",
    node::kSend,
    "jetway send PATH... --to [PEER@]ADDR [OPTION...]      (also: tx)",
    "Sends files and folders to a `jetway receive`. Run the same command again after an interruption: what "
    "has\n"
    "arrived is not sent twice.\n",
    "  jetway send photos/ --to example.org                the first time it asks whether that is the right "
    "peer\n"
    "  jetway send a.iso b.iso --to jw5k...@example.org    only to that peer (jetway receive prints its id)\n"
    "  jetway send big.tar --to unix:///run/jetway.sock    on the same machine\n"
    "  jetway send x --to example.org --json | jq .        one event per line\n"};

const CommandHelp kReceiveHelp = {
    Verb::Receive,
    "receive",
    node::kReceive,
    "jetway receive [OPTION...]      (also: recv, rx, get)",
    "Takes files from `jetway send`, into the present folder unless told otherwise. An unknown sender is "
    "shown and\n"
    "asked about on the terminal, and refused where there is none. A transfer of an admitted sender is asked "
    "about\n"
    "on the terminal, and accepted where there is none.\n",
    "  jetway receive                                      listens on all interfaces, port 4717\n"
    "  jetway receive -d inbox --allow jw5k... --once      one transfer, from that peer only\n"
    "  jetway receive --any --max-bytes 2GB                from anybody, at most 2 GB each time\n"
    "  jetway receive -l unix:///run/jetway.sock -l jsp://127.0.0.1:0\n"};

const CommandHelp kIdHelp = {Verb::Id,
                             "id",
                             node::kId,
                             "jetway id [OPTION...]",
                             "Prints the id of this peer, which others compare with what their terminal "
                             "shows. Makes the identity key when\n"
                             "there is none.\n",
                             "  jetway id                          jw5k...\n"
                             "  jetway id --key-type ml-dsa-65     a key that a quantum computer cannot "
                             "forge, if there is none yet\n"};

const CommandHelp kConfigShowHelp = {
    Verb::ConfigShow,
    "config show",
    node::kShow,
    "jetway config show [OPTION...]",
    "Prints every setting, its value and where it comes from: default, file, environment or flag. The file "
    "is\n"
    "$XDG_CONFIG_HOME/jetway/config.toml or ~/.config/jetway/config.toml; the variable of receive.dir is\n"
    "JETWAY_RECEIVE_DIR. Flags win over the environment, the environment over the file.\n",
    "  jetway config show\n"
    "  JETWAY_LOG_LEVEL=debug jetway config show --json | jq 'select(.origin != \"default\")'\n"};

namespace {

constexpr std::string_view kExitCodes =
    "Exit codes:\n"
    "  0 done                  3 peer refused, or not who it should be    6 local disk, permission or port\n"
    "  1 failed                4 integrity: what arrived is not right     130 interrupted\n"
    "  2 wrong usage           5 connection lost: run it again\n";

constexpr std::size_t kOptionColumn = 30;
constexpr std::size_t kHelpWidth = 110;

struct OptionLine {
  std::string names;
  std::string text;
};

// Breaks `text` into lines that fit behind the column of names.
std::string folded(std::string_view text) {
  std::string result;
  std::size_t column = kOptionColumn;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    if (column > kOptionColumn && column + 1 + word.size() > kHelpWidth) {
      result += '\n' + std::string(kOptionColumn, ' ');
      column = kOptionColumn;
    }
    if (column > kOptionColumn) result += ' ';
    column += word.size() + (column > kOptionColumn ? 1 : 0);
    result += word;
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return result;
}

std::string spaced_names(std::string_view names) {
  if (!names.contains(',')) return std::format("    {}", names);
  return std::format("{}, {}", names.substr(0, names.find(',')), names.substr(names.find(',') + 1));
}

std::string default_text(const node::Setting& setting) {
  if (node::is_switch(setting)) return "";
  std::string list;
  for (const std::string& text : node::value_texts(node::Config{}, setting))
    list += (list.empty() ? "" : ", ") + text;
  return list.empty() ? "" : std::format(" (default: {})", list);
}

std::vector<OptionLine> option_lines(const CommandHelp& help) {
  std::vector<OptionLine> lines;
  for (const node::Setting& setting : node::settings()) {
    if ((setting.commands & help.set) == 0) continue;
    lines.push_back({std::format("{} {}", spaced_names(setting.flag), setting.value_name),
                     std::format("{}{}", setting.help, default_text(setting))});
    if (setting.key == "receive.on_collision") {
      lines.push_back(
          {"    --overwrite, --skip", "Short for --on-collision overwrite and --on-collision skip"});
    }
  }
  lines.push_back({"    --config FILE", "Configuration file, instead of the usual one"});
  lines.push_back({"-h, --help", "This text"});
  return lines;
}

}  // namespace

std::string help_text(const CommandHelp& help) {
  std::string text = std::format("Usage: {}\n\n{}\nOptions:\n", help.usage, help.text);
  for (const OptionLine& line : option_lines(help)) {
    text += std::format("  {:<{}}", line.names, kOptionColumn - 2);
    if (line.names.size() > kOptionColumn - 3) text += '\n' + std::string(kOptionColumn, ' ');
    text += folded(line.text) + '\n';
  }
  text += std::format("\nExamples:\n{}", help.examples);
  if (help.verb == Verb::Send || help.verb == Verb::Receive) text += std::format("\n{}", kExitCodes);
  return text;
}

std::string main_help() {
  return std::format(
      "jetway moves files and folders to another machine: encrypted, verified, resumable.\n"
      "\n"
      "  jetway receive                        there: listens, and prints what to type here\n"
      "  jetway send PATH... --to [PEER@]ADDR  here\n"
      "\n"
      "Commands:\n"
      "  send, tx                  sends files and folders\n"
      "  receive, recv, rx, get    takes files from others\n"
      "  id                        prints the id of this peer\n"
      "  config show               prints all settings and where they come from\n"
      "\n"
      "  jetway COMMAND --help     options and examples of a command\n"
      "  jetway --version          this build and its libraries\n"
      "\n"
      "ADDR is HOST[:PORT] (JSP over UDP, or TCP where that does not get through; port 4717 unless said),\n"
      "jsp://HOST[:PORT], tcp://HOST[:PORT] or unix:///PATH. PEER is the id that `jetway id` prints on the\n"
      "other machine; with it nobody else can answer.\n"
      "\n{}",
      kExitCodes);
}

}  // namespace jetway::command
