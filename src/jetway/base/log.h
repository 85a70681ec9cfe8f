#pragma once

#include <atomic>
#include <cstdint>
#include <format>
#include <string>
#include <string_view>
#include <utility>

namespace jetway {

enum class LogLevel : std::uint8_t { Trace, Debug, Info, Warn, Error, Off };

// Where log lines go. One for the process, set by `node`; write() may come from any thread. The text is
// already safe to show if every foreign part of it went through escape_text().
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(LogLevel level, std::string_view component, std::string_view message) = 0;
};

// The sink must outlive its use; null silences everything, which is how a process starts.
void set_log_sink(LogSink* sink, LogLevel level);
LogLevel log_level();
void write_log(LogLevel level, std::string_view component, std::string_view message);

// A component's way to the log: `constexpr Logger kLog{"framed"};`. A line below the level costs one load.
class Logger {
 public:
  explicit constexpr Logger(std::string_view component) : component_(component) {}

  bool is_enabled(LogLevel level) const { return level >= log_level(); }

  template <class... Args>
  void operator()(LogLevel level, std::format_string<Args...> format, Args&&... args) const {
    if (!is_enabled(level)) return;
    write_log(level, component_, std::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void trace(std::format_string<Args...> format, Args&&... args) const {
    (*this)(LogLevel::Trace, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void debug(std::format_string<Args...> format, Args&&... args) const {
    (*this)(LogLevel::Debug, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void info(std::format_string<Args...> format, Args&&... args) const {
    (*this)(LogLevel::Info, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void warn(std::format_string<Args...> format, Args&&... args) const {
    (*this)(LogLevel::Warn, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void error(std::format_string<Args...> format, Args&&... args) const {
    (*this)(LogLevel::Error, format, std::forward<Args>(args)...);
  }

 private:
  std::string_view component_;
};

}  // namespace jetway
