#include "jetway/io/udp_endpoint.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "jetway/base/assert.h"
#include "jetway/io/datagram_driver.h"
#include "jetway/io/log.h"
#include "jetway/io/udp_steering.h"

namespace jetway::io {

namespace {

using namespace std::chrono_literals;

// The most that one batch has, which is the room that the engine wants for it.
constexpr std::size_t kBatchBytes = 65'536;
// System calls in one turn of sending before others have theirs.
constexpr int kCallsPerTurn = 4;
// When the system has no memory for packets nobody tells when it has.
constexpr Duration kNoBuffersPause = 1ms;

}  // namespace

std::expected<std::shared_ptr<UdpEndpoint>, std::error_code> UdpEndpoint::open(
    EventLoop& loop, const IpEndpoint& local, const UdpEndpointConfig& config, RandomSource& random,
    std::shared_ptr<const void> dependencies) {
  auto socket = UdpSocket::open(loop, local, config.udp);
  if (!socket) return std::unexpected(socket.error());
  auto endpoint =
      std::make_shared<UdpEndpoint>(loop, std::move(*socket), config, random, std::move(dependencies));
  loop.spawn(receive_loop(endpoint));
  loop.spawn(send_loop(endpoint));
  return endpoint;
}

UdpEndpoint::UdpEndpoint(EventLoop& loop, UdpSocket socket, const UdpEndpointConfig& config,
                         RandomSource& random, std::shared_ptr<const void> dependencies)
    : loop_(loop),
      socket_(std::move(socket)),
      dependencies_(std::move(dependencies)),
      engine_(config.jsp, random, loop.now()),
      timer_(loop, [this] { on_timer(); }),
      output_wanted_(loop),
      receive_buffers_(std::max<std::size_t>(1, config.udp.receive_buffers)),
      shard_(config.jsp.shard),
      buffer_bytes_(std::max(config.transmit_buffer_bytes, kBatchBytes)),
      transmits_(std::max<std::size_t>(1, config.udp.send_batch)) {
  buffer_ = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes_);
}

UdpEndpoint::~UdpEndpoint() = default;

void UdpEndpoint::listen(jsp::JspConfig config, const crypto::InitFilterConfig& filter,
                         const ReceiveLimits& limits, AcceptedHandler on_accepted) {
  engine_.listen(std::move(config), filter);
  accepted_limits_ = limits;
  on_accepted_ = std::move(on_accepted);
}

std::shared_ptr<ConnectionCore> UdpEndpoint::connect(jsp::JspConfig config, const IpEndpoint& remote,
                                                     const ReceiveLimits& limits, const IpEndpoint& local) {
  jsp::Connection& connection = engine_.connect(loop_.now(), std::move(config), local, remote);
  auto core = attach(connection, limits);
  if (!socket_.is_open()) attached_.at(&connection).driver->abort();  // nobody would ever time it out
  output_wanted_.notify_one();
  return core;
}

void UdpEndpoint::join(std::shared_ptr<UdpSiblings> siblings) {
  JETWAY_ASSERT(!siblings_);
  siblings_ = std::move(siblings);
  siblings_->join(shard_, loop_, weak_from_this());
}

void UdpEndpoint::finish() {
  engine_.stop_listening();
  is_finishing_ = true;
  output_wanted_.notify_one();
}

// ---- for the drivers ----

void UdpEndpoint::on_command(jsp::Connection& connection) {
  engine_.touch(connection);
  output_wanted_.notify_one();
}

void UdpEndpoint::detach(jsp::Connection& connection) {
  const auto found = attached_.find(&connection);
  if (found == attached_.end()) return;
  std::erase(closing_, found->second.driver);
  const Attached last = std::move(found->second);  // goes when the table is in order
  attached_.erase(found);
}

void UdpEndpoint::release(jsp::Connection& connection) {
  engine_.release(connection);
  output_wanted_.notify_one();
}

// ---- receiving ----

Task<void> UdpEndpoint::receive_loop(Self self) {
  // Also when the loop ends: connections and endpoint hold each other.
  struct AtEnd {
    explicit AtEnd(UdpEndpoint& of) : endpoint(of) {}
    AtEnd(const AtEnd&) = delete;
    AtEnd& operator=(const AtEnd&) = delete;
    ~AtEnd() { endpoint.abandon(); }
    UdpEndpoint& endpoint;
  };
  const AtEnd at_end{*self};
  while (self->socket_.is_open()) {
    if (self->receive_some()) {
      co_await self->loop_.yield();
    } else {
      co_await self->socket_.readable();
    }
  }
}

// True: there may be more.
bool UdpEndpoint::receive_some() {
  const auto batch = socket_.receive();
  if (!batch) {
    kLog.warn("UDP {}: {}", socket_.local().to_text(), batch.error().message());
    socket_.close();
    return false;
  }
  if (batch->empty()) return false;
  const Now now = loop_.now();
  for (const UdpReceived& received : *batch) {
    for (std::size_t i = 0; i < received.segments(); ++i) take(now, received.segment(i));
  }
  settle();
  output_wanted_.notify_one();  // behind those who wait for what came, and may have an answer
  return batch->size() == receive_buffers_;
}

void UdpEndpoint::take(Now now, const jsp::Datagram& datagram) {
  if (siblings_) {
    const auto shard = shard_named_by(datagram.bytes, siblings_->shards());
    if (shard && *shard != shard_) return siblings_->hand_over(*shard, datagram);
  }
  engine_.handle_datagram(now, datagram);
}

void UdpEndpoint::take_handed_over(const jsp::Datagram& datagram) {
  if (!siblings_) return;  // it has left meanwhile
  siblings_->on_taken(shard_);
  engine_.handle_datagram(loop_.now(), datagram);
  settle();
  output_wanted_.notify_one();
}

// ---- sending ----

Task<void> UdpEndpoint::send_loop(Self self) {
  for (;;) {
    const Sent sent = self->send_some();
    if (sent == Sent::All) self->finish_closing();
    if (!self->socket_.is_open()) co_return;
    self->arm_timer();
    switch (sent) {
      case Sent::All:
        co_await self->output_wanted_.wait();
        break;
      case Sent::More:
        co_await self->loop_.yield();
        break;
      case Sent::WouldBlock:
        co_await self->socket_.writable();
        break;
      case Sent::NoBuffers:
        co_await self->loop_.sleep(kNoBuffersPause);
        break;
      case Sent::Closed:
        co_return;
    }
  }
}

// Seals and sends until there is nothing more, or for one turn.
UdpEndpoint::Sent UdpEndpoint::send_some() {
  for (int call = 0; call < kCallsPerTurn; ++call) {
    if (!socket_.is_open()) return Sent::Closed;
    if (first_ == count_) {
      settle();
      fill();
      if (first_ == count_) return Sent::All;
    }
    const std::span<jsp::Transmit> transmits = std::span(transmits_).first(count_).subspan(first_);
    const UdpSendReport report =
        socket_.send(transmits, {buffer_.get() + unsent_begin_, unsent_end_ - unsent_begin_});
    take_report(report);
    if (report.state == UdpSendReport::State::WouldBlock) return Sent::WouldBlock;
    if (report.state == UdpSendReport::State::NoBuffers) return Sent::NoBuffers;
    if (report.state == UdpSendReport::State::Closed) return Sent::Closed;
  }
  return Sent::More;
}

void UdpEndpoint::take_report(const UdpSendReport& report) {
  first_ += report.transmits;
  unsent_begin_ += report.bytes;
  const bool is_too_large = report.state == UdpSendReport::State::TooLarge;
  if (!is_too_large && report.state != UdpSendReport::State::Unreachable) return;
  const jsp::Transmit& refused = transmits_[first_ - 1];
  if (is_too_large) {
    engine_.handle_message_too_large(loop_.now(), refused.remote, refused.segment_bytes);
  } else {
    engine_.handle_unreachable(loop_.now(), refused.local, refused.remote);
  }
}

// What one call may carry, as far as there is something to be sent.
void UdpEndpoint::fill() {
  first_ = count_ = 0;
  unsent_begin_ = unsent_end_ = 0;
  const Now now = loop_.now();
  while (count_ < transmits_.size() && buffer_bytes_ - unsent_end_ >= kBatchBytes) {
    const MutableBytes room(buffer_.get() + unsent_end_, buffer_bytes_ - unsent_end_);
    const auto transmit = engine_.poll_transmit(now, room);
    if (!transmit) break;
    transmits_[count_++] = *transmit;
    unsent_end_ += transmit->bytes;
  }
}

// ---- time ----

void UdpEndpoint::on_timer() {
  // The deadline may have moved on since the timer was set: then it is only set again.
  const Now now = loop_.now();
  if (const auto deadline = engine_.next_timeout(); deadline && *deadline <= now.engine) {
    engine_.handle_timeout(now);
  }
  arm_timer();  // also while sending is held up
  output_wanted_.notify_one();
}

void UdpEndpoint::arm_timer() {
  const auto deadline = engine_.next_timeout();
  if (deadline && (!timer_.deadline() || *deadline < *timer_.deadline())) timer_.set(*deadline);
}

// ---- events ----

std::shared_ptr<ConnectionCore> UdpEndpoint::attach(jsp::Connection& connection,
                                                    const ReceiveLimits& limits) {
  auto own = std::make_unique<DatagramDriver>(shared_from_this(), connection);
  DatagramDriver* const driver = own.get();
  auto core = std::make_shared<ConnectionCore>(loop_, std::move(own), limits);
  driver->set_core(*core);
  attached_.emplace(&connection, Attached{.core = core, .driver = driver});
  return core;
}

// Hands on what has happened in the engine.
void UdpEndpoint::settle() {
  while (jsp::Connection* const connection = engine_.poll_accepted()) {
    auto core = attach(*connection, accepted_limits_);
    on_accepted_(std::move(core));
  }
  while (const jsp::Connection* const connection = engine_.poll_eventful()) {
    const auto found = attached_.find(connection);
    if (found != attached_.end()) found->second.driver->settle();
  }
}

// Everything that there was to send has been sent.
void UdpEndpoint::finish_closing() {
  for (std::size_t i = 0; i < closing_.size();) {
    if (closing_[i]->is_over()) {
      closing_[i]->finish();  // takes itself out
    } else {
      ++i;
    }
  }
  // Connections that are over may still be held, for what they know: they want nothing of the socket.
  if (is_finishing_ && attached_.empty() && !engine_.next_timeout()) socket_.close();
}

void UdpEndpoint::abandon() {
  if (siblings_) std::exchange(siblings_, nullptr)->leave(shard_);
  socket_.close();
  timer_.cancel();
  on_accepted_ = nullptr;
  output_wanted_.notify_all();
  while (!attached_.empty()) attached_.begin()->second.driver->abort();
}

}  // namespace jetway::io
