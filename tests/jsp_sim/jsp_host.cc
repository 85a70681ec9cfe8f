#include "tests/jsp_sim/jsp_host.h"

#include <algorithm>
#include <format>

#include "jetway/base/assert.h"

namespace jetway::sim {

namespace {

// How often an application may want to go on at one moment.
constexpr int kRoundsMax = 100'000;

}  // namespace

JspHost::JspHost(Host& host, const jsp::EndpointConfig& config, std::uint64_t seed)
    : host_(host),
      config_(config),
      random_(seed),
      endpoint_(std::make_unique<jsp::Endpoint>(config, random_, host.now())) {
  host_.set_node(this);
}

JspHost::~JspHost() { host_.set_node(nullptr); }

void JspHost::listen(const jsp::JspConfig& config, const crypto::InitFilterConfig& filter) {
  listener_config_ = config;
  filter_config_ = filter;
  endpoint_->listen(config, filter);
}

JspConnection& JspHost::connect(const jsp::JspConfig& config, const IpEndpoint& remote,
                                const IpEndpoint& local,
                                const std::function<void(Now, jsp::Connection&)>& begin) {
  JspConnection& connection = add(endpoint_->connect(now(), config, local, remote));
  if (begin) begin(now(), connection.engine());
  host_.wake();
  return connection;
}

void JspHost::command(JspConnection& connection, const std::function<void(Now, jsp::Connection&)>& give) {
  JETWAY_ASSERT(!connection.is_over());
  give(now(), connection.engine());
  if (connection.is_over()) return;
  endpoint_->touch(connection.engine());
  settle(now());
  host_.wake();
}

void JspHost::restart() {
  for (const auto& connection : connections_) connection->engine_ = nullptr;
  by_engine_.clear();
  endpoint_ = std::make_unique<jsp::Endpoint>(config_, random_, now());
  if (listener_config_) endpoint_->listen(*listener_config_, filter_config_);
}

JspConnection& JspHost::add(jsp::Connection& engine) {
  JspConnection& connection = *connections_.emplace_back(std::make_unique<JspConnection>(engine));
  by_engine_[&engine] = &connection;
  return connection;
}

// ---- as a node ----

void JspHost::handle_datagram(const Now& now, const jsp::Datagram& datagram) {
  endpoint_->handle_datagram(now, datagram);
  settle(now);
}

void JspHost::handle_timeout(const Now& now) {
  const auto deadline = endpoint_->next_timeout();
  if (deadline && *deadline <= now.engine) endpoint_->handle_timeout(now);
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    JspConnection& connection = *connections_[i];
    if (connection.is_over() || !connection.application) continue;
    const auto action = connection.application->next_action();
    if (!action || *action > now.engine) continue;
    if (connection.application->act(now, connection)) endpoint_->touch(connection.engine());
  }
  settle(now);
}

std::optional<jsp::Transmit> JspHost::poll_transmit(const Now& now, MutableBytes out) {
  while (true) {
    if (const auto transmit = endpoint_->poll_transmit(now, out)) {
      check_invariants();
      return transmit;
    }
    // What was sent may have been the last of something.
    if (!settle(now)) return std::nullopt;
  }
}

std::optional<TimePoint> JspHost::next_timeout() {
  std::optional<TimePoint> earliest = endpoint_->next_timeout();
  for (const auto& connection : connections_) {
    if (connection->is_over() || !connection->application) continue;
    const auto action = connection->application->next_action();
    if (action && (!earliest || *action < *earliest)) earliest = action;
  }
  return earliest;
}

void JspHost::handle_send_error(const Now& now, const jsp::Transmit& transmit, SendError error) {
  if (error == SendError::TooLarge) {
    endpoint_->handle_message_too_large(now, transmit.remote,
                                        std::min(transmit.bytes, transmit.segment_bytes));
  }
  settle(now);
}

// ---- events ----

// All that follows from what has happened; whether the endpoint is to be polled again.
bool JspHost::settle(const Now& now) {
  bool has_acted = false;
  while (jsp::Connection* const accepted = endpoint_->poll_accepted()) {
    JspConnection& connection = add(*accepted);
    if (on_accepted) on_accepted(connection);
  }
  int rounds = 0;
  while (jsp::Connection* const engine = endpoint_->poll_eventful()) {
    if (++rounds > kRoundsMax) throw SimulationError(host_.name() + ": connections have events without end");
    has_acted |= take_events(now, *engine);
  }
  check_invariants();
  return has_acted;
}

bool JspHost::take_events(const Now& now, jsp::Connection& engine) {
  const auto found = by_engine_.find(&engine);
  JETWAY_ASSERT(found != by_engine_.end());
  JspConnection& connection = *found->second;
  JspApplication* const application = connection.application.get();
  while (const auto event = engine.poll_event()) {
    take_engine_event(now, connection, *event);
    if (application != nullptr) application->handle_event(now, connection, *event);
    if (std::holds_alternative<session::Closed>(*event)) return true;
  }
  while (auto event = engine.session().poll_event()) {
    if (application != nullptr) {
      application->handle_event(now, connection, *event);
    } else {
      connection.session_events.push_back(std::move(*event));
    }
  }
  if (application == nullptr || !application->act(now, connection)) return false;
  endpoint_->touch(engine);
  return true;
}

void JspHost::take_engine_event(const Now& now, JspConnection& connection,
                                const session::EngineEvent& event) {
  connection.events.push_back(event);
  jsp::Connection& engine = *connection.engine_;
  if (std::holds_alternative<session::PeerAuthenticated>(event) && admits && listener_config_) {
    engine.admit(now);
    endpoint_->touch(engine);
  }
  if (!std::holds_alternative<session::Closed>(event)) return;
  while (auto last = engine.session().poll_event()) {
    if (connection.application) connection.application->handle_event(now, connection, *last);
  }
  connection.last_statistics = engine.statistics();
  connection.last_paths = engine.paths();
  by_engine_.erase(&engine);
  connection.engine_ = nullptr;
  endpoint_->release(engine);
}

void JspHost::check_invariants() {
  for (const auto& [engine, connection] : by_engine_) {
    engine->check_invariants();
    engine->session().check_invariants();
  }
  const jsp::EndpointStatistics statistics = endpoint_->statistics();
  JETWAY_ASSERT(statistics.half_open <= config_.half_open_max);
  JETWAY_ASSERT(statistics.connections <= config_.connections_max);
}

}  // namespace jetway::sim
