#include "tests/sim/host.h"

#include <algorithm>
#include <format>

#include "jetway/base/assert.h"

namespace jetway::sim {

namespace {

constexpr std::size_t kBatchBytes = 65536;
constexpr std::uint32_t kBatchesAtOnce = 20'000;
constexpr std::uint32_t kExpiriesAtOnce = 1'000;
constexpr Duration kPause = std::chrono::milliseconds(1);
constexpr Duration kClockSpacing = std::chrono::hours(1);
constexpr std::chrono::system_clock::duration kEpoch = std::chrono::hours(24 * 365 * 55);

}  // namespace

std::string_view to_text(SendError error) {
  switch (error) {
    case SendError::WouldBlock:
      return "would block";
    case SendError::NoBufferSpace:
      return "no buffer space";
    case SendError::TooLarge:
      return "message too large";
    case SendError::NotPermitted:
      return "not permitted";
    case SendError::Unreachable:
      return "unreachable";
  }
  return "";
}

Host::Host(World& world, std::string name)
    : world_(world),
      name_(std::move(name)),
      random_(world.random()),
      clock_offset_(kClockSpacing * static_cast<int>(1 + random_.below(1000))),
      out_(kBatchBytes) {}

void Host::add_interface(const IpEndpoint& address) {
  interfaces_.push_back({.address = address});
  world_.hosts[address_of(address)] = this;
}

void Host::set_node(DatagramNode* node) {
  node_ = node;
  kept_.reset();
  wake();
}

void Host::wake() {
  if (is_suspended()) return;
  drain();
  schedule();
}

Now Host::now() const {
  const TimePoint time = world_.now;
  return {.engine = time + clock_offset_,
          .wall = WallTime(
              std::chrono::floor<WallTime::duration>(kEpoch + time.time_since_epoch() + wall_offset_))};
}

TimePoint Host::to_network_time(TimePoint engine_time) const {
  return engine_time == kNever ? kNever : engine_time - clock_offset_;
}

// ---- faults ----

void Host::set_interface_up(std::size_t interface, bool is_up) {
  interfaces_[interface].is_up = is_up;
  world_.trace.note(
      world_.now, name_,
      std::format("interface {} {}", interfaces_[interface].address.to_text(), is_up ? "up" : "down"));
}

void Host::fail_sends(SendError error, Duration how_long) {
  failing_ = error;
  failing_until_ = world_.now + how_long;
  world_.trace.note(world_.now, name_, std::format("sends fail: {}", sim::to_text(error)));
}

void Host::fail_sends_at_random(SendError error, double share) {
  random_error_ = error;
  random_error_share_ = share;
}

void Host::suspend(Duration how_long, SleepingClock clock) {
  suspended_until_ = world_.now + how_long;
  sleeping_clock_ = clock;
  slept_ = how_long;
  was_suspended_ = true;
  world_.trace.note(world_.now, name_, "suspended");
  wake_at(suspended_until_);
}

void Host::resume() {
  was_suspended_ = false;
  if (sleeping_clock_ == SleepingClock::Stops) clock_offset_ -= slept_;
  world_.trace.note(world_.now, name_, "resumed");
}

void Host::jump_engine_clock(Duration by) {
  JETWAY_ASSERT(by >= Duration{0});
  clock_offset_ += by;
  world_.trace.note(world_.now, name_, "engine clock jumps");
  wake_at(world_.now);
}

// ---- being driven ----

void Host::deliver(TimePoint now, PacketPtr packet) {
  const Interface* const interface = find_interface(packet->destination);
  if (node_ == nullptr || is_suspended() || !interface->is_up) {
    world_.trace.record(now, name_, TraceKind::Dropped, *packet, DropReason::HostDown);
    return;
  }
  world_.trace.record(now, name_, TraceKind::Delivered, *packet);
  ++statistics_.datagrams_received;
  statistics_.bytes_received += packet->size;
  node_->handle_datagram(
      this->now(),
      {.local = packet->destination, .remote = packet->source, .ecn = packet->ecn, .bytes = packet->bytes()});
  packet.reset();
  if (batches_input_) {
    wake_at(now);
  } else {
    wake();
  }
}

// With a packet: the time has come that the sender set for it. Without: the time to look at the node.
void Host::handle_event(TimePoint now, PacketPtr packet) {
  if (packet) return forward(now, std::move(packet));
  if (now >= wakes_at_) wakes_at_ = kNever;
  if (is_suspended()) return wake_at(suspended_until_);
  if (was_suspended_) resume();
  expire();
  wake();
}

void Host::expire() {
  if (node_ == nullptr) return;
  const auto deadline = node_->next_timeout();
  if (!deadline || to_network_time(*deadline) > world_.now) return;
  expiries_at_once_ = last_expiry_ == world_.now ? expiries_at_once_ + 1 : 0;
  last_expiry_ = world_.now;
  if (expiries_at_once_ > kExpiriesAtOnce) {
    throw SimulationError(std::format("{}: a timer fires again and again at the same time", name_));
  }
  node_->handle_timeout(now());
}

void Host::schedule() {
  if (node_ == nullptr) return;
  if (!can_send()) wake_at(blocked_until_);
  if (const auto deadline = node_->next_timeout()) wake_at(std::max(to_network_time(*deadline), world_.now));
}

void Host::wake_at(TimePoint at) {
  if (at >= wakes_at_) return;
  wakes_at_ = at;
  world_.events.push(at, *this);
}

bool Host::can_send() const { return world_.now >= blocked_until_; }

void Host::drain() {
  if (kept_ && can_send()) {
    const jsp::Transmit kept = *kept_;
    kept_.reset();
    send(kept);
  }
  for (std::uint32_t batches = 0; node_ != nullptr && !kept_ && can_send(); ++batches) {
    if (batches > kBatchesAtOnce) throw SimulationError(std::format("{} sends without end", name_));
    const auto transmit = node_->poll_transmit(now(), out_);
    if (!transmit) return;
    JETWAY_ASSERT(transmit->bytes <= out_.size());
    JETWAY_ASSERT(transmit->bytes == 0 || transmit->segment_bytes > 0);
    send(*transmit);
  }
}

std::optional<SendError> Host::injected_error() {
  if (world_.now < failing_until_) return failing_;
  if (random_error_share_ > 0 && random_.unit() < random_error_share_) return random_error_;
  return std::nullopt;
}

void Host::send(const jsp::Transmit& transmit) {
  if (const auto error = injected_error()) return handle_send_error(transmit, *error);
  const Interface* const interface = find_interface(transmit);
  if (interface == nullptr || !interface->is_up) return handle_send_error(transmit, SendError::Unreachable);
  const Route* const route = world_.find_route(interface->address, transmit.remote);
  if (route == nullptr) return handle_send_error(transmit, SendError::Unreachable);
  const std::size_t largest = std::min(transmit.bytes, transmit.segment_bytes);
  if (largest + (transmit.remote.is_v4() ? 28 : 48) > route->first_mtu()) {
    return handle_send_error(transmit, SendError::TooLarge);
  }
  IpEndpoint source = interface->address;
  if (transmit.local.port != 0) source.port = transmit.local.port;
  depart(world_.now, transmit, source, *route);
}

void Host::handle_send_error(const jsp::Transmit& transmit, SendError error) {
  ++statistics_.send_errors;
  world_.trace.note(world_.now, name_,
                    std::format("send failed: {}, {} bytes > {}", sim::to_text(error), transmit.bytes,
                                transmit.remote.to_text()));
  if (error == SendError::WouldBlock) {
    kept_ = transmit;
    blocked_until_ = world_.now < failing_until_ ? failing_until_ : world_.now + kPause;
  } else if (error == SendError::NoBufferSpace) {
    blocked_until_ = world_.now + kPause;
  }
  node_->handle_send_error(now(), transmit, error);
}

const Host::Interface* Host::find_interface(const IpEndpoint& address) const {
  const auto found = std::ranges::find_if(
      interfaces_, [&](const Interface& interface) { return interface.address.has_same_address(address); });
  return found == interfaces_.end() ? nullptr : &*found;
}

// Where the node leaves it open: the first one that is up and has a way there.
const Host::Interface* Host::find_interface(const jsp::Transmit& transmit) const {
  if (address_of(transmit.local) != IpEndpoint{}) return find_interface(transmit.local);
  const auto found = std::ranges::find_if(interfaces_, [&](const Interface& interface) {
    return interface.is_up && world_.find_route(interface.address, transmit.remote) != nullptr;
  });
  return found == interfaces_.end() ? nullptr : &*found;
}

void Host::depart(TimePoint now, const jsp::Transmit& transmit, const IpEndpoint& source,
                  const Route& route) {
  ++statistics_.batches_sent;
  const TimePoint departure =
      transmit.departure == TimePoint{} ? now : std::max(now, to_network_time(transmit.departure));
  ByteView rest = ByteView{out_}.first(transmit.bytes);
  while (!rest.empty()) {
    const ByteView segment = rest.first(std::min(rest.size(), transmit.segment_bytes));
    rest = rest.subspan(segment.size());
    PacketPtr packet = world_.pool.make(segment);
    packet->source = source;
    packet->destination = transmit.remote;
    packet->ecn = transmit.ecn;
    packet->route = &route;
    ++statistics_.datagrams_sent;
    statistics_.bytes_sent += segment.size();
    world_.trace.record(now, name_, TraceKind::Sent, *packet);
    if (departure > now) {
      world_.events.push(departure, *this, std::move(packet));
    } else {
      forward(now, std::move(packet));
    }
  }
}

}  // namespace jetway::sim
