#include "tests/sim/framed_link.h"

#include <algorithm>
#include <array>
#include <utility>

namespace jetway::sim {

namespace {

std::shared_ptr<const crypto::Identity> make_identity(RandomSource& random) {
  return std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random));
}

}  // namespace

FramedLink::FramedLink(FramedLinkConfig config)
    : config_(std::move(config)),
      random_(config_.seed),
      filter_({}, random_),
      to_listener_(config_.to_listener, random_()),
      to_dialer_(config_.to_dialer, random_()) {
  for (framed::FramedConfig* side : {&config_.dialer, &config_.listener}) {
    if (!side->handshake.identity) side->handshake.identity = make_identity(random_);
  }
  if (!config_.dialer.handshake.is_known)
    config_.dialer.handshake.is_known = [](const auto&) { return true; };
  dialer_.emplace(framed::Connection::dialer(config_.dialer, random_, now()),
                  config_.dialer.handshake.identity->peer_id());
  listener_.emplace(
      framed::Connection::listener(config_.listener, random_, filter_, as_bytes("dialer"), now()),
      config_.listener.handshake.identity->peer_id());
}

bool FramedLink::run_until(const std::function<bool()>& is_done, Duration limit) {
  const TimePoint end = time_ + limit;
  while (!is_done()) {
    if (step()) continue;
    const auto next = next_event();
    if (!next || *next > end) {
      time_ = next ? end : time_;
      return is_done();
    }
    time_ = std::max(time_, *next);
  }
  return true;
}

void FramedLink::run_for(Duration duration) {
  const TimePoint end = time_ + duration;
  run_until([] { return false; }, duration);
  time_ = end;
}

bool FramedLink::connect(Duration limit) {
  return run_until([this] { return dialer_->session().is_admitted(); }, limit);
}

// Everything that can happen at this moment, once; whether anything did.
bool FramedLink::step() {
  bool has_happened = false;
  has_happened |= transmit(*dialer_, to_listener_);
  has_happened |= transmit(*listener_, to_dialer_);
  has_happened |= receive(*listener_, to_listener_);
  has_happened |= receive(*dialer_, to_dialer_);
  has_happened |= expire(*dialer_);
  has_happened |= expire(*listener_);
  return has_happened;
}

bool FramedLink::transmit(FramedEnd& end, BytePipe& pipe) {
  bool has_sent = false;
  Bytes out(end.engine.min_transmit_bytes());
  while (end.engine.wants_to_send() && pipe.room() >= out.size()) {
    const std::size_t size = end.engine.poll_transmit(now(), out);
    drain(end);
    if (size == 0) break;
    pipe.write(time_, ByteView{out}.first(size));
    has_sent = true;
  }
  if (end.engine.is_closed()) pipe.close();
  return has_sent;
}

bool FramedLink::receive(FramedEnd& end, BytePipe& pipe) {
  if (const auto piece = pipe.poll_piece(time_)) {
    end.engine.handle_bytes(now(), *piece);
    drain(end);
    return true;
  }
  // A pipe breaks in both directions at once.
  if (end.engine.is_closed() || !(pipe.is_at_end() || to_listener_.is_cut() || to_dialer_.is_cut()))
    return false;
  end.engine.handle_pipe_closed(now());
  drain(end);
  return true;
}

bool FramedLink::expire(FramedEnd& end) {
  const auto deadline = end.engine.next_timeout();
  if (!deadline || *deadline > time_) return false;
  end.engine.handle_timeout(now());
  drain(end);
  return true;
}

void FramedLink::drain(FramedEnd& end) {
  while (auto event = end.engine.poll_event()) {
    end.events.push_back(*event);
    const bool is_listener = &end == &*listener_;
    if (config_.admits && is_listener && std::holds_alternative<framed::PeerAuthenticated>(*event)) {
      end.engine.admit(now());
    }
  }
  while (auto event = end.session().poll_event()) end.session_events.push_back(std::move(*event));
  if (end.engine.is_established()) end.session().check_invariants();
}

std::optional<TimePoint> FramedLink::next_event() const {
  std::optional<TimePoint> earliest;
  for (const auto& candidate : std::array{to_listener_.next_arrival(), to_dialer_.next_arrival(),
                                          dialer_->engine.next_timeout(), listener_->engine.next_timeout()}) {
    if (candidate && (!earliest || *candidate < *earliest)) earliest = candidate;
  }
  return earliest;
}

}  // namespace jetway::sim
