// What does a packet cost in loss recovery: sent and acknowledged, and received until it is in an ACK?

#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "jetway/jsp/recovery/ack_tracker.h"
#include "jetway/jsp/recovery/recovery.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

constexpr PacketSpace kSpace = PacketSpace::Application;
constexpr std::uint32_t kPacketBytes = 1452;

struct IgnoreFate final : PacketFate {
  void on_packet_acked(TimePoint, PacketSpace, const SentPacket& packet) override {
    records += packet.record;
  }
  void on_packet_lost(TimePoint, PacketSpace, const SentPacket& packet) override { records += packet.record; }
  void on_packet_overdue(TimePoint, PacketSpace, const SentPacket&) override {}
  std::uint64_t records = 0;
};

// No congestion control: what is left is Recovery.
class NoController final : public CongestionController {
 public:
  CongestionAlgorithm algorithm() const override { return CongestionAlgorithm::NewReno; }
  void on_packet_sent(TimePoint, const SentPacket&, std::uint64_t) override {}
  void on_packet_acked(TimePoint, const SentPacket&) override {}
  void on_packet_lost(TimePoint, const SentPacket&) override {}
  void on_ack(const AckSummary&) override {}
  void on_spurious_loss(TimePoint, const SentPacket&) override {}
  void on_persistent_congestion(TimePoint) override {}
  void on_application_limited(std::uint64_t) override {}
  void on_datagram_size(std::size_t) override {}
  std::uint64_t window_bytes() const override { return std::uint64_t{1} << 30; }
  std::uint64_t pacing_rate() const override { return std::uint64_t{4'000'000'000}; }
  std::string_view state_name() const override { return "none"; }
};

enum class Control : std::uint8_t { None, Bbr, Cubic };

// One path at 25 Gbit/s with 1,000 packets on the way.
class Sender {
 public:
  explicit Sender(Control control) : recovery_(make_recovery(control)) {
    recovery_.discard_space(PacketSpace::Initial);
    recovery_.discard_space(PacketSpace::Handshake);
    recovery_.on_handshake_confirmed(25ms);
  }

  void send(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      SentPacket packet;
      packet.number = recovery_.next_packet_number(kSpace);
      packet.record = packet.number;
      packet.bytes = kPacketBytes;
      packet.is_ack_eliciting = packet.is_in_flight = packet.has_session_frames = true;
      recovery_.on_packet_sent(now_, kSpace, packet);
    }
    now_ += 460ns * count;
  }
  // All that was sent but the last `on_the_way`; every `gap`-th number is missing (0: none).
  void ack(PacketNumber on_the_way, PacketNumber gap) {
    ranges_.clear();
    PacketNumber last = recovery_.next_packet_number(kSpace) - on_the_way - 1;
    while (gap != 0 && ranges_.size() < 8 && last > gap) {
      const PacketNumber missing = last - last % gap;
      if (missing < last) ranges_.push_back({.first = missing + 1, .last = last});
      last = missing - 1;
    }
    ranges_.push_back({.first = gap == 0 ? 0 : last, .last = last});
    AckFrame frame;
    frame.ranges = ranges_;
    benchmark::DoNotOptimize(recovery_.on_ack_received(now_, kSpace, frame, fate_).has_value());
  }

 private:
  Recovery make_recovery(Control control) {
    RecoveryConfig config;
    if (control == Control::None) return {config, std::make_unique<NoController>(), kPacketBytes, now_};
    config.congestion.algorithm =
        control == Control::Bbr ? CongestionAlgorithm::Bbr : CongestionAlgorithm::Cubic;
    return {config, kPacketBytes, now_, 1};
  }

  TimePoint now_{1h};
  Recovery recovery_;
  IgnoreFate fate_;
  std::vector<PacketRange> ranges_;
};

constexpr std::size_t kWindowPackets = 1000;

void run(benchmark::State& state, Control control, PacketNumber gap) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  Sender sender{control};
  sender.send(kWindowPackets);
  for (auto _ : state) {
    sender.send(batch);
    sender.ack(kWindowPackets, gap);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// Items are packets; the argument is how many of them one ACK tells of.
void BM_SendAndAck(benchmark::State& state) { run(state, Control::None, 0); }
BENCHMARK(BM_SendAndAck)->Arg(2)->Arg(32)->Arg(64);

void BM_SendAndAckWithBbr(benchmark::State& state) { run(state, Control::Bbr, 0); }
BENCHMARK(BM_SendAndAckWithBbr)->Arg(2)->Arg(32)->Arg(64);

void BM_SendAndAckWithCubic(benchmark::State& state) { run(state, Control::Cubic, 0); }
BENCHMARK(BM_SendAndAckWithCubic)->Arg(2)->Arg(32)->Arg(64);

// Every fiftieth packet is lost.
void BM_SendAndAckLossy(benchmark::State& state) { run(state, Control::None, 50); }
BENCHMARK(BM_SendAndAckLossy)->Arg(32)->Arg(64);

void BM_Send(benchmark::State& state) {
  Sender sender{Control::None};
  for (auto _ : state) {
    sender.send(64);
    state.PauseTiming();
    sender.ack(0, 0);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * 64);
}
BENCHMARK(BM_Send);

// Items are packets received; an ACK is made and encoded for every so many of them.
void receive(benchmark::State& state, PacketNumber gap) {
  AckTracker tracker{kSpace};
  tracker.on_ack_frequency({.sequence = 0,
                            .ack_eliciting_threshold = static_cast<std::uint64_t>(state.range(0)) - 1,
                            .max_ack_delay = 25ms,
                            .reordering_threshold = 3});
  TimePoint now{1h};
  PacketNumber number = 0;
  std::uint64_t acks = 0;
  std::array<std::byte, 512> memory{};
  for (auto _ : state) {
    if (gap != 0 && number % gap == 0) ++number;
    benchmark::DoNotOptimize(tracker.is_duplicate(number));
    tracker.on_packet_received(now, number++, true, Ecn::Ect0);
    now += 460ns;
    if (!tracker.is_wanted(now)) continue;
    const AckFrame frame = tracker.make_frame(now);
    wire::Writer out{memory};
    encode_frame(out, frame);
    benchmark::DoNotOptimize(memory.data());
    const bool asks = tracker.wants_ping();
    tracker.on_frame_sent(frame, ++acks, asks);
    if (asks) tracker.on_packet_acked(acks);
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["acks_per_packet"] =
      benchmark::Counter(static_cast<double>(acks) / static_cast<double>(state.iterations()));
}

void BM_Receive(benchmark::State& state) { receive(state, 0); }
BENCHMARK(BM_Receive)->Arg(2)->Arg(32)->Arg(64);

void BM_ReceiveLossy(benchmark::State& state) { receive(state, 50); }
BENCHMARK(BM_ReceiveLossy)->Arg(2)->Arg(64);

// One ACK as it comes, with so many ranges.
void BM_DecodeAck(benchmark::State& state) {
  std::vector<PacketRange> ranges;
  for (PacketNumber last = 1'000'000; std::cmp_less(ranges.size(), state.range(0)); last -= 50) {
    ranges.push_back({.first = last - 48, .last = last});
  }
  AckFrame frame;
  frame.delay = 1ms;
  frame.ranges = ranges;
  frame.ecn = EcnCounts{.ect0 = 900'000, .ect1 = 0, .congestion_experienced = 10};
  Bytes bytes(frame_size(frame));
  wire::Writer out{bytes};
  encode_frame(out, frame);
  for (auto _ : state) {
    wire::Reader in{bytes};
    RangeBuffer buffer;
    benchmark::DoNotOptimize(decode_frame(in, buffer).has_value());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DecodeAck)->Arg(1)->Arg(4)->Arg(64);

}  // namespace
}  // namespace jetway::jsp
