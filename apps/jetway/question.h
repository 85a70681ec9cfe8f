#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace jetway::command {

enum class DefaultAnswer : unsigned char { Yes, No };

// "y", "Yes", "" (the default), "n"; nullopt for anything else.
std::optional<bool> parse_answer(std::string_view line, DefaultAnswer default_answer);

// The person at the terminal: shown something on stderr, heard from stdin, or from /dev/tty where stdin is
// something else.
class Questioner {
 public:
  Questioner();
  Questioner(const Questioner&) = delete;
  Questioner& operator=(const Questioner&) = delete;
  ~Questioner();

  // False without a terminal, or when the process is in the background of one.
  bool can_ask() const;

  // Shows `question` and blocks until there is an answer. No after `timeout` without one, at the end of
  // input, and after cancel().
  bool ask(std::string_view question, DefaultAnswer default_answer, std::chrono::milliseconds timeout);
  // Ends a question that waits, and all later ones; from any thread, or a signal handler.
  void cancel();

 private:
  std::optional<std::string> read_line(std::chrono::steady_clock::time_point deadline);

  int input_ = -1;  // -1: nobody to ask
  bool is_input_ours_ = false;
  int cancel_event_ = -1;
};

}  // namespace jetway::command
