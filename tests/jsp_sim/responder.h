#pragma once

#include <map>
#include <optional>
#include <vector>

#include "tests/jsp_sim/jsp_host.h"
#include "tests/sim/network.h"

namespace jetway::sim {

// What a listener has been asked, over all its connections.
struct Requests {
  std::vector<Bytes> whole;               // each once its end has been read
  std::optional<Duration> first_byte_at;  // of the latest connection that brought any
};

// Reads requests from two-way streams to their end and answers each with the same bytes; may do so before it
// knows who asks. Messages count as requests that have no answer.
class Responder final : public JspApplication {
 public:
  Responder(Requests& requests, const Network& network) : requests_(requests), network_(network) {}

  void handle_event(const Now&, JspConnection&, const session::EngineEvent&) override {}
  void handle_event(const Now&, JspConnection&, const session::Event& event) override {
    if (const auto* const message = std::get_if<session::MessageReceived>(&event)) {
      note();
      requests_.whole.push_back(to_bytes(message->message.view()));
    } else if (const auto* const readable = std::get_if<session::StreamReadable>(&event)) {
      readable_.push_back(readable->id);
    }
  }
  bool act(const Now&, JspConnection& connection) override {
    const bool has_acted = !readable_.empty();
    for (const session::StreamId id : std::exchange(readable_, {})) read(connection.session(), id);
    return has_acted;
  }
  std::optional<TimePoint> next_action() override { return std::nullopt; }

 private:
  void note() {
    if (!std::exchange(has_heard_, true)) requests_.first_byte_at = network_.elapsed();
  }
  void read(session::Session& session, session::StreamId id) {
    Bytes piece(4096);
    while (true) {
      const auto result = session.read(id, piece);
      if (!result || result->is_nothing()) return;
      note();
      Bytes& request = arriving_[id];
      request.insert(request.end(), piece.begin(),
                     piece.begin() + static_cast<std::ptrdiff_t>(result->bytes));
      if (!result->is_end) continue;
      static_cast<void>(session.write(id, ByteView{request}));
      static_cast<void>(session.finish(id));
      requests_.whole.push_back(std::move(request));
      return;
    }
  }

  Requests& requests_;
  const Network& network_;
  std::map<session::StreamId, Bytes> arriving_;
  std::vector<session::StreamId> readable_;
  bool has_heard_ = false;
};

}  // namespace jetway::sim
