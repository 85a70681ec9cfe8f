#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/datagram_node.h"
#include "tests/sim/world.h"

namespace jetway::sim {

// What a host's monotonic clock does while the host sleeps: CLOCK_BOOTTIME runs, CLOCK_MONOTONIC stops.
enum class SleepingClock : std::uint8_t { Runs, Stops };

struct HostStatistics {
  std::uint64_t datagrams_sent = 0;
  std::uint64_t bytes_sent = 0;  // payloads
  std::uint64_t datagrams_received = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t batches_sent = 0;
  std::uint64_t send_errors = 0;
};

// A machine with addresses, clocks of its own, and one node that does the talking. Its clocks start at values
// that no other host's have.
class Host final : private EventHandler {
 public:
  Host(World& world, std::string name);

  const std::string& name() const { return name_; }

  // An interface of its own per address; the port is that of whatever the node sends without naming one.
  // The first is the one for what names no address.
  void add_interface(const IpEndpoint& address);
  const IpEndpoint& address(std::size_t interface = 0) const { return interfaces_[interface].address; }

  // Borrowed; null takes it away. Starts (or stops) being driven at once.
  void set_node(DatagramNode* node);
  // The node may have something to send, or another deadline: after every command of the application.
  void wake();
  Now now() const;
  // The network's time for a time of the host's engine clock.
  TimePoint to_network_time(TimePoint engine_time) const;

  // ---- faults ----

  void set_interface_up(std::size_t interface, bool is_up);
  bool is_interface_up(std::size_t interface) const { return interfaces_[interface].is_up; }
  // Every send fails so from now on.
  void fail_sends(SendError error, Duration how_long);
  // This share of the sends fails so; a WouldBlock lasts 1 ms. 0: none.
  void fail_sends_at_random(SendError error, double share);
  // Nothing is delivered and no timer fires; then all of them do.
  void suspend(Duration how_long, SleepingClock clock = SleepingClock::Runs);
  bool is_suspended() const { return world_.now < suspended_until_; }
  void jump_wall_clock(Duration by) { wall_offset_ += by; }
  // Forward only: monotonic clocks do not go back.
  void jump_engine_clock(Duration by);
  // Received datagrams of one moment are handed in together before the node is polled (recvmmsg, GRO) or one
  // by one (the default).
  void set_batches_input(bool batches) { batches_input_ = batches; }

  const HostStatistics& statistics() const { return statistics_; }

  // From the network: the packet is at one of the host's addresses.
  void deliver(TimePoint now, PacketPtr packet);

 private:
  struct Interface {
    IpEndpoint address;
    bool is_up = true;
  };

  void handle_event(TimePoint now, PacketPtr packet) override;
  void drain();
  void schedule();
  void wake_at(TimePoint at);
  void resume();
  void expire();
  bool can_send() const;
  void send(const jsp::Transmit& transmit);
  void handle_send_error(const jsp::Transmit& transmit, SendError error);
  std::optional<SendError> injected_error();
  const Interface* find_interface(const jsp::Transmit& transmit) const;
  const Interface* find_interface(const IpEndpoint& address) const;
  void depart(TimePoint now, const jsp::Transmit& transmit, const IpEndpoint& source, const Route& route);

  World& world_;
  std::string name_;
  SeededRandom random_;
  std::vector<Interface> interfaces_;
  DatagramNode* node_ = nullptr;
  Duration clock_offset_;
  Duration wall_offset_{0};
  TimePoint wakes_at_ = kNever;
  TimePoint suspended_until_{};
  SleepingClock sleeping_clock_ = SleepingClock::Runs;
  Duration slept_{0};
  bool was_suspended_ = false;
  bool batches_input_ = false;

  Bytes out_;
  std::optional<jsp::Transmit> kept_;  // in out_: what would have blocked
  TimePoint blocked_until_{};
  SendError failing_ = SendError::WouldBlock;
  TimePoint failing_until_{};
  SendError random_error_ = SendError::WouldBlock;
  double random_error_share_ = 0;

  TimePoint last_expiry_{};
  std::uint32_t expiries_at_once_ = 0;
  HostStatistics statistics_;
};

}  // namespace jetway::sim
