#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/jsp/recovery/recovery.h"

namespace jetway::jsp {

// Counts what it is told, and allows what it is told to allow.
class FakeController final : public CongestionController {
 public:
  CongestionAlgorithm algorithm() const override { return CongestionAlgorithm::NewReno; }
  void on_packet_sent(TimePoint, const SentPacket& packet, std::uint64_t in_flight_bytes) override {
    ++sent;
    in_flight += packet.bytes;
    EXPECT_EQ(in_flight, in_flight_bytes);
  }
  void on_packet_acked(TimePoint, const SentPacket& packet) override {
    ++acked;
    in_flight -= packet.bytes;
    acked_bytes_since += packet.bytes;
  }
  void on_packet_lost(TimePoint, const SentPacket& packet) override {
    EXPECT_FALSE(packet.is_mtu_probe);
    ++lost;
    in_flight -= packet.bytes;
    lost_bytes_since += packet.bytes;
  }
  void on_ack(const AckSummary& summary) override {
    ++acks;
    last = summary;
    EXPECT_EQ(std::exchange(acked_bytes_since, 0u), summary.acked_bytes);
    EXPECT_EQ(std::exchange(lost_bytes_since, 0u), summary.lost_bytes);
  }
  void on_spurious_loss(TimePoint, const SentPacket&) override { ++spurious; }
  void on_persistent_congestion(TimePoint) override { ++persistent; }
  void on_application_limited(std::uint64_t) override { ++limited; }
  void on_datagram_size(std::size_t bytes) override { datagram_bytes = bytes; }
  std::uint64_t window_bytes() const override { return window; }
  std::uint64_t pacing_rate() const override { return rate; }
  std::string_view state_name() const override { return "fake"; }

  std::uint64_t window = 1'000'000'000;
  std::uint64_t rate = 0;
  std::uint64_t in_flight = 0;  // MTU probes that are lost stay in it
  std::uint64_t acked_bytes_since = 0, lost_bytes_since = 0;
  int sent = 0, acked = 0, lost = 0, acks = 0, spurious = 0, persistent = 0, limited = 0;
  std::size_t datagram_bytes = 0;
  AckSummary last{};
};

// The records of packets in the order in which it heard of them.
struct FakeFate final : PacketFate {
  void on_packet_acked(TimePoint, PacketSpace, const SentPacket& packet) override {
    acked.push_back(packet.number);
  }
  void on_packet_lost(TimePoint, PacketSpace, const SentPacket& packet) override {
    lost.push_back(packet.number);
  }
  void on_packet_overdue(TimePoint, PacketSpace, const SentPacket& packet) override {
    overdue.push_back(packet.number);
  }

  using Numbers = std::vector<PacketNumber>;
  Numbers acked, lost, overdue;
};

inline constexpr std::uint32_t kPacketBytes = 1200;

// One path in virtual time.
class RecoveryTest : public ::testing::Test {
 protected:
  using Numbers = FakeFate::Numbers;
  static constexpr PacketSpace kInitial = PacketSpace::Initial;
  static constexpr PacketSpace kHandshake = PacketSpace::Handshake;
  static constexpr PacketSpace kApplication = PacketSpace::Application;
  static constexpr std::chrono::milliseconds kPeerAckDelay{25};

  explicit RecoveryTest(const RecoveryConfig& config = {}) : config_(config) { restart(); }
  ~RecoveryTest() override { recovery_->check_invariants(); }

  void restart() {
    auto controller = std::make_unique<FakeController>();
    controller_ = controller.get();
    recovery_ = std::make_unique<Recovery>(config_, std::move(controller), kPacketBytes, now_);
    fate_ = {};
  }

  // The handshake is over: only the application space is left.
  void confirm() {
    recovery_->discard_space(kInitial);
    recovery_->discard_space(kHandshake);
    recovery_->on_handshake_confirmed(kPeerAckDelay);
  }

  SentPacket packet(PacketSpace space) {
    SentPacket packet;
    packet.number = recovery_->next_packet_number(space);
    packet.record = next_record_++;
    packet.bytes = kPacketBytes;
    packet.is_ack_eliciting = packet.is_in_flight = true;
    packet.ecn = recovery_->ecn_to_send();
    return packet;
  }
  PacketNumber send(PacketSpace space = kApplication) {
    const SentPacket sent = packet(space);
    recovery_->on_packet_sent(now_, space, sent);
    return sent.number;
  }
  void send_many(int count, Duration apart = Duration{0}) {
    for (int i = 0; i < count; ++i) {
      send();
      now_ += apart;
    }
  }
  PacketNumber send_ack_only() {
    SentPacket sent = packet(kApplication);
    sent.is_ack_eliciting = sent.is_in_flight = false;
    recovery_->on_packet_sent(now_, kApplication, sent);
    return sent.number;
  }
  PacketNumber send_mtu_probe() {
    SentPacket sent = packet(kApplication);
    sent.is_mtu_probe = true;
    recovery_->on_packet_sent(now_, kApplication, sent);
    return sent.number;
  }

  // Ranges from the largest down.
  session::Checked<void> try_ack(std::vector<PacketRange> ranges, PacketSpace space = kApplication,
                                 Duration delay = Duration{0}, std::optional<EcnCounts> ecn = {}) {
    AckFrame frame;
    frame.delay = delay;
    frame.ranges = ranges;
    frame.ecn = ecn;
    auto result = recovery_->on_ack_received(now_, space, frame, fate_);
    recovery_->check_invariants();
    return result;
  }
  void ack(std::vector<PacketRange> ranges, PacketSpace space = kApplication, Duration delay = Duration{0}) {
    // Marks come back as they were sent.
    ASSERT_TRUE(try_ack(std::move(ranges), space, delay));
  }
  void ack(PacketNumber number, PacketSpace space = kApplication) { ack({{number, number}}, space); }

  void expire() {
    ASSERT_TRUE(recovery_->next_timeout());
    now_ = std::max(now_, *recovery_->next_timeout());
    recovery_->handle_timeout(now_, fate_);
    recovery_->check_invariants();
  }
  Duration until_timeout() const { return *recovery_->next_timeout() - now_; }

  // A first sample, so that times are known: RTT `rtt`, variation half of it.
  void measure(Duration rtt) {
    const PacketNumber number = send();
    now_ += rtt;
    ack(number);
    fate_ = {};
  }

  RecoveryConfig config_;
  TimePoint now_{std::chrono::seconds(1000)};
  std::uint64_t next_record_ = 0;
  FakeController* controller_ = nullptr;
  std::unique_ptr<Recovery> recovery_;
  FakeFate fate_;
};

}  // namespace jetway::jsp
