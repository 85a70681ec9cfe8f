#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/jetway/exit_code.h"
#include "jetway/crypto/peer_id.h"
#include "jetway/io/connection.h"
#include "jetway/node/transfer_types.h"

namespace jetway::command {

struct Listening {
  std::string address;       // as bound
  crypto::PeerId peer;       // we
  std::string send_command;  // what the other side types
};

struct RefusedPeer {
  crypto::PeerId peer;
  std::string remote_address;
  std::string_view reason;
};

// Why a command ends without success; all texts are safe to show.
struct Problem {
  ExitCode exit_code = ExitCode::Failed;
  std::string text;  // what and where
  std::string hint;  // what to do; may have several lines
};

enum class Side : unsigned char { Sender, Receiver };

// What a command tells whoever started it: people (HumanReporter) or a program (JsonReporter). Used on one
// thread.
class Reporter {
 public:
  virtual ~Reporter() = default;

  virtual void on_listening(const Listening& listening) = 0;
  virtual void on_connecting(std::string_view address) = 0;
  // Connected, authenticated and admitted.
  virtual void on_connected(const io::ConnectionInfo& connection) = 0;
  virtual void on_peer_refused(const RefusedPeer& refused) = 0;
  virtual void on_warning(std::string_view text) = 0;
  virtual void on_problem(const Problem& problem) = 0;
  // An unfinished send and the command that continues it: its words, and quoted for a shell.
  virtual void on_resumable(const std::vector<std::string>& words, std::string_view quoted) = 0;

  // The observer of one connection's transfers. The reporter outlives it.
  virtual std::unique_ptr<node::TransferObserver> observe(Side side, io::Connection connection) = 0;

  // Now and then (kTick), while transfers run: what is shown follows the time.
  virtual void on_tick() {}
  // Around a question to the person at the terminal.
  virtual void on_question() {}
  virtual void on_answer() {}
};

inline constexpr std::chrono::milliseconds kTick{200};

}  // namespace jetway::command
