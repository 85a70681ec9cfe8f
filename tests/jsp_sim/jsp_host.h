#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "jetway/jsp/connection.h"
#include "jetway/jsp/endpoint.h"
#include "tests/sim/datagram_node.h"
#include "tests/sim/host.h"

namespace jetway::sim {

class JspConnection;

// What a test's application does with a connection; called by the host that has it, never from within a
// command.
class JspApplication {
 public:
  virtual ~JspApplication() = default;
  virtual void handle_event(const Now& now, JspConnection& connection, const session::EngineEvent& event) = 0;
  virtual void handle_event(const Now& now, JspConnection& connection, const session::Event& event) = 0;
  // After all events and at its time: may give commands. True: it gave some.
  virtual bool act(const Now& now, JspConnection& connection) = 0;
  virtual std::optional<TimePoint> next_action() = 0;
};

// A connection as a test sees it: the engine and all that it has reported.
class JspConnection {
 public:
  explicit JspConnection(jsp::Connection& engine) : engine_(&engine) {}

  // Until Closed has been reported: the endpoint lets go of it then.
  jsp::Connection& engine() { return *engine_; }
  bool is_over() const { return engine_ == nullptr; }
  session::Session& session() { return engine_->session(); }

  // The first of its kind; null: none.
  template <class Event>
  const Event* find_event() const {
    for (const session::EngineEvent& event : events) {
      if (const Event* const found = std::get_if<Event>(&event)) return found;
    }
    return nullptr;
  }
  template <class Event>
  std::size_t count() const {
    std::size_t found = 0;
    for (const session::Event& event : session_events)
      found += std::holds_alternative<Event>(event) ? 1U : 0U;
    return found;
  }
  const session::CloseReason* close_reason() const {
    const auto* const closed = find_event<session::Closed>();
    return closed == nullptr ? nullptr : &closed->reason;
  }
  bool is_admitted() { return !is_over() && session().is_admitted(); }

  std::vector<session::EngineEvent> events;
  std::vector<session::Event> session_events;  // unless there is an application
  std::unique_ptr<JspApplication> application;
  // As they were when it closed.
  jsp::ConnectionStatistics last_statistics;
  std::vector<jsp::PathInfo> last_paths;

 private:
  friend class JspHost;
  jsp::Connection* engine_;
};

// One endpoint on a simulated host, and the applications of its connections. The invariants of every part are
// checked after every input.
class JspHost final : public DatagramNode {
 public:
  JspHost(Host& host, const jsp::EndpointConfig& config, std::uint64_t seed);
  JspHost(const JspHost&) = delete;
  JspHost& operator=(const JspHost&) = delete;
  ~JspHost() override;

  Host& host() { return host_; }
  Now now() const { return host_.now(); }
  jsp::Endpoint& endpoint() { return *endpoint_; }

  void listen(const jsp::JspConfig& config, const crypto::InitFilterConfig& filter = {});
  // `begin` gives commands before anything is sent.
  JspConnection& connect(const jsp::JspConfig& config, const IpEndpoint& remote, const IpEndpoint& local = {},
                         const std::function<void(Now, jsp::Connection&)>& begin = {});
  // Lets a test give a connection commands; the host then sends what comes of it.
  void command(JspConnection& connection, const std::function<void(Now, jsp::Connection&)>& give);

  // The endpoint forgets everything, as a process that dies and starts again with the same keys.
  void restart();

  // Whether peers are admitted as soon as they are authenticated.
  bool admits = true;
  // What becomes of connections that came from outside.
  std::function<void(JspConnection&)> on_accepted;

  // All there have been, in order.
  const std::vector<std::unique_ptr<JspConnection>>& connections() const { return connections_; }
  JspConnection* last_connection() const {
    return connections_.empty() ? nullptr : connections_.back().get();
  }

  // ---- as a node ----
  void handle_datagram(const Now& now, const jsp::Datagram& datagram) override;
  std::optional<jsp::Transmit> poll_transmit(const Now& now, MutableBytes out) override;
  std::optional<TimePoint> next_timeout() override;
  void handle_timeout(const Now& now) override;
  void handle_send_error(const Now& now, const jsp::Transmit& transmit, SendError error) override;

 private:
  JspConnection& add(jsp::Connection& engine);
  bool settle(const Now& now);
  bool take_events(const Now& now, jsp::Connection& engine);
  void take_engine_event(const Now& now, JspConnection& connection, const session::EngineEvent& event);
  void check_invariants();

  Host& host_;
  jsp::EndpointConfig config_;
  SeededRandom random_;
  std::unique_ptr<jsp::Endpoint> endpoint_;
  std::optional<jsp::JspConfig> listener_config_;
  crypto::InitFilterConfig filter_config_;
  std::vector<std::unique_ptr<JspConnection>> connections_;
  std::map<const jsp::Connection*, JspConnection*> by_engine_;
};

}  // namespace jetway::sim
