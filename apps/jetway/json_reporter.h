#pragma once

#include <functional>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "apps/jetway/reporter.h"
#include "jetway/base/time.h"

namespace jetway::command {

// For programs: one JSON object per line on stdout, each with "event" and "time" (docs/guide/json-events.md).
class JsonReporter final : public Reporter {
 public:
  // Writes to `fd`. `people` (borrowed) hears of problems too, since somebody may look at stderr.
  JsonReporter(int fd, Reporter& people, std::function<Now()> now)
      : fd_(fd), people_(people), now_(std::move(now)) {}

  void on_listening(const Listening& listening) override;
  void on_connecting(std::string_view address) override;
  void on_connected(const io::ConnectionInfo& connection) override;
  void on_peer_refused(const RefusedPeer& refused) override;
  void on_warning(std::string_view text) override;
  void on_problem(const Problem& problem) override;
  void on_resumable(const std::vector<std::string>& words, std::string_view quoted) override;
  std::unique_ptr<node::TransferObserver> observe(Side side, io::Connection connection) override;
  void on_question() override { people_.on_question(); }
  void on_answer() override { people_.on_answer(); }

  void write(std::string_view event, boost::json::object fields);

 private:
  class Transfer;

  int fd_;
  Reporter& people_;
  std::function<Now()> now_;
  bool is_broken_ = false;  // nobody reads any more
};

// Raw bytes as "<key>" when they are UTF-8, else as "<key>_b64".
void add_name(boost::json::object& fields, std::string_view key, std::string_view bytes);

}  // namespace jetway::command
