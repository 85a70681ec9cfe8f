#include <map>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/random.h"
#include "jetway/jsp/recovery/ack_frequency.h"
#include "jetway/jsp/recovery/ack_tracker.h"
#include "jetway/jsp/recovery/recovery.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

constexpr PacketSpace kSpace = PacketSpace::Application;
constexpr std::uint32_t kBytes = 1200;

struct LinkConfig {
  Duration delay = 20ms;
  std::uint64_t jitter_us = 0;
  std::uint64_t loss_per_mille = 0;      // of data
  std::uint64_t ack_loss_per_mille = 0;  // of ACKs
};

// A window that keeps the rate, and so the numbers that jitter reorders, like those of a real path.
RecoveryConfig hundred_packets() {
  RecoveryConfig config;
  config.congestion.window_max_bytes = 100 * kBytes;
  return config;
}

// A sender with Recovery and a receiver with AckTracker over a link that loses and reorders, in virtual time.
// Checks with every step what has to hold: nothing is told twice, nothing is acknowledged that did not
// arrive.
class PathSimulation final : PacketFate {
 public:
  PathSimulation(std::uint64_t seed, const LinkConfig& link, const RecoveryConfig& config = hundred_packets())
      : random_(seed), link_(link), recovery_(config, kBytes, now_, seed) {
    recovery_.discard_space(PacketSpace::Initial);
    recovery_.discard_space(PacketSpace::Handshake);
    recovery_.on_handshake_confirmed(25ms);
  }

  // Sends so many packets as the window allows, then waits until nothing is on the way.
  void run(std::uint64_t packets) {
    std::uint64_t steps = 0;
    while (packets > 0 || recovery_.has_in_flight()) {
      for (; packets > 0 && recovery_.send_limit(now_) == SendLimit::None; --packets) send();
      while (recovery_.probes_wanted(kSpace) > 0) send();
      step(packets > 0 ? recovery_.next_send_time(now_) : std::nullopt);
      recovery_.check_invariants();
      tracker_.check_invariants();
      ASSERT_LT(++steps, 2'000'000u) << "does not end";
    }
  }

  void check_end() const {
    for (PacketNumber number = 0; number < recovery_.next_packet_number(kSpace); ++number) {
      ASSERT_TRUE(acked_.contains(number) || lost_.contains(number)) << number;
      ASSERT_TRUE(delivered_.contains(number) || lost_.contains(number)) << number;
    }
    ASSERT_EQ(recovery_.in_flight_bytes(), 0u);
  }

  const Recovery& recovery() const { return recovery_; }
  std::uint64_t acks_sent() const { return acks_sent_; }
  std::size_t delivered() const { return delivered_.size(); }
  std::size_t dropped() const { return dropped_; }
  TimePoint now() const { return now_; }

 private:
  struct Arrival {
    PacketNumber number = 0;
    bool has_request = false;
    AckFrequencyFrame request;
    std::vector<PacketRange> ranges;  // an ACK
    Duration delay{0};
  };

  void on_packet_acked(TimePoint, PacketSpace, const SentPacket& packet) override {
    ASSERT_TRUE(delivered_.contains(packet.number));
    ASSERT_TRUE(acked_.insert(packet.number).second) << "told twice";
    frequency_.on_packet_acked(packet.record);
  }
  void on_packet_lost(TimePoint, PacketSpace, const SentPacket& packet) override {
    ASSERT_FALSE(acked_.contains(packet.number));
    ASSERT_TRUE(lost_.insert(packet.number).second) << "told twice";
    ASSERT_LT(packet.number, recovery_.largest_acked(kSpace));
    frequency_.on_packet_lost(packet.record);
  }
  void on_packet_overdue(TimePoint, PacketSpace, const SentPacket& packet) override {
    ASSERT_FALSE(acked_.contains(packet.number) || lost_.contains(packet.number));
  }

  Duration transit() { return link_.delay + std::chrono::microseconds(random_.below(link_.jitter_us + 1)); }

  void send() {
    Arrival arrival;
    arrival.number = recovery_.next_packet_number(kSpace);
    SentPacket packet;
    packet.number = arrival.number;
    packet.record = 1000 + arrival.number;
    packet.bytes = kBytes;
    packet.is_ack_eliciting = packet.is_in_flight = true;
    std::array<std::byte, 40> scratch{};
    wire::PacketWriter writer{scratch, scratch.size()};
    frequency_.write_frames(now_, writer, packet.record);
    if (!writer.is_empty()) {
      RangeBuffer buffer;
      wire::Reader in{writer.parts()[0]};
      arrival.request = std::get<AckFrequencyFrame>(decode_frame(in, buffer).value());
      arrival.has_request = true;
    }
    recovery_.on_packet_sent(now_, kSpace, packet);
    if (random_.below(1000) < link_.loss_per_mille) {
      ++dropped_;
    } else {
      to_receiver_.emplace(now_ + transit(), arrival);
    }
  }

  void send_ack() {
    const AckFrame frame = tracker_.make_frame(now_);
    Arrival ack;
    ack.delay = frame.delay;
    ack.ranges.assign(frame.ranges.begin(), frame.ranges.end());
    tracker_.on_frame_sent(frame, acks_sent_++, false);
    if (random_.below(1000) >= link_.ack_loss_per_mille) to_sender_.emplace(now_ + transit(), ack);
  }

  // To the next moment at which something happens.
  void step(std::optional<TimePoint> next_send) {
    TimePoint next = next_send.value_or(kNever);
    if (!to_receiver_.empty()) next = std::min(next, to_receiver_.begin()->first);
    if (!to_sender_.empty()) next = std::min(next, to_sender_.begin()->first);
    next = std::min(next, recovery_.next_timeout().value_or(kNever));
    next = std::min(next, tracker_.next_timeout().value_or(kNever));
    ASSERT_LT(next, kNever) << "stands still";
    now_ = std::max(now_, next);
    if (!to_receiver_.empty() && to_receiver_.begin()->first <= now_) arrive();
    if (tracker_.is_wanted(now_)) send_ack();
    if (!to_sender_.empty() && to_sender_.begin()->first <= now_) arrive_ack();
    const auto timeout = recovery_.next_timeout();
    if (timeout && *timeout <= now_) recovery_.handle_timeout(now_, *this);
  }

  void arrive() {
    const Arrival arrival = to_receiver_.begin()->second;
    to_receiver_.erase(to_receiver_.begin());
    ASSERT_FALSE(delivered_.contains(arrival.number));
    delivered_.insert(arrival.number);
    if (tracker_.is_duplicate(arrival.number)) return;  // too late to be told from one
    if (arrival.has_request) tracker_.on_ack_frequency(arrival.request);
    tracker_.on_packet_received(now_, arrival.number, true, Ecn::NotCapable);
  }

  void arrive_ack() {
    const Arrival ack = to_sender_.begin()->second;
    to_sender_.erase(to_sender_.begin());
    AckFrame frame;
    frame.ranges = ack.ranges;
    frame.delay = ack.delay;
    ASSERT_TRUE(recovery_.on_ack_received(now_, kSpace, frame, *this));
    const PathStatistics statistics = recovery_.statistics();
    frequency_.update(now_, statistics.congestion_window_bytes / kBytes, recovery_.rtt().smoothed(),
                      recovery_.packet_threshold());
    recovery_.set_peer_max_ack_delay(frequency_.peer_max_ack_delay());
  }

  SeededRandom random_;
  LinkConfig link_;
  TimePoint now_{1h};
  Recovery recovery_;
  AckTracker tracker_{kSpace};
  AckFrequency frequency_;
  std::multimap<TimePoint, Arrival> to_receiver_, to_sender_;
  std::set<PacketNumber> delivered_, acked_, lost_;
  std::size_t dropped_ = 0;
  std::uint64_t acks_sent_ = 0;
};

// Goal: on any link every packet is acknowledged or lost in the end, what did not arrive is lost, and nothing
// is told twice.
RC_GTEST_PROP(PathPropertyTest, EveryPacketIsAccountedFor, (std::uint64_t seed)) {
  SeededRandom random{seed};
  RecoveryConfig config = hundred_packets();
  config.congestion.algorithm = static_cast<CongestionAlgorithm>(random.below(3));
  PathSimulation path{seed,
                      {.delay = std::chrono::microseconds(1 + random.below(100'000)),
                       .jitter_us = random.below(3) * random.below(20'000),
                       .loss_per_mille = random.below(2) * random.below(400),
                       .ack_loss_per_mille = random.below(2) * random.below(400)},
                      config};
  path.run(1 + random.below(400));
  if (!::testing::Test::HasFatalFailure()) path.check_end();
  RC_ASSERT(!::testing::Test::HasFatalFailure());
}

TEST(PathTest, ACleanPathLosesNothingAndHearsLittle) {
  PathSimulation path{1, {}};
  path.run(5000);
  path.check_end();
  const PathStatistics statistics = path.recovery().statistics();
  EXPECT_EQ(statistics.packets_lost, 0u);
  EXPECT_EQ(statistics.probe_timeouts, 0u);
  EXPECT_LT(path.acks_sent(), 5000u / 4) << "less than half of one for two packets";
}

TEST(PathTest, LossesAreFoundWithoutTimeouts) {
  PathSimulation path{2, {.loss_per_mille = 20}};
  path.run(5000);
  path.check_end();
  const PathStatistics statistics = path.recovery().statistics();
  EXPECT_EQ(statistics.packets_lost - statistics.spurious_losses, path.dropped());
  EXPECT_LE(statistics.probe_timeouts, 3u) << "at the end";
  EXPECT_LT(path.acks_sent(), 5000u / 4);
}

TEST(PathTest, AReorderingPathIsLearntAndThenCausesNoLosses) {
  PathSimulation path{3, {.delay = 40ms, .jitter_us = 4'000}};
  path.run(2000);
  const std::uint64_t learnt_by = path.recovery().statistics().spurious_losses;
  path.run(20'000);
  path.check_end();
  const std::uint64_t then = path.recovery().statistics().spurious_losses - learnt_by;
  EXPECT_GT(path.recovery().packet_threshold(), 3u);
  EXPECT_LT(then, 20'000u / 100) << "after " << learnt_by << " at first";
}

TEST(PathTest, ATailThatIsLostIsFoundByProbes) {
  PathSimulation path{4, {.loss_per_mille = 500}};
  for (int i = 0; i < 50; ++i) path.run(1);
  path.check_end();
  EXPECT_GT(path.recovery().statistics().probe_timeouts, 0u);
}

}  // namespace
}  // namespace jetway::jsp
