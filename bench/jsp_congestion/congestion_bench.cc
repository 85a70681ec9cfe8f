// What does congestion control cost per acknowledgement, with the packets that it acknowledges?

#include <array>
#include <chrono>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "jetway/jsp/congestion/controller.h"
#include "jetway/jsp/congestion/pacer.h"
#include "jetway/jsp/congestion/rate_sampler.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kPacketBytes = 1472;
// 10 Gbit/s, 1 ms long.
constexpr Duration kSpacing = 1178ns;
constexpr std::size_t kInFlight = 850;

// A flow in the steady state: for each ACK as many packets leave as it acknowledges.
class SteadyFlow {
 public:
  explicit SteadyFlow(CongestionAlgorithm algorithm)
      : controller_(make_controller({.algorithm = algorithm}, kPacketBytes, now_, 1)) {
    for (std::size_t i = 0; i < kInFlight; ++i) send();
  }

  void send() {
    SentPacket packet;
    packet.number = packet.record = next_++;
    packet.sent_at = now_ += kSpacing;
    packet.bytes = kPacketBytes;
    in_flight_bytes_ += kPacketBytes;
    sampler_.on_packet_sent(packet, in_flight_bytes_);
    controller_->on_packet_sent(now_, packet, in_flight_bytes_);
    pacer_.on_sent(now_, kPacketBytes);
    sent_[packet.number % sent_.size()] = packet;
  }

  // The first `lost` of `packets` are lost.
  void acknowledge(std::uint64_t packets, std::uint64_t lost) {
    AckSummary summary;
    summary.now = now_;
    summary.prior_in_flight_bytes = in_flight_bytes_;
    in_flight_bytes_ -= packets * kPacketBytes;
    for (std::uint64_t i = 0; i < packets; ++i) {
      const SentPacket& packet = sent_[oldest_++ % sent_.size()];
      if (i < lost) {
        sampler_.on_packet_lost(packet);
        controller_->on_packet_lost(now_, packet);
        summary.lost_bytes += kPacketBytes;
        continue;
      }
      sampler_.on_packet_acked(now_, packet);
      controller_->on_packet_acked(now_, packet);
      summary.acked_bytes += kPacketBytes;
      summary.largest_acked_sent_at = packet.sent_at;
      summary.rtt_sample = now_ - packet.sent_at;
    }
    summary.delivered_bytes = sampler_.delivered_bytes();
    summary.in_flight_bytes = in_flight_bytes_;
    summary.smoothed_rtt = summary.min_rtt = 1ms;
    summary.rate = sampler_.make_sample(summary.min_rtt);
    controller_->on_ack(summary);
    pacer_.set_rate(now_, controller_->pacing_rate());
    benchmark::DoNotOptimize(controller_->window_bytes());
    benchmark::DoNotOptimize(pacer_.next_send_time(now_));
  }

 private:
  TimePoint now_{};
  std::unique_ptr<CongestionController> controller_;
  RateSampler sampler_;
  Pacer pacer_{kPacketBytes, now_};
  std::array<SentPacket, 1024> sent_;
  std::uint64_t next_ = 0;
  std::uint64_t oldest_ = 0;
  std::uint64_t in_flight_bytes_ = 0;
};

// Arguments: the controller, packets per ACK, ACKs per loss (0: none).
void BM_Acknowledgement(benchmark::State& state) {
  const auto algorithm = static_cast<CongestionAlgorithm>(state.range(0));
  const auto packets = static_cast<std::uint64_t>(state.range(1));
  const auto acks_per_loss = static_cast<std::uint64_t>(state.range(2));
  SteadyFlow flow{algorithm};
  std::uint64_t acks = 0;
  for (auto _ : state) {
    ++acks;
    flow.acknowledge(packets, acks_per_loss > 0 && acks % acks_per_loss == 0 ? 1 : 0);
    for (std::uint64_t i = 0; i < packets; ++i) flow.send();
  }
  state.SetLabel(std::string(algorithm_name(algorithm)));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(packets));
}
BENCHMARK(BM_Acknowledgement)
    ->ArgsProduct({{0, 1, 2}, {2, 16}, {0, 25}})
    ->ArgNames({"cc", "packets", "loss"});

}  // namespace
}  // namespace jetway::jsp
