#include "bench/jsp_engine/ends.h"

#include <algorithm>

namespace jetway::jsp {

namespace {

using Clock = std::chrono::steady_clock;

constexpr Duration kDelay = std::chrono::microseconds(50);

}  // namespace

Ends::Ends(const EndsOptions& options) : is_spread_(options.is_spread) {
  JspConfig config;
  config.datagram_max_bytes = options.datagram_max_bytes;
  config.congestion.window_max_bytes = options.window_max_bytes;
  config.ack_packets_max = options.ack_packets_max;
  config.session.stream_window_bytes = config.session.stream_window_max_bytes;
  config.session.connection_window_bytes = config.session.connection_window_max_bytes;
  config.handshake.is_known = [](const auto&) { return true; };
  dialer.address = IpEndpoint::v4({10, 0, 0, 1}, 1);
  listener.address = IpEndpoint::v4({10, 0, 0, 2}, 2);
  dialer.endpoint = std::make_unique<Endpoint>(EndpointConfig{.is_shared = false}, random_, now());
  listener.endpoint = std::make_unique<Endpoint>(EndpointConfig{}, random_, now());
  config.handshake.identity = identity();
  listener.endpoint->listen(config, {});
  config.handshake.identity = identity();
  dialer.connection = &dialer.endpoint->connect(now(), config, {}, listener.address);
  while (!dialer.connection->session().is_admitted()) turn();
  for (int i = 0; i < 1000; ++i) turn();  // the path MTU is found
}

Now Ends::now() const {
  return {.engine = time_, .wall = std::chrono::floor<WallTime::duration>(std::chrono::system_clock::now())};
}

void Ends::turn() {
  move(dialer, listener);
  time_ += kDelay;
  move(listener, dialer);
  time_ += kDelay;
}

void Ends::write(session::StreamId stream, Buffer& data) {
  const auto begin = Clock::now();
  (void)dialer.connection->session().write(stream, data);
  dialer.endpoint->touch(*dialer.connection);
  dialer.spent += Clock::now() - begin;
}

std::shared_ptr<const crypto::Identity> Ends::identity() {
  return std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random_));
}

void Ends::drain(End& end) {
  while (Connection* const accepted = end.endpoint->poll_accepted()) end.connection = accepted;
  while (Connection* const connection = end.endpoint->poll_eventful()) {
    while (const auto event = connection->poll_event()) {
      if (std::holds_alternative<session::PeerAuthenticated>(*event) && &end == &listener) {
        connection->admit(now());
        end.endpoint->touch(*connection);
      }
    }
    while (const auto event = connection->session().poll_event()) {
      if (const auto* readable = std::get_if<session::StreamReadable>(&*event)) read(end, readable->id);
      if (const auto* opened = std::get_if<session::StreamOpened>(&*event)) read(end, opened->id);
    }
  }
}

void Ends::read(End& end, session::StreamId id) {
  for (;;) {
    const auto taken = end.connection->session().read(id, target_);
    if (!taken || taken->bytes == 0) break;
    bytes_read += taken->bytes;
  }
  end.endpoint->touch(*end.connection);
}

void Ends::move(End& from, End& to) {
  for (;;) {
    const auto begin = Clock::now();
    const auto due = from.endpoint->next_timeout();
    if (due && *due <= time_) from.endpoint->handle_timeout(now());
    const auto transmit = from.endpoint->poll_transmit(now(), out_);
    drain(from);
    const auto sent = Clock::now();
    from.spent += sent - begin;
    if (!transmit) break;
    for (MutableBytes rest = MutableBytes{out_}.first(transmit->bytes); !rest.empty();) {
      const MutableBytes datagram = rest.first(std::min(rest.size(), transmit->segment_bytes));
      hand_over(to, from.address, transmit->ecn, datagram);
      rest = rest.subspan(datagram.size());
      if (is_spread_) hold_answers(to);
    }
    drain(to);
    to.spent += Clock::now() - sent;
  }
  for (Held& held : held_) hand_over(from, to.address, held.ecn, held.bytes);
  held_.clear();
  drain(from);
}

void Ends::hand_over(End& to, const IpEndpoint& from, Ecn ecn, MutableBytes datagram) {
  ++(&to == &listener ? datagrams_to_listener : datagrams_to_dialer);
  to.endpoint->handle_datagram(now(), {.local = to.address, .remote = from, .ecn = ecn, .bytes = datagram});
}

void Ends::hold_answers(End& of) {
  drain(of);
  while (const auto answer = of.endpoint->poll_transmit(now(), answer_)) {
    for (ByteView rest = ByteView{answer_}.first(answer->bytes); !rest.empty();) {
      const ByteView datagram = rest.first(std::min(rest.size(), answer->segment_bytes));
      held_.push_back({.ecn = answer->ecn, .bytes = to_bytes(datagram)});
      rest = rest.subspan(datagram.size());
    }
  }
}

}  // namespace jetway::jsp
