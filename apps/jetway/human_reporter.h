#pragma once

#include <functional>
#include <vector>

#include "apps/jetway/reporter.h"
#include "apps/jetway/screen.h"

namespace jetway::command {

enum class Verbosity : unsigned char {
  Quiet,  // problems only
  Normal,
  Verbose,  // the path too, every second
};

// For people, on the screen: one line for what is worth one, and a status line while something moves.
class HumanReporter final : public Reporter {
 public:
  // `screen` is borrowed; `now` is the engines' time.
  HumanReporter(Screen& screen, Verbosity verbosity, std::function<TimePoint()> now);
  HumanReporter(const HumanReporter&) = delete;
  HumanReporter& operator=(const HumanReporter&) = delete;
  ~HumanReporter() override;

  void on_listening(const Listening& listening) override;
  void on_connecting(std::string_view address) override;
  void on_connected(const io::ConnectionInfo& connection) override;
  void on_peer_refused(const RefusedPeer& refused) override;
  void on_warning(std::string_view text) override;
  void on_problem(const Problem& problem) override;
  void on_resumable(const std::vector<std::string>& words, std::string_view quoted) override;
  std::unique_ptr<node::TransferObserver> observe(Side side, io::Connection connection) override;
  void on_tick() override;
  void on_question() override { screen_.hold(); }
  void on_answer() override { screen_.release(); }

 private:
  class Transfer;

  bool is_quiet() const { return verbosity_ == Verbosity::Quiet; }
  void show_progress();
  void print(std::string_view text);

  Screen& screen_;
  Verbosity verbosity_;
  std::function<TimePoint()> now_;
  std::vector<Transfer*> running_;
  std::optional<TimePoint> last_line_;  // of progress, without a terminal
};

}  // namespace jetway::command
