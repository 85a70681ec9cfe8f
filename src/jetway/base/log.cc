#include "jetway/base/log.h"

namespace jetway {

namespace {
std::atomic<LogSink*> g_sink{nullptr};
std::atomic<LogLevel> g_level{LogLevel::Off};
}  // namespace

void set_log_sink(LogSink* sink, LogLevel level) {
  g_level.store(sink != nullptr ? level : LogLevel::Off, std::memory_order_relaxed);
  g_sink.store(sink, std::memory_order_release);
}

LogLevel log_level() { return g_level.load(std::memory_order_relaxed); }

void write_log(LogLevel level, std::string_view component, std::string_view message) {
  if (LogSink* sink = g_sink.load(std::memory_order_acquire)) sink->write(level, component, message);
}

}  // namespace jetway
