#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/crypto/identity.h"
#include "jetway/crypto/system_random.h"
#include "jetway/io/event_loop.h"
#include "jetway/node/receive_job.h"
#include "jetway/node/send_job.h"
#include "jetway/store/state_db.h"
#include "jetway/transport/transport.h"
#include "tests/store/temp_dir.h"

namespace jetway::node::test {

using store::TempDir;

// Writes down what it is told.
class RecordingObserver : public TransferObserver {
 public:
  void on_offered(const OfferSummary& offer) override { offers.push_back(offer); }
  void on_waiting() override { ++waits; }
  void on_state(TransferState state) override { states.push_back(state); }
  void on_file_started(std::string_view name, std::uint64_t) override { started.emplace_back(name); }
  void on_file_done(const FileDone& file) override { done.emplace_back(file.final_name); }
  void on_renamed(const RenamedFile& file) override { renamed.push_back(file); }
  void on_warning(std::string_view text) override { warnings.emplace_back(text); }
  void on_completed(const TransferSummary& summary) override { completed.push_back(summary); }
  void on_failed(const TransferFailure& failure) override { failed.push_back(failure); }
  void on_progress(const Progress& progress) override {
    last = progress;
    if (when_progress) when_progress(progress);
  }

  std::function<void(const Progress&)> when_progress;
  std::vector<OfferSummary> offers;
  int waits = 0;
  std::vector<TransferState> states;
  std::vector<std::string> started;
  std::vector<std::string> done;
  std::vector<RenamedFile> renamed;
  std::vector<std::string> warnings;
  std::vector<TransferSummary> completed;
  std::vector<TransferFailure> failed;
  Progress last;
};

using SendResult = std::expected<TransferSummary, TransferFailure>;

// For suites that run over every protocol.
inline std::string protocol_name(const testing::TestParamInfo<transport::HostProtocol>& parameter) {
  return parameter.param == transport::HostProtocol::Jsp ? "Jsp" : "Tcp";
}

// A sender and a receiver in one process and on one loop, with real sockets and real folders between them.
class TransferPair : public testing::Test {
 protected:
  explicit TransferPair(transport::HostProtocol protocol = transport::HostProtocol::Tcp);

  // Sends once, over a connection of its own. `cut_after_bytes`: the sender closes the connection when it has
  // handed over so much.
  SendResult send(SendRequest request, std::optional<std::uint64_t> cut_after_bytes = std::nullopt);
  // Sends from paths below `source`.
  SendResult send(const std::vector<std::string>& names,
                  std::optional<std::uint64_t> cut_after_bytes = std::nullopt);
  // Two sends at once.
  std::pair<SendResult, SendResult> send_twice(const std::string& name);

  // Lets `script` be the sender.
  void send_by_hand(std::function<io::Task<void>(io::Connection)> script);

  // Takes effect with the next send.
  void restart_receiver() { receiver.reset(); }
  // As if the state directory had been deleted. Takes effect with the next send.
  void lose_state();

  void expect_same_trees(const std::string& a, const std::string& b) const;
  static std::string random_bytes(std::size_t count, std::uint64_t seed);
  // Partial files in the target folder.
  std::vector<std::string> partials() const;

  TempDir source;
  TempDir target;
  ReceiveOptions options;
  RecordingObserver sending;
  RecordingObserver receiving;
  std::optional<ServeResult> served;

 private:
  io::Task<SendResult> dial_and_send(SendRequest request, RecordingObserver& observer,
                                     std::optional<std::uint64_t> cut_after_bytes);
  io::Task<void> accept_and_serve();
  io::Task<io::Connection> dial();
  io::Task<void> run_script(std::function<io::Task<void>(io::Connection)> script);
  io::Task<void> send_into(SendRequest request, RecordingObserver& observer, SendResult* result,
                           std::optional<std::uint64_t> cut_after_bytes);
  io::Task<void> run_sends(std::vector<SendRequest> requests, std::vector<SendResult>* results,
                           std::optional<std::uint64_t> cut_after_bytes);

  io::EventLoop loop_;
  crypto::SystemRandom random_;
  transport::TransportConfig sender_config_;
  transport::TransportConfig receiver_config_;
  std::unique_ptr<transport::Transport> transport_;
  std::unique_ptr<transport::Listener> listener_;
  std::optional<TempDir> state_;
  store::StateDb db_;
  RecordingObserver second_sending_;

 protected:
  std::unique_ptr<Receiver> receiver;
};

}  // namespace jetway::node::test
