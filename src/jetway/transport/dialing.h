#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "jetway/base/time.h"
#include "jetway/io/connection.h"
#include "jetway/io/connection_core.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/task.h"
#include "jetway/transport/transport.h"

// From an address to an admitted connection: what does not depend on the pipe.
namespace jetway::transport {

// A connection whose handshake is done, so that it is the right peer that has answered.
using Dialed = std::expected<std::shared_ptr<io::ConnectionCore>, TransportError>;

// How far one attempt has come, for who runs several of them.
struct DialProgress {
  std::shared_ptr<io::ConnectionCore> core;  // once there is one
  bool is_given_up = false;                  // nothing new is to be begun
};

// One way to reach a peer.
struct Candidate {
  Duration delay{0};  // after the first one; at once when all that were begun have failed
  std::function<io::Task<Dialed>(std::shared_ptr<DialProgress>)> dial;
};

// Runs candidates, in the order of their delays, side by side; the first whose handshake is done wins, and
// the others are given up without a word. As soon as something authentic has come from the peer on one of
// them, no further ones are begun while that one goes on. What a peer itself says (it is another one, it does
// not like us) ends the race; otherwise the error tells what became of every candidate.
io::Task<Dialed> race(io::EventLoop* loop, std::vector<Candidate> candidates);

// Waits to be admitted; `name` is for the error.
io::Task<std::expected<io::Connection, TransportError>> admission_of(std::shared_ptr<io::ConnectionCore> core,
                                                                     std::string name);

// For the log and the error of a connection that did not come to be.
TransportError to_error(const io::ConnectFailure& failure, const std::string& name);

}  // namespace jetway::transport
