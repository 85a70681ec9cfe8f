#include "jetway/node/log_output.h"

#include <cstdio>
#include <filesystem>
#include <format>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "jetway/base/text.h"
#include "jetway/node/log_line.h"
#include "jetway/node/paths.h"

namespace jetway::node {

namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  static_assert(static_cast<int>(LogLevel::Trace) == spdlog::level::trace);
  static_assert(static_cast<int>(LogLevel::Error) == spdlog::level::err);
  return static_cast<spdlog::level::level_enum>(level);
}

LogLevel from_spdlog(spdlog::level::level_enum level) { return static_cast<LogLevel>(level); }

class LineFormatter final : public spdlog::formatter {
 public:
  LineFormatter(LogFormat format, LogOutput::Terminal terminal) : format_(format), terminal_(terminal) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto time = std::chrono::floor<std::chrono::milliseconds>(message.time);
    const std::string_view component{message.logger_name.data(), message.logger_name.size()};
    const std::string_view text{message.payload.data(), message.payload.size()};
    std::string line = terminal_.is_terminal ? "\r\033[K" : "";
    line += format_ == LogFormat::Json
                ? json_log_line(time, from_spdlog(message.level), component, text)
                : pretty_log_line(time, from_spdlog(message.level), component, text, terminal_.has_color);
    line += '\n';
    out.append(line.data(), line.data() + line.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<LineFormatter>(*this); }

 private:
  LogFormat format_;
  LogOutput::Terminal terminal_;
};

}  // namespace

class LogOutput::State {
 public:
  explicit State(spdlog::sink_ptr sink)
      : sink_(std::move(sink)), pool_(std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (const std::size_t lost = pool_->overrun_counter(); lost > 0) {
      write(LogLevel::Warn, "log",
            std::format("{} lines were lost: they came faster than they could be written", lost));
    }
    // The pool's destructor writes what is queued; the loggers have to live until then.
    pool_.reset();
    sink_->flush();
  }

  void write(LogLevel level, std::string_view component, std::string_view message) {
    logger(component).log(to_spdlog(level), spdlog::string_view_t{message.data(), message.size()});
  }

 private:
  spdlog::logger& logger(std::string_view component) {
    const std::lock_guard lock{mutex_};
    auto found = loggers_.find(component);
    if (found == loggers_.end()) {
      auto made = std::make_shared<spdlog::async_logger>(std::string{component}, sink_, pool_,
                                                         spdlog::async_overflow_policy::overrun_oldest);
      made->set_level(spdlog::level::trace);  // what is below our level never comes here
      made->flush_on(spdlog::level::warn);
      found = loggers_.emplace(component, std::move(made)).first;
    }
    return *found->second;
  }

  spdlog::sink_ptr sink_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<spdlog::async_logger>, std::less<>> loggers_;  // by component
  std::shared_ptr<spdlog::details::thread_pool> pool_;
};

NodeResult<std::unique_ptr<LogOutput>> LogOutput::start(const LogSettings& settings, Terminal terminal) {
  spdlog::sink_ptr sink;
  if (settings.file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    try {
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(settings.file, settings.file_size.bytes,
                                                                    settings.files);
    } catch (const spdlog::spdlog_ex&) {
      return std::unexpected(
          NodeError{NodeErrc::Io, std::format("cannot write the log file {}", escape_text(settings.file)),
                    "log.file or --log-file names another place"});
    }
    terminal = {};
  }
  sink->set_formatter(std::make_unique<LineFormatter>(settings.format, terminal));
  std::unique_ptr<LogOutput> output{new LogOutput{std::make_unique<State>(std::move(sink))}};
  set_log_sink(output.get(), settings.level);
  return output;
}

LogOutput::LogOutput(std::unique_ptr<State> state) : state_(std::move(state)) {}

LogOutput::~LogOutput() { set_log_sink(nullptr, LogLevel::Off); }

void LogOutput::write(LogLevel level, std::string_view component, std::string_view message) {
  state_->write(level, component, message);
}

}  // namespace jetway::node
