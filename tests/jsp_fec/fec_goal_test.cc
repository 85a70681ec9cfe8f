// The goal: 100 messages a second over a path that loses come in time.
#include <iostream>
#include <map>

#include <gtest/gtest.h>

#include "tests/jsp_fec/sender.h"

namespace jetway::jsp {
namespace {

using namespace test;
using namespace std::chrono_literals;

struct Outcome {
  Duration p50{0};
  Duration p99{0};
  double overhead = 0;
  std::uint64_t repaired = 0;
};

// Messages every 10 ms over a path with 60 ms round trip and 2 % loss. Loss is known, and the message sent
// again, when 9/8 of a round trip have passed, as RFC 9002 section 6.1 has it.
class LossyMessages {
 public:
  LossyMessages(bool with_fec, std::uint64_t seed) : sender_({.protects = with_fec}), random_(seed) {
    sender_.fec.set_rtt(2 * kOneWay);
    for (std::size_t i = 0; i < kMessages; ++i) {
      written_[i] = now_ + i * kGap;
      events_.emplace(written_[i], Event{.message = i});
    }
  }

  Outcome run() {
    while (!events_.empty()) {
      const TimePoint timeout = sender_.fec.next_timeout().value_or(kNever);
      now_ = std::min(timeout, events_.begin()->first);
      if (now_ == timeout) {
        sender_.fec.handle_timeout(now_);
      } else {
        const Event event = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        handle(event);
      }
      while (sender_.fec.send_interest() != session::SendInterest::None) send({});
      sender_.fec.check_invariants();
      receiver_.check_invariants();
    }
    std::ranges::sort(delays_);
    return {.p50 = delays_[kMessages / 2],
            .p99 = delays_[kMessages * 99 / 100],
            .overhead = static_cast<double>(sender_.fec.statistics().repairs_sent) / kMessages,
            .repaired = receiver_.statistics().packets_repaired};
  }

 private:
  static constexpr Duration kOneWay = 30ms;
  static constexpr Duration kGap = 10ms;
  static constexpr std::size_t kMessages = 20'000;
  static constexpr std::size_t kMessageBytes = 100;
  static constexpr double kLoss = 0.02;

  struct Event {
    enum class Kind : std::uint8_t { Message, Arrival, Fate } kind = Kind::Message;
    std::size_t message = 0;
    Bytes payload = {};
    std::uint64_t record = 0;
    bool is_lost = false;
  };

  static Bytes message_of(std::size_t message) {
    Bytes content(kMessageBytes);
    wire::Writer out{content};
    out.u8(0x08);  // as a frame of the session begins
    out.u32(static_cast<std::uint32_t>(message));
    return content;
  }
  Duration& delay_of(ByteView content) { return delays_[wire::Reader{content.subspan(1)}.u32()]; }

  void send(ByteView content) {
    Event event{.kind = Event::Kind::Arrival, .payload = sender_.packet(now_, content, kMessage)};
    event.record = sender_.record - 1;
    event.is_lost = random_.unit() < kLoss;
    if (!event.is_lost) events_.emplace(now_ + kOneWay, event);
    event.kind = Event::Kind::Fate;
    events_.emplace(now_ + (event.is_lost ? 2 * kOneWay * 9 / 8 : 2 * kOneWay), event);
  }
  void deliver(ByteView content) {
    Duration& delay = delay_of(content);
    delay = std::min(delay, now_ - written_[wire::Reader{content.subspan(1)}.u32()]);
  }
  void deliver_repaired() {
    while (const auto repaired = receiver_.poll_repaired()) deliver(repaired->frames);
  }

  void handle(const Event& event) {
    switch (event.kind) {
      case Event::Kind::Message:
        return send(message_of(event.message));
      case Event::Kind::Arrival:
        return arrive(event);
      case Event::Kind::Fate:
        if (!event.is_lost) return sender_.fec.on_packet_acked(event.record);
        return lose(event);
    }
  }
  void lose(const Event& event) {
    sender_.fec.on_packet_lost(event.record);
    const Payload lost = parse(event.payload);
    const Bytes& content = lost.mark ? lost.frames : event.payload;
    const bool is_message = lost.repairs.empty() && content.size() == kMessageBytes;
    if (is_message && delay_of(content) == Duration::max()) send(content);
  }
  void arrive(const Event& event) {
    const Payload payload = parse(event.payload);
    for (const RepairSymbol& repair : payload.repairs) {
      EXPECT_TRUE(receiver_.on_repair(repair.frame()));
      deliver_repaired();
    }
    if (payload.mark) {
      if (receiver_.on_source(*payload.mark, 0, event.record, payload.frames).value())
        deliver(payload.frames);
      deliver_repaired();
    } else if (payload.repairs.empty()) {
      deliver(event.payload);
    }
  }

  std::multimap<TimePoint, Event> events_;
  Sender sender_;
  Fec receiver_;
  SeededRandom random_;
  TimePoint now_{1h};
  std::vector<TimePoint> written_ = std::vector<TimePoint>(kMessages);
  std::vector<Duration> delays_ = std::vector<Duration>(kMessages, Duration::max());
};

TEST(FecGoalTest, MessagesOnALossyPathComeWithinOneAndAHalfRoundTrips) {
  const Outcome with = LossyMessages{true, 1}.run();
  const Outcome without = LossyMessages{false, 1}.run();
  const auto ms = [](Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
  };
  std::cout << "p50 " << ms(with.p50) << " ms, p99 " << ms(with.p99) << " ms with FEC (" << with.overhead
            << " repairs per message), " << ms(without.p99) << " ms without\n";
  EXPECT_LT(with.p99, 90ms);
  EXPECT_EQ(with.p50, 30ms);
  EXPECT_GT(without.p99, 90ms);
  EXPECT_LT(with.overhead, 0.6);
  EXPECT_GT(with.repaired, 300u);
}

}  // namespace
}  // namespace jetway::jsp
