#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/session/session.h"

namespace jetway::session::test {

using namespace std::chrono_literals;

inline Bytes pattern(std::size_t size, std::uint64_t seed = 1) {
  SeededRandom random{seed};
  Bytes bytes(size);
  random.fill(bytes);
  return bytes;
}
inline Bytes text_like(std::size_t size, std::uint64_t seed = 1) {
  SeededRandom random{seed};
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>('a' + random.below(8));
  return bytes;
}

// One end of a Pair: a session, what it reported, and the packets that it has on their way.
struct End {
  explicit End(Role role, const SessionConfig& config, TimePoint now) : session(role, config, now) {}

  Session session;
  std::vector<Event> events;
  std::uint64_t next_packet = 0;
  std::optional<CloseReason> failure;  // what handle_frames() or handle_timeout() said

  template <class T>
  std::vector<const T*> all() const {
    std::vector<const T*> found;
    for (const Event& event : events) {
      if (const T* wanted = std::get_if<T>(&event)) found.push_back(wanted);
    }
    return found;
  }
  template <class T>
  std::size_t count() const {
    return all<T>().size();
  }
  template <class T>
  const T* last() const {
    const auto found = all<T>();
    return found.empty() ? nullptr : found.back();
  }
};

// What the pipe between two sessions does to packets.
struct Link {
  Duration delay = 0ms;
  double loss = 0;        // share of packets; JSP's engine will say so a while later
  double reordering = 0;  // share of packets that are late by up to four delays
  std::size_t packet_bytes = 64 * 1024;
};

// Two sessions, joined by a pipe in virtual time. Without loss it acknowledges a packet as soon as it is
// sent, as the framed engine does; with loss or reordering when it arrives (or after it was lost), as JSP
// does.
class Pair {
 public:
  explicit Pair(const SessionConfig& dialer_config = {}, const SessionConfig& listener_config = {},
                Link link = {}, std::uint64_t seed = 1)
      : link_(link),
        random_(seed),
        dialer(Role::Dialer, dialer_config, now),
        listener(Role::Listener, listener_config, now) {
    dialer.session.on_established(now, round_trip(listener.session.local_parameters()));
    listener.session.on_established(now, round_trip(dialer.session.local_parameters()));
  }

  // ... and admitted, with nothing left to say.
  static Pair admitted(const SessionConfig& dialer_config = {}, const SessionConfig& listener_config = {},
                       Link link = {}, std::uint64_t seed = 1) {
    Pair pair{dialer_config, listener_config, link, seed};
    pair.listener.session.admit(pair.now);
    pair.settle();
    return pair;
  }
  static Pair admitted_same(const SessionConfig& config, Link link = {}, std::uint64_t seed = 1) {
    return admitted(config, config, link, seed);
  }

  // Moves packets until nothing is on its way and nobody wants to send.
  void settle(std::size_t steps_max = 2'000'000) {
    for (std::size_t i = 0; i < steps_max; ++i) {
      if (!step()) return;
    }
    ADD_FAILURE() << "the sessions never come to rest";
  }

  // One packet of each side, or the next arrival; false when there is nothing to do.
  bool step() {
    const bool has_sent = send_one(dialer, listener) | send_one(listener, dialer);
    if (has_sent && link_.delay == 0ms) return true;
    if (arrivals_.empty()) return has_sent;
    if (has_sent) return true;
    deliver_next();
    return true;
  }

  void advance(Duration duration) {
    const TimePoint until = now + duration;
    settle();
    while (true) {
      TimePoint first = until;
      for (End* end : {&dialer, &listener})
        first = std::min(first, end->session.next_timeout().value_or(kNever));
      now = std::max(now, first);
      for (End* end : {&dialer, &listener}) {
        if (end->session.next_timeout().value_or(kNever) <= now) {
          if (auto alive = end->session.handle_timeout(now); !alive) end->failure = alive.error();
        }
      }
      if (!is_cut) settle();
      if (now >= until) return;
    }
  }

  // The payload of a packet of `from` without handing it on; empty when it has none.
  Bytes take_packet(End& from) {
    if (!from.session.wants_to_send()) return {};
    Bytes scratch(link_.packet_bytes);
    wire::PacketWriter packet{scratch, scratch.size()};
    const std::uint64_t number = from.next_packet++;
    from.session.write_frames(now, packet, number);
    Bytes payload;
    for (const ByteView part : packet.parts()) payload.insert(payload.end(), part.begin(), part.end());
    EXPECT_TRUE(may_be_empty || !payload.empty()) << "wants_to_send() but has nothing to say";
    if (!is_lossy()) from.session.on_packet_acked(now, number);
    drain(from);
    return payload;
  }
  void hand_in(End& to, ByteView payload) {
    auto handled = to.session.handle_frames(now, payload);
    if (!handled) to.failure = handled.error();
    drain(to);
  }
  void drain(End& end) {
    while (auto event = end.session.poll_event()) end.events.push_back(std::move(*event));
    end.session.check_invariants();
  }
  bool is_lossy() const { return link_.loss > 0 || link_.reordering > 0; }

  TimePoint now{1h};
  bool is_cut = false;        // nothing goes through any more
  bool may_be_empty = false;  // a session may want to send and then find that it cannot

 private:
  struct Arrival {
    End* from;
    End* to;
    std::uint64_t number;
    Bytes payload;
    bool is_lost;
  };

  static PeerParameters round_trip(const LocalParameters& parameters) {
    return decode_parameters(encode_parameters(parameters)).value();
  }

  bool send_one(End& from, End& to) {
    drain(from);
    const std::uint64_t number = from.next_packet;
    Bytes payload = take_packet(from);
    if (payload.empty() || is_cut) return !payload.empty();
    if (link_.delay == 0ms && !is_lossy()) {
      hand_in(to, payload);
      return true;
    }
    const bool is_lost = random_.unit() < link_.loss;
    Duration delay = link_.delay;
    if (is_lost) delay *= 3;
    if (random_.unit() < link_.reordering)
      delay += Duration{random_.below(static_cast<std::uint64_t>((4 * link_.delay + 1us).count()))};
    arrivals_.emplace(now + delay, Arrival{&from, &to, number, std::move(payload), is_lost});
    return true;
  }

  void deliver_next() {
    const auto first = arrivals_.begin();
    now = std::max(now, first->first);
    Arrival arrival = std::move(first->second);
    arrivals_.erase(first);
    // Addresses of the ends change when a Pair is moved.
    End& from = is_dialer(arrival.from) ? dialer : listener;
    End& to = &from == &dialer ? listener : dialer;
    if (arrival.is_lost) {
      from.session.on_packet_lost(now, arrival.number);
      drain(from);
      return;
    }
    hand_in(to, arrival.payload);
    if (is_lossy()) from.session.on_packet_acked(now, arrival.number);
    drain(from);
  }
  bool is_dialer(const End* end) const { return end == &dialer; }

  Link link_;
  SeededRandom random_;
  std::multimap<TimePoint, Arrival> arrivals_;

 public:
  End dialer;
  End listener;
};

// All that can be read of a stream now.
inline Bytes read_all(Pair& pair, End& end, StreamId id, bool* is_end = nullptr, std::size_t piece = 4096) {
  Bytes all;
  Bytes buffer(piece);
  while (true) {
    const auto read = end.session.read(id, buffer);
    if (!read) {
      ADD_FAILURE() << "read fails: " << read.error().reason;
      break;
    }
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(read->bytes));
    if (is_end != nullptr) *is_end = read->is_end;
    if (read->is_end || read->bytes == 0) break;
  }
  pair.drain(end);
  return all;
}

// Sends all of `data` and the end on a new stream while the other side reads as it comes; what was read.
inline Bytes transfer(Pair& pair, End& from, End& to, ByteView data, const StreamOptions& options = {},
                      std::size_t write_bytes = 10'000) {
  const StreamId id = from.session.open_stream(Direction::OneWay, options).value();
  Bytes received;
  bool is_end = false;
  bool is_finished = false;
  for (std::size_t i = 0; !is_end && i < 1'000'000; ++i) {
    while (!data.empty()) {
      const auto taken = from.session.write(id, data.first(std::min(data.size(), write_bytes)));
      if (!taken.has_value()) {
        ADD_FAILURE() << taken.error().reason;
        return received;
      }
      if (*taken == 0) break;
      data = data.subspan(*taken);
    }
    if (data.empty() && !std::exchange(is_finished, true)) {
      EXPECT_TRUE(from.session.finish(id));
    }
    const bool has_moved = pair.step();
    const bool knows =
        std::ranges::any_of(to.all<StreamOpened>(), [&](const auto* event) { return event->id == id; });
    if (!knows) {
      if (!has_moved) break;
      continue;
    }
    const Bytes more = read_all(pair, to, id, &is_end);
    received.insert(received.end(), more.begin(), more.end());
  }
  EXPECT_TRUE(is_end);
  pair.settle();
  return received;
}

}  // namespace jetway::session::test
