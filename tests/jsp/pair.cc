#include "tests/jsp/pair.h"

#include <algorithm>
#include <array>
#include <utility>

namespace jetway::jsp {

namespace {

constexpr std::chrono::system_clock::duration kPairEpoch = std::chrono::hours(24 * 365 * 55);

std::shared_ptr<const crypto::Identity> make_pair_identity(RandomSource& random) {
  return std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random));
}

}  // namespace

Pair::Pair(PairConfig config) : config_(std::move(config)), random_(config_.seed) {
  for (JspConfig* side : {&config_.dialer, &config_.listener}) {
    if (!side->handshake.identity) side->handshake.identity = make_pair_identity(random_);
  }
  if (!config_.dialer.handshake.is_known)
    config_.dialer.handshake.is_known = [](const auto&) { return true; };
  dialer.address = seen_dialer_ = IpEndpoint::v4({10, 0, 0, 1}, 1111);
  listener.address = IpEndpoint::v4({10, 0, 0, 2}, 4717);
  dialer.endpoint = std::make_unique<Endpoint>(config_.dialer_endpoint, random_, now());
  listener.endpoint = std::make_unique<Endpoint>(config_.listener_endpoint, random_, now());
  listener.endpoint->listen(config_.listener, config_.filter);
}

Now Pair::now() const {
  return {.engine = time_,
          .wall = WallTime(std::chrono::floor<WallTime::duration>(kPairEpoch + time_.time_since_epoch()))};
}

void Pair::dial() {
  dialer.connection = &dialer.endpoint->connect(now(), config_.dialer, {}, listener.address);
}

bool Pair::connect(Duration limit) {
  dial();
  return run_until([this] { return dialer.session().is_admitted(); }, limit);
}

bool Pair::run_until(const std::function<bool()>& is_done, Duration limit) {
  const TimePoint end = time_ + limit;
  while (!is_done()) {
    if (step()) continue;
    const auto next = next_event();
    if (!next || *next > end) {
      time_ = end;
      return is_done();
    }
    time_ = std::max(time_, *next);
  }
  return true;
}

void Pair::run_for(Duration duration) {
  const TimePoint end = time_ + duration;
  run_until([] { return false; }, duration);
  time_ = end;
}

void Pair::inject(PairEnd& to, const IpEndpoint& from, ByteView datagram) {
  Bytes copy = to_bytes(datagram);
  to.endpoint->handle_datagram(now(),
                               {.local = to.address, .remote = from, .ecn = Ecn::NotCapable, .bytes = copy});
  drain(to);
}

// Everything that can happen at this moment, once; whether anything did.
bool Pair::step() {
  bool has_happened = transmit(dialer);
  has_happened |= transmit(listener);
  if (!under_way_.empty() && under_way_.front().arrival <= time_) {
    UnderWay datagram = std::move(under_way_.front());
    under_way_.pop_front();
    PairEnd& end = datagram.to_listener ? listener : dialer;
    end.endpoint->handle_datagram(
        now(), {.local = datagram.to, .remote = datagram.from, .ecn = datagram.ecn, .bytes = datagram.bytes});
    drain(end);
    has_happened = true;
  }
  for (PairEnd* end : {&dialer, &listener}) {
    const auto deadline = end->endpoint->next_timeout();
    if (!deadline || *deadline > time_) continue;
    end->endpoint->handle_timeout(now());
    drain(*end);
    has_happened = true;
  }
  return has_happened;
}

bool Pair::transmit(PairEnd& end) {
  bool has_sent = false;
  while (const auto transmit = end.endpoint->poll_transmit(now(), out_)) {
    ByteView rest = ByteView{out_}.first(transmit->bytes);
    while (!rest.empty()) {
      const ByteView datagram = rest.first(std::min(rest.size(), transmit->segment_bytes));
      send(end, *transmit, to_bytes(datagram));
      rest = rest.subspan(datagram.size());
    }
    has_sent = true;
  }
  if (has_sent) drain(end);
  return has_sent;
}

void Pair::send(PairEnd& from, const Transmit& transmit, Bytes datagram) {
  const bool to_listener = &from == &dialer;
  ++(to_listener ? datagrams_to_listener : datagrams_to_dialer);
  (to_listener ? bytes_to_listener : bytes_to_dialer) += datagram.size();
  const Fate fate = config_.on_datagram ? config_.on_datagram(to_listener, datagram) : Fate::Deliver;
  if (fate == Fate::Drop || datagram.size() > config_.mtu) return;
  if (!to_listener && transmit.remote != seen_dialer_) return;  // nobody there
  Duration delay = config_.one_way_delay;
  if (fate == Fate::Late) delay += config_.one_way_delay / 2;
  const IpEndpoint source = to_listener ? seen_dialer_ : listener.address;
  const IpEndpoint target = to_listener ? listener.address : dialer.address;
  UnderWay under_way{time_ + delay, to_listener, source, target, transmit.ecn, std::move(datagram)};
  for (int copies = fate == Fate::Twice ? 2 : 1; copies > 0; --copies) {
    const auto place = std::ranges::upper_bound(under_way_, under_way.arrival, {}, &UnderWay::arrival);
    under_way_.insert(place, under_way);
  }
}

void Pair::drain(PairEnd& end) {
  while (Connection* const accepted = end.endpoint->poll_accepted()) {
    if (end.connection == nullptr) {
      end.connection = accepted;
    } else {
      end.endpoint->release(*accepted);
    }
  }
  while (Connection* const connection = end.endpoint->poll_eventful()) {
    if (connection != end.connection) continue;
    while (const auto event = connection->poll_event()) {
      end.events.push_back(*event);
      const bool is_new_peer = std::holds_alternative<session::PeerAuthenticated>(*event);
      if (config_.admits && is_new_peer && &end == &listener) {
        connection->admit(now());
        end.endpoint->touch(*connection);
      }
    }
    while (auto event = connection->session().poll_event()) end.session_events.push_back(std::move(*event));
    connection->check_invariants();
  }
}

std::optional<TimePoint> Pair::next_event() const {
  std::optional<TimePoint> earliest;
  const auto arrival = under_way_.empty() ? std::nullopt : std::optional{under_way_.front().arrival};
  for (const auto& candidate :
       std::array{arrival, dialer.endpoint->next_timeout(), listener.endpoint->next_timeout()}) {
    if (candidate && (!earliest || *candidate < *earliest)) earliest = candidate;
  }
  return earliest;
}

std::optional<Bytes> carry(Pair& pair, PairEnd& from, PairEnd& to, ByteView data, Duration limit) {
  const auto stream =
      from.session().open_stream(session::Direction::OneWay, {.priority = session::Priority::Bulk});
  if (!stream) return std::nullopt;
  Bytes received;
  bool is_at_end = false;
  std::size_t written = 0;
  bool is_finished = false;
  const auto pump = [&] {
    if (written < data.size()) {
      written += from.session().write(*stream, data.subspan(written)).value_or(0);
      pair.touch(from);
    }
    if (written == data.size() && !std::exchange(is_finished, true)) {
      if (!from.session().finish(*stream)) return true;
      pair.touch(from);
    }
    std::array<std::byte, 16'384> buffer;
    while (!is_at_end) {
      const auto read = to.session().read(*stream, buffer);
      if (!read || (read->bytes == 0 && !read->is_end)) break;
      received.insert(received.end(), buffer.begin(),
                      buffer.begin() + static_cast<std::ptrdiff_t>(read->bytes));
      is_at_end = read->is_end;
      pair.touch(to);
    }
    return is_at_end;
  };
  if (!pair.run_until(pump, limit)) return std::nullopt;
  return received;
}

}  // namespace jetway::jsp
