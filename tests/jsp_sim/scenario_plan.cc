#include <algorithm>
#include <array>
#include <cmath>
#include <format>

#include "tests/jsp_sim/scenario.h"

namespace jetway::sim {

using namespace std::chrono_literals;
using session::DeliveryMode;
using session::Direction;

namespace {

// Draws what a scenario is made of; small numbers are as likely as large ones.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed ^ 0x6a65747761790a00) {}

  bool happens(double share) { return random_.unit() < share; }
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + random_.below(high - low + 1); }
  // Of the same order of magnitude anywhere between them; both above 0.
  double logarithmic(double low, double high) { return low * std::pow(high / low, random_.unit()); }
  std::uint64_t magnitude(std::uint64_t low, std::uint64_t high) {
    return static_cast<std::uint64_t>(logarithmic(static_cast<double>(low), static_cast<double>(high)));
  }
  Duration time(Duration low, Duration high) {
    return Duration(static_cast<Duration::rep>(
        logarithmic(static_cast<double>(low.count()), static_cast<double>(high.count()))));
  }
  template <class T, std::size_t N>
  T one_of(const std::array<T, N>& choices) {
    return choices[random_.below(N)];
  }
  double unit() { return random_.unit(); }

 private:
  SeededRandom random_;
};

// ---- the network ----

QueueConfig draw_queue(Draw& draw, std::uint64_t rate) {
  QueueConfig queue;
  if (rate == 0) return queue;
  const double seconds = draw.logarithmic(0.01, 0.5);
  queue.limit_bytes =
      std::max<std::uint64_t>(20'000, static_cast<std::uint64_t>(static_cast<double>(rate) * seconds));
  if (draw.happens(0.3)) queue.discipline = QueueDiscipline::CoDel;
  queue.marks_ecn = draw.happens(0.5);
  if (draw.happens(0.1)) queue.mark_above = draw.time(1ms, 20ms);
  return queue;
}

LinkConfig draw_link(Draw& draw, bool is_rough) {
  LinkConfig link;
  link.delay = draw.time(20us, 150ms);
  if (draw.happens(0.7)) link.rate = draw.magnitude(40'000, 100'000'000);
  link.queue = draw_queue(draw, link.rate);
  const double worst = is_rough ? 0.15 : 0.03;
  if (draw.happens(0.5)) link.loss = draw.logarithmic(0.0005, worst);
  if (draw.happens(0.2))
    link.burst_loss = {.enter = draw.logarithmic(0.0002, worst / 8),
                       .leave = draw.logarithmic(0.1, 0.5),
                       .longest = draw.time(10ms, is_rough ? 10s : 1s)};
  if (draw.happens(0.2)) {
    link.jitter = draw.time(100us, 30ms);
    link.keeps_order = draw.happens(0.5);
  }
  if (draw.happens(0.2)) {
    link.reordering = draw.logarithmic(0.001, 0.2);
    link.reordering_delay = draw.time(100us, 50ms);
  }
  if (draw.happens(0.2)) link.duplication = draw.logarithmic(0.001, 0.2);
  if (draw.happens(0.2)) link.corruption = draw.logarithmic(0.0005, worst);
  link.mtu = draw.one_of(std::array<std::size_t, 6>{1280, 1400, 1500, 1500, 9000, 65'575});
  if (draw.happens(0.1))
    link.mtu_hole = MtuHole{.from = draw.time(10ms, 10s), .mtu = draw.between(1248, 1500)};
  if (draw.happens(is_rough ? 0.3 : 0.05)) {
    const Duration from = draw.time(10ms, 10s) + (is_rough ? 0s : 2s);
    link.outages.push_back({.from = from, .until = from + draw.time(10ms, 3s)});
    if (draw.happens(0.3)) link.outage_mode = OutageMode::Hold;
  }
  if (draw.happens(0.2)) {
    link.ecn =
        draw.one_of(std::array{EcnTreatment::Bleach, EcnTreatment::MarkAll, EcnTreatment::DropCapable});
  }
  return link;
}

// ---- the two ends ----

void draw_session(Draw& draw, session::SessionConfig& session) {
  if (draw.happens(0.3)) {
    session.stream_window_bytes = draw.magnitude(2'000, 1'000'000);
    session.connection_window_bytes = draw.magnitude(4'000, 4'000'000);
    session.stream_window_max_bytes = std::max<std::uint64_t>(session.stream_window_bytes, 100'000);
    session.connection_window_max_bytes = std::max<std::uint64_t>(session.connection_window_bytes, 200'000);
  }
  if (draw.happens(0.3)) session.streams_one_way_max = draw.between(1, 8);
  if (draw.happens(0.3)) session.streams_two_way_max = draw.between(1, 8);
  if (draw.happens(0.3)) session.send_buffer_bytes = draw.magnitude(2'000, 1'000'000);
  session.keepalive = std::chrono::milliseconds(draw.one_of(std::array{0, 500, 5'000}));
  session.idle_timeout = 30s;
}

void draw_end(Draw& draw, jsp::JspConfig& config) {
  draw_session(draw, config.session);
  config.congestion.algorithm = draw.one_of(std::array{
      jsp::CongestionAlgorithm::Bbr, jsp::CongestionAlgorithm::Cubic, jsp::CongestionAlgorithm::NewReno});
  if (draw.happens(0.3)) config.fec = jsp::FecMode::Off;
  config.uses_ecn = draw.happens(0.7);
  config.discovers_mtu = draw.happens(0.8);
  if (draw.happens(0.3)) config.datagram_max_bytes = draw.magnitude(1200, 65'507);
  config.schedule = draw.one_of(std::array{jsp::PathSchedule::LowestLatency, jsp::PathSchedule::Aggregate,
                                           jsp::PathSchedule::Redundant});
  if (draw.happens(0.3)) config.ack_packets_max = static_cast<std::uint32_t>(draw.between(1, 30));
  if (draw.happens(0.3)) config.max_ack_delay = std::chrono::milliseconds(draw.between(1, 100));
  if (draw.happens(0.2)) config.key_update_packets = draw.between(20, 400);
}

// ---- what is said ----

session::StreamOptions draw_options(Draw& draw) {
  session::StreamOptions options;
  options.priority = draw.one_of(std::array{session::Priority::System, session::Priority::Media,
                                            session::Priority::Chat, session::Priority::Bulk});
  if (draw.happens(0.2)) {
    options.delivery.mode =
        draw.one_of(std::array{DeliveryMode::PartiallyReliable, DeliveryMode::BestEffort});
    if (options.delivery.mode == DeliveryMode::PartiallyReliable) {
      if (draw.happens(0.7)) options.delivery.deadline = draw.time(5ms, 2s);
      options.delivery.tries_max = static_cast<std::uint8_t>(draw.between(1, 4));
    }
  } else if (draw.happens(0.2)) {
    options.compression = draw.one_of(std::array{session::Compression::Lz4, session::Compression::Zstd});
  }
  return options;
}

StreamPlan draw_stream(Draw& draw) {
  StreamPlan plan;
  plan.direction = draw.happens(0.3) ? Direction::TwoWay : Direction::OneWay;
  plan.options = draw_options(draw);
  plan.bytes = draw.happens(0.1) ? 0 : draw.magnitude(1, 100'000);
  plan.piece_bytes = draw.magnitude(1, 30'000);
  // As many writes as it takes, but not thousands.
  plan.piece_bytes = std::max<std::size_t>(plan.piece_bytes, plan.bytes / 100);
  plan.start = draw.time(1us, 3s);
  if (draw.happens(0.2)) plan.pause = draw.time(10us, 20ms);
  if (draw.happens(0.1)) plan.end = StreamPlan::End::Reset;
  if (draw.happens(0.1)) plan.peer_stops_at = draw.below(plan.bytes + 1);
  if (plan.direction == Direction::TwoWay)
    plan.answer_bytes = draw.happens(0.2) ? 0 : draw.magnitude(1, 50'000);
  return plan;
}

SidePlan draw_side(Draw& draw) {
  SidePlan side;
  for (std::uint64_t count = draw.below(6); count > 0; --count) side.streams.push_back(draw_stream(draw));
  if (draw.happens(0.4)) {
    for (std::uint64_t count = draw.magnitude(1, 40); count > 0; --count) {
      MessagePlan plan{.start = draw.time(1us, 3s), .bytes = draw.magnitude(8, 20'000)};
      plan.options = draw_options(draw);
      side.messages.push_back(plan);
    }
  }
  if (draw.happens(0.3)) {
    for (std::uint64_t count = draw.magnitude(1, 100); count > 0; --count) {
      side.datagrams.push_back({.start = draw.time(1us, 3s), .bytes = draw.magnitude(8, 1'100)});
    }
  }
  std::ranges::sort(side.streams, {}, &StreamPlan::start);
  std::ranges::sort(side.messages, {}, &MessagePlan::start);
  std::ranges::sort(side.datagrams, {}, &DatagramPlan::start);
  side.read_bytes = draw.magnitude(1, 100'000);
  side.read_bytes = std::max<std::size_t>(side.read_bytes, 256);
  return side;
}

// ---- what happens ----

// What a connection survives, and what few do.
constexpr std::array kMishaps = {
    Mishap::NatRebinds,     Mishap::NatRebinds,    Mishap::NatMoves,        Mishap::DialerMigrates,
    Mishap::PathOpens,      Mishap::PathOpens,     Mishap::PathAbandoned,   Mishap::FirstPathBreaks,
    Mishap::InterfaceDown,  Mishap::RouteChanges,  Mishap::RouteChanges,    Mishap::SendsFail,
    Mishap::Sleep,          Mishap::Sleep,         Mishap::KeysUpdate,      Mishap::KeysUpdate,
    Mishap::WallClockJumps, Mishap::NetworkStatus, Mishap::EngineClockJumps};
constexpr std::array kEnds = {Mishap::CloseInTheMiddle, Mishap::CloseInTheMiddle, Mishap::ListenerRestarts,
                              Mishap::DialerVanishes,   Mishap::SleepForAnHour,   Mishap::EngineClockLeaps};

constexpr bool needs_nat(Mishap mishap) { return mishap == Mishap::NatRebinds || mishap == Mishap::NatMoves; }
constexpr bool needs_open_path(Mishap mishap) {
  return mishap == Mishap::FirstPathBreaks || mishap == Mishap::PathAbandoned;
}
constexpr bool needs_second_path(Mishap mishap) {
  return mishap == Mishap::DialerMigrates || mishap == Mishap::PathOpens || needs_open_path(mishap);
}

ScheduledMishap draw_mishap(Draw& draw, Mishap kind, bool is_rough) {
  ScheduledMishap mishap{.mishap = kind,
                         .at = draw.time(10ms, 4s),
                         .duration = draw.time(100ms, 5s),
                         .by_dialer = draw.happens(0.5)};
  if (draw.happens(0.5)) mishap.sleeping_clock = SleepingClock::Stops;
  mishap.send_error = draw.one_of(std::array{SendError::WouldBlock, SendError::NoBufferSpace,
                                             SendError::NotPermitted, SendError::Unreachable});
  if (kind == Mishap::RouteChanges) {
    mishap.link = draw_link(draw, is_rough);
    mishap.link.outages.clear();
    mishap.link.mtu_hole.reset();
  }
  return mishap;
}

void draw_mishaps(Draw& draw, ScenarioPlan& plan) {
  if (draw.happens(0.4)) return;
  const std::uint64_t count = draw.happens(0.5) ? 1 : draw.between(2, 5);
  for (std::uint64_t i = 0; i < count; ++i) {
    const Mishap kind = i == 0 && draw.happens(0.2) ? draw.one_of(kEnds) : draw.one_of(kMishaps);
    plan.mishaps.push_back(draw_mishap(draw, kind, plan.is_rough));
    if (needs_open_path(kind)) {
      ScheduledMishap opening = draw_mishap(draw, Mishap::PathOpens, false);
      opening.at = plan.mishaps.back().at / 2;
      plan.mishaps.push_back(opening);
    }
  }
  const auto any_needs = [&](bool (*needs)(Mishap)) {
    return std::ranges::any_of(plan.mishaps, needs, &ScheduledMishap::mishap);
  };
  plan.has_nat = any_needs(needs_nat);
  if (any_needs(needs_second_path))
    plan.pair.more_paths.emplace_back(draw_link(draw, plan.is_rough), draw_link(draw, plan.is_rough));
}

// The dialer begins to speak with its Init.
void draw_early(Draw& draw, ScenarioPlan& plan) {
  plan.ticket = draw.happens(0.7) ? TicketPlan::Good : TicketPlan::OfAnother;
  plan.dialer.is_early = plan.listener.is_early = true;
  for (std::uint64_t count = draw.between(1, 3); count > 0; --count)
    plan.dialer.streams.push_back(draw_stream(draw));
  std::ranges::sort(plan.dialer.streams, {}, &StreamPlan::start);
  const std::uint64_t early = draw.between(1, plan.dialer.streams.size());
  for (std::uint64_t i = 0; i < early; ++i) {
    plan.dialer.streams[i].start = 0ns;
    plan.dialer.streams[i].options.delivery = {};
    plan.dialer.streams[i].options.is_repeatable = true;
  }
}

}  // namespace

ScenarioPlan draw_scenario(std::uint64_t seed, std::size_t trace_events) {
  Draw draw(seed);
  ScenarioPlan plan;
  plan.is_rough = draw.happens(0.3);
  plan.pair.seed = seed;
  plan.pair.trace_events = trace_events;
  plan.pair.there = draw_link(draw, plan.is_rough);
  plan.pair.back = draw.happens(0.5) ? plan.pair.there : draw_link(draw, plan.is_rough);
  draw_end(draw, plan.pair.dialer);
  draw_end(draw, plan.pair.listener);
  plan.pair.dialer_endpoint.is_shared = draw.happens(0.5);
  plan.pair.listener_endpoint.always_retry = draw.happens(0.2);
  plan.pair.filter.always_retry = draw.happens(0.1);
  plan.dialer = draw_side(draw);
  plan.listener = draw_side(draw);
  plan.batches_input = draw.happens(0.5);
  if (draw.happens(0.2)) {
    plan.send_failures = draw.logarithmic(0.001, plan.is_rough ? 0.1 : 0.02);
    plan.send_error =
        draw.one_of(std::array{SendError::WouldBlock, SendError::NoBufferSpace, SendError::TooLarge,
                               SendError::NotPermitted, SendError::Unreachable});
  }
  if (draw.happens(0.2)) plan.admission_delay = draw.time(1ms, 5s);
  if (draw.happens(0.1)) plan.dialer_clock_error = draw.happens(0.5) ? 24h : -24h;
  plan.closes_by_dialer = draw.happens(0.5);
  draw_mishaps(draw, plan);
  // Without a sign of the dialer nobody finds it behind a NAT that has forgotten it.
  if (plan.has_nat) plan.pair.dialer.session.keepalive = 2s;
  if (draw.happens(0.25)) draw_early(draw, plan);
  return plan;
}

}  // namespace jetway::sim
