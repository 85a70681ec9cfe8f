#pragma once

#include <string>
#include <string_view>

#include "apps/jetway/progress_line.h"

namespace jetway::command {

// The terminal (or the file) where people read what happens: stderr. Lines, and below them one status line
// that is rewritten in place. Without a terminal there is no status line.
class Screen {
 public:
  struct Options {
    bool is_terminal = false;
    bool has_unicode = false;
    bool has_color = false;
  };
  Screen(int fd, Options options) : fd_(fd), options_(options) {}
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen();

  bool is_terminal() const { return options_.is_terminal; }
  // As wide as the terminal is at the moment.
  LineStyle style() const;

  // Whole lines, without the last newline; what was printed later comes before them.
  void print(std::string_view lines);
  // The same for what comes in masses: it may wait in memory until flush() or the next print().
  void print_later(std::string_view line);
  void flush();

  // Replaces the status line; empty: none.
  void set_status(std::string line);
  // While a question is on the screen: the status line is away and stays away.
  void hold();
  void release();

  // `text` in bold or red where there is color.
  std::string emphasized(std::string_view text) const;
  std::string alarming(std::string_view text) const;
  std::string faint(std::string_view text) const;

 private:
  void write_all(std::string_view bytes);
  std::string colored(std::string_view code, std::string_view text) const;

  int fd_;
  Options options_;
  std::string status_;
  std::string waiting_;
  int holders_ = 0;
};

}  // namespace jetway::command
