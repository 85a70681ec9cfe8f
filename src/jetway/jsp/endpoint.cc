#include "jetway/jsp/endpoint.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>

#include "jetway/base/assert.h"
#include "jetway/jsp/connection_ids.h"
#include "jetway/jsp/deadlines.h"
#include "jetway/jsp/packet_header.h"
#include "jetway/jsp/protection/retry.h"
#include "jetway/jsp/protection/stateless_reset.h"

namespace jetway::jsp {

namespace {

// Answers without state that wait to be sent; more are not given.
constexpr std::size_t kAnswersMax = 64;

}  // namespace

class Endpoint::State {
 public:
  State(const EndpointConfig& config, RandomSource& random, Now now);

  void listen(JspConfig config, const crypto::InitFilterConfig& filter);
  void stop_listening() { listening_.reset(); }

  void handle_datagram(Now now, const Datagram& datagram);
  void handle_timeout(Now now);
  void handle_message_too_large(Now now, const IpEndpoint& remote, std::size_t bytes);
  void handle_unreachable(Now now, const IpEndpoint& local, const IpEndpoint& remote);

  Connection& connect(Now now, JspConfig config, const IpEndpoint& local, const IpEndpoint& remote);
  void touch(Connection& connection);
  void release(Connection& connection);

  std::optional<Transmit> poll_transmit(Now now, MutableBytes out);
  Connection* poll_eventful();
  Connection* poll_accepted();
  std::optional<TimePoint> next_timeout() const { return deadlines_.earliest(); }
  EndpointStatistics statistics() const;

 private:
  // A connection with its places in our tables.
  struct Entry {
    std::unique_ptr<Connection> connection;
    DeadlinePlace place;
    IpEndpoint remote;                    // of a dialer without connection IDs, and of half-open ones
    std::optional<ConnectionId> initial;  // a listener's: the destination that the dialer chose
    bool is_half_open = false;
    bool is_ready = false;     // in ready_
    bool is_eventful = false;  // in eventful_
    bool is_released = false;
  };
  // Connections of dialers are found by what these chose at first, and stay so: an Initial that comes late or
  // twice must not make another one. Ordered, since strangers choose it.
  using InitialKey = std::tuple<IpEndpoint, std::uint64_t>;
  struct Listening {
    // Borrowed by the connections, and by the configuration that they share.
    Listening(JspConfig jsp, const crypto::InitFilterConfig& filter_config,
              const std::optional<crypto::TicketConfig>& ticket_config, RandomSource& random)
        : filter(filter_config, random), tokens(random) {
      if (ticket_config) jsp.handshake.tickets = &tickets.emplace(*ticket_config, random);
      config = share(std::move(jsp));
    }
    std::shared_ptr<const JspConfig> config;
    crypto::InitFilter filter;
    RetryTokens tokens;
    std::optional<crypto::TicketIssuer> tickets;
  };
  struct Answer {
    Transmit transmit;
    std::array<std::byte, kRetryPacketMaxBytes> bytes;
  };

  Entry* find(const Datagram& datagram, const PacketHeader& header);
  Entry& add(std::unique_ptr<Connection> connection);
  void accept(Now now, const Datagram& datagram, const PacketHeader& header);
  void send_retry(Now now, const Datagram& datagram, const PacketHeader& header);
  bool take_reset(Now now, const Datagram& datagram);
  void answer_unknown(Now now, const Datagram& datagram, const PacketHeader& header);
  template <class Write>
  bool answer(Now now, const Datagram& datagram, Write&& write);
  void note_activity(Entry& entry);
  void take_routing_events(Entry& entry);
  void settle(Entry& entry);
  void remove(Entry& entry);
  void end_half_open(Entry& entry);
  ConnectionId make_id() { return random_connection_id(*random_, config_.shard); }

  EndpointConfig config_;
  RandomSource* random_;
  std::array<std::byte, 32> reset_key_{};
  // On the heap: connections refer to its filter, also when nobody new is let in.
  std::shared_ptr<Listening> listening_;
  std::vector<std::shared_ptr<Listening>> kept_listening_;

  std::unordered_map<const Connection*, Entry> entries_;
  std::unordered_map<std::uint64_t, Entry*> by_id_;  // our IDs, which are random
  std::map<InitialKey, Entry*> by_initial_;
  std::vector<Entry*> without_id_;             // dialers whose socket this is
  std::multimap<IpEndpoint, Entry*> dialers_;  // others, by where they dialed
  Deadlines<Entry> deadlines_;
  std::deque<Entry*> ready_;
  std::deque<Entry*> eventful_;
  std::deque<Entry*> accepted_;
  std::deque<Answer> answers_;
  std::size_t half_open_ = 0;

  // Token bucket of stateless answers.
  double answers_allowed_;
  TimePoint answers_counted_at_;
  EndpointStatistics statistics_;
};

Endpoint::State::State(const EndpointConfig& config, RandomSource& random, Now now)
    : config_(config),
      random_(&random),
      answers_allowed_(config.stateless_answers_per_second),
      answers_counted_at_(now.engine) {
  if (config_.reset_key) {
    reset_key_ = *config_.reset_key;
  } else {
    random.fill(reset_key_);
  }
}

void Endpoint::State::listen(JspConfig config, const crypto::InitFilterConfig& filter) {
  JETWAY_ASSERT(config_.is_shared);
  auto tickets = config_.tickets;
  if (tickets) tickets->shard = config_.shard;
  listening_ = std::make_shared<Listening>(std::move(config), filter, tickets, *random_);
  kept_listening_.push_back(listening_);
}

// ---- datagrams ----

void Endpoint::State::handle_datagram(Now now, const Datagram& datagram) {
  const auto header = decode_packet_header(datagram.bytes, config_.is_shared ? ConnectionId::kMaxBytes : 0);
  if (!header) {
    if (!take_reset(now, datagram)) ++statistics_.datagrams_dropped;
    return;
  }
  if (Entry* const entry = find(datagram, *header)) {
    entry->connection->handle_datagram(now, datagram, *header);
    return note_activity(*entry);
  }
  const bool is_first = header->type == PacketType::Initial && header->is_from_dialer;
  if (listening_ && is_first && header->version == kWireVersion) return accept(now, datagram, *header);
  answer_unknown(now, datagram, *header);
}

Endpoint::State::Entry* Endpoint::State::find(const Datagram& datagram, const PacketHeader& header) {
  if (!config_.is_shared) {
    // Several paths of one connection may have different remote addresses: the connection knows them.
    if (without_id_.size() == 1) return without_id_.front();
    const auto found = std::ranges::find_if(
        without_id_, [&](const Entry* entry) { return entry->remote == datagram.remote; });
    return found == without_id_.end() ? nullptr : *found;
  }
  if (const auto found = by_id_.find(header.destination.value());
      found != by_id_.end() && !header.destination.is_empty()) {
    return found->second;
  }
  if (!is_long(header.type) || !header.is_from_dialer) return nullptr;
  const auto found = by_initial_.find({datagram.remote, header.destination.value()});
  return found == by_initial_.end() ? nullptr : found->second;
}

void Endpoint::State::accept(Now now, const Datagram& datagram, const PacketHeader& header) {
  const bool is_full = entries_.size() >= config_.connections_max || half_open_ >= config_.half_open_max;
  // RFC 9000 section 14.1: what is shorter is not worth an answer.
  if (datagram.bytes.size() < kBaseDatagramBytes || header.destination.size() < ConnectionId::kMaxBytes ||
      is_full) {
    ++statistics_.datagrams_dropped;
    return;
  }
  const bool is_retry_due = config_.always_retry || half_open_ >= config_.half_open_max / 2;
  if (header.token.empty() && is_retry_due) return send_retry(now, datagram, header);
  FirstInitial first{.local = datagram.local,
                     .remote = datagram.remote,
                     .original_destination = header.destination,
                     .destination = header.destination,
                     .source = header.source};
  std::ranges::copy(header.client_random, first.random.begin());
  if (!header.token.empty()) {
    const auto original = listening_->tokens.verify(now.engine, header, datagram.remote);
    if (!original) {
      ++statistics_.datagrams_dropped;
      return;
    }
    first.original_destination = *original;
    first.is_address_validated = true;
  }
  const ConnectionId local_id = make_id();
  auto connection = Connection::listener(listening_->config, local_id, first, config_.shard, reset_key_,
                                         listening_->filter, *random_, now);
  connection->handle_datagram(now, datagram, header);
  if (connection->session().counters().packets_received.value() == 0) {  // nothing in it was authentic
    ++statistics_.datagrams_dropped;
    return;
  }
  Entry& entry = add(std::move(connection));
  entry.remote = datagram.remote;
  entry.initial = header.destination;
  entry.is_half_open = true;
  ++half_open_;
  by_id_.emplace(local_id.value(), &entry);
  by_initial_.emplace(InitialKey{datagram.remote, header.destination.value()}, &entry);
  accepted_.push_back(&entry);
  note_activity(entry);
}

// ---- answers without state ----

template <class Write>
bool Endpoint::State::answer(Now now, const Datagram& datagram, Write&& write) {
  const std::chrono::duration<double> elapsed = now.engine - answers_counted_at_;
  if (elapsed.count() > 0) {
    const double limit = config_.stateless_answers_per_second;
    answers_allowed_ = std::min(limit, answers_allowed_ + elapsed.count() * limit);
    answers_counted_at_ = now.engine;
  }
  if (answers_allowed_ < 1 || answers_.size() >= kAnswersMax) {
    ++statistics_.datagrams_dropped;
    return false;
  }
  Answer& waiting = answers_.emplace_back();
  const std::size_t bytes = write(MutableBytes{waiting.bytes});
  if (bytes == 0) {
    answers_.pop_back();
    return false;
  }
  answers_allowed_ -= 1;
  waiting.transmit = {.local = datagram.local,
                      .remote = datagram.remote,
                      .ecn = Ecn::NotCapable,
                      .bytes = bytes,
                      .segment_bytes = bytes,
                      .departure = {}};
  return true;
}

void Endpoint::State::send_retry(Now now, const Datagram& datagram, const PacketHeader& header) {
  const bool is_sent = answer(now, datagram, [&](MutableBytes out) {
    return listening_->tokens.make_retry(now.engine, header, datagram.remote, make_id(), out);
  });
  statistics_.retries_sent += is_sent ? 1 : 0;
}

void Endpoint::State::answer_unknown(Now now, const Datagram& datagram, const PacketHeader& header) {
  if (listening_ && header.type == PacketType::OtherVersion && header.is_from_dialer &&
      datagram.bytes.size() >= kBaseDatagramBytes) {
    const bool is_sent = answer(now, datagram, [&](MutableBytes out) {
      constexpr std::array kVersions = {kWireVersion};
      return encode_version_negotiation(out, header.source, header.destination, kVersions);
    });
    statistics_.version_negotiations_sent += is_sent ? 1 : 0;
    return;
  }
  if (header.type == PacketType::Short && take_reset(now, datagram)) return;
  if (config_.is_shared && header.type == PacketType::Short) {
    const bool is_sent = answer(now, datagram, [&](MutableBytes out) {
      return make_stateless_reset(datagram.bytes.size(), make_reset_token(reset_key_, header.destination),
                                  *random_, out);
    });
    statistics_.resets_sent += is_sent ? 1 : 0;
    return;
  }
  ++statistics_.datagrams_dropped;
}

// A stateless reset names no ID of ours: it is compared with the tokens of our dialers' peers at the address
// that it comes from (RFC 9000 section 10.3.1).
bool Endpoint::State::take_reset(Now now, const Datagram& datagram) {
  for (auto [entry, end] = dialers_.equal_range(datagram.remote); entry != end; ++entry) {
    if (!entry->second->connection->is_stateless_reset(datagram.bytes)) continue;
    entry->second->connection->handle_stateless_reset(now);
    note_activity(*entry->second);
    return true;
  }
  return false;
}

// ---- connections ----

Endpoint::State::Entry& Endpoint::State::add(std::unique_ptr<Connection> connection) {
  Entry& entry = entries_[connection.get()];
  entry.connection = std::move(connection);
  return entry;
}

Connection& Endpoint::State::connect(Now now, JspConfig config, const IpEndpoint& local,
                                     const IpEndpoint& remote) {
  const ConnectionId local_id = config_.is_shared ? make_id() : ConnectionId{};
  Entry& entry = add(Connection::dialer(share(std::move(config)), local_id, local, remote, *random_, now));
  entry.remote = remote;
  if (config_.is_shared) {
    by_id_.emplace(local_id.value(), &entry);
    dialers_.emplace(remote, &entry);
  } else {
    without_id_.push_back(&entry);
  }
  note_activity(entry);
  return *entry.connection;
}

void Endpoint::State::touch(Connection& connection) {
  const auto found = entries_.find(&connection);
  JETWAY_ASSERT(found != entries_.end());
  note_activity(found->second);
}

void Endpoint::State::release(Connection& connection) {
  const auto found = entries_.find(&connection);
  JETWAY_ASSERT(found != entries_.end());
  found->second.is_released = true;
  note_activity(found->second);
}

// It may have events, and something to send; its deadline is set when it has nothing to send any more.
void Endpoint::State::note_activity(Entry& entry) {
  if (!std::exchange(entry.is_ready, true)) ready_.push_back(&entry);
  if (!std::exchange(entry.is_eventful, true)) eventful_.push_back(&entry);
}

void Endpoint::State::take_routing_events(Entry& entry) {
  while (const auto event = entry.connection->poll_routing_event()) {
    if (const auto* issued = std::get_if<ConnectionIdIssued>(&*event)) {
      by_id_.emplace(issued->id.value(), &entry);
    } else {
      by_id_.erase(std::get<ConnectionIdRetired>(*event).id.value());
    }
  }
}

void Endpoint::State::end_half_open(Entry& entry) {
  if (!std::exchange(entry.is_half_open, false)) return;
  --half_open_;
}

// All that follows from a connection's present state.
void Endpoint::State::settle(Entry& entry) {
  take_routing_events(entry);
  if (entry.connection->is_established() || entry.connection->is_closed()) end_half_open(entry);
  if (entry.connection->is_closed() && entry.is_released && !entry.is_ready && !entry.is_eventful)
    return remove(entry);
  deadlines_.set(entry, entry.connection->next_timeout().value_or(kNever));
}

void Endpoint::State::remove(Entry& entry) {
  deadlines_.remove(entry);
  if (entry.initial) by_initial_.erase({entry.remote, entry.initial->value()});
  std::erase(without_id_, &entry);
  std::erase_if(dialers_, [&](const auto& dialer) { return dialer.second == &entry; });
  std::erase(accepted_, &entry);
  entries_.erase(entry.connection.get());
}

void Endpoint::State::handle_timeout(Now now) {
  while (Entry* const entry = deadlines_.due(now.engine)) {
    deadlines_.remove(*entry);
    entry->connection->handle_timeout(now);
    note_activity(*entry);
  }
}

void Endpoint::State::handle_message_too_large(Now now, const IpEndpoint& remote, std::size_t bytes) {
  for (auto& [key, entry] : entries_) {
    entry.connection->handle_message_too_large(now, remote, bytes);
    note_activity(entry);
  }
}

void Endpoint::State::handle_unreachable(Now now, const IpEndpoint& local, const IpEndpoint& remote) {
  for (Entry* const entry : without_id_) {
    entry->connection->handle_unreachable(now, local, remote);
    note_activity(*entry);
  }
}

// ---- outputs ----

std::optional<Transmit> Endpoint::State::poll_transmit(Now now, MutableBytes out) {
  if (!answers_.empty()) {
    const Answer answer = answers_.front();
    answers_.pop_front();
    copy_bytes(out, ByteView{answer.bytes}.first(answer.transmit.bytes));
    return answer.transmit;
  }
  while (!ready_.empty()) {
    Entry& entry = *ready_.front();
    ready_.pop_front();
    if (const auto transmit = entry.connection->poll_transmit(now, out)) {
      ready_.push_back(&entry);
      return transmit;
    }
    entry.is_ready = false;
    settle(entry);
  }
  return std::nullopt;
}

Connection* Endpoint::State::poll_eventful() {
  while (!eventful_.empty()) {
    Entry& entry = *eventful_.front();
    eventful_.pop_front();
    entry.is_eventful = false;
    if (!entry.is_released) return entry.connection.get();
    if (!entry.is_ready) settle(entry);
  }
  return nullptr;
}

Connection* Endpoint::State::poll_accepted() {
  if (accepted_.empty()) return nullptr;
  Entry& entry = *accepted_.front();
  accepted_.pop_front();
  return entry.connection.get();
}

EndpointStatistics Endpoint::State::statistics() const {
  EndpointStatistics statistics = statistics_;
  statistics.connections = entries_.size();
  statistics.half_open = half_open_;
  return statistics;
}

// ---- the face ----

Endpoint::Endpoint(const EndpointConfig& config, RandomSource& random, Now now)
    : state_(std::make_unique<State>(config, random, now)) {}
Endpoint::~Endpoint() = default;

void Endpoint::listen(JspConfig config, const crypto::InitFilterConfig& filter) {
  state_->listen(std::move(config), filter);
}
void Endpoint::stop_listening() { state_->stop_listening(); }
void Endpoint::handle_datagram(Now now, const Datagram& datagram) { state_->handle_datagram(now, datagram); }
void Endpoint::handle_timeout(Now now) { state_->handle_timeout(now); }
void Endpoint::handle_message_too_large(Now now, const IpEndpoint& remote, std::size_t bytes) {
  state_->handle_message_too_large(now, remote, bytes);
}
void Endpoint::handle_unreachable(Now now, const IpEndpoint& local, const IpEndpoint& remote) {
  state_->handle_unreachable(now, local, remote);
}
Connection& Endpoint::connect(Now now, JspConfig config, const IpEndpoint& local, const IpEndpoint& remote) {
  return state_->connect(now, std::move(config), local, remote);
}
void Endpoint::touch(Connection& connection) { state_->touch(connection); }
void Endpoint::release(Connection& connection) { state_->release(connection); }
std::optional<Transmit> Endpoint::poll_transmit(Now now, MutableBytes out) {
  return state_->poll_transmit(now, out);
}
Connection* Endpoint::poll_eventful() { return state_->poll_eventful(); }
Connection* Endpoint::poll_accepted() { return state_->poll_accepted(); }
std::optional<TimePoint> Endpoint::next_timeout() const { return state_->next_timeout(); }
EndpointStatistics Endpoint::statistics() const { return state_->statistics(); }

}  // namespace jetway::jsp
