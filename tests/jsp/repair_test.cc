// What forward error correction and delivery modes come to between two ends.
#include <iostream>
#include <map>

#include <gtest/gtest.h>

#include "jetway/wire/reader.h"
#include "jetway/wire/writer.h"
#include "tests/jsp/pair.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;
using session::DeliveryMode;
using session::MessageReceived;

// Loses a share of the datagrams as soon as it is told to.
struct RandomLoss {
  SeededRandom random;
  double share = 0;
  double late = 0;
  Fate operator()() {
    if (random.unit() < share) return Fate::Drop;
    return random.unit() < late ? Fate::Late : Fate::Deliver;
  }
};

PairConfig lossy_config(const std::shared_ptr<RandomLoss>& loss, FecMode fec) {
  PairConfig config;
  config.one_way_delay = 30ms;
  config.dialer.fec = config.listener.fec = fec;
  config.on_datagram = [loss](bool, Bytes&) { return (*loss)(); };
  return config;
}

Bytes numbered(std::uint32_t number, std::size_t bytes = 100) {
  Bytes content(bytes);
  wire::Writer{content}.u32(number);
  return content;
}

struct MessageRun {
  std::vector<Duration> delays;  // of those that came, sorted
  std::map<std::uint32_t, int> times;
  std::uint64_t repaired = 0;
  std::uint64_t datagrams = 0;

  Duration p(std::size_t percent) const { return delays[(delays.size() - 1) * percent / 100]; }
};

// So many messages, one every 10 ms, over 60 ms round trip and 2 % loss both ways.
MessageRun run_messages(FecMode fec, std::uint32_t count, const session::DeliveryOptions& delivery = {}) {
  auto loss = std::make_shared<RandomLoss>(SeededRandom{7});
  Pair pair{lossy_config(loss, fec)};
  EXPECT_TRUE(pair.connect());
  loss->share = 0.02;
  MessageRun run;
  std::vector<Duration> sent_at;
  const std::uint64_t datagrams_before = pair.datagrams_to_listener;
  const auto collect = [&] {
    for (const session::Event& event : pair.listener.session_events) {
      const auto* message = std::get_if<MessageReceived>(&event);
      if (message == nullptr) continue;
      const std::uint32_t number = wire::Reader{message->message.view()}.u32();
      ++run.times[number];
      run.delays.push_back(pair.elapsed() - sent_at[number]);
    }
    pair.listener.session_events.clear();
  };
  for (std::uint32_t number = 0; number < count; ++number) {
    sent_at.push_back(pair.elapsed());
    EXPECT_TRUE(pair.dialer.session().send_message(numbered(number), {.delivery = delivery}));
    pair.touch(pair.dialer);
    for (int i = 0; i < 10; ++i) {
      pair.run_for(1ms);
      collect();
    }
  }
  pair.run_for(2s);
  collect();
  std::ranges::sort(run.delays);
  run.repaired = pair.listener.connection->statistics().packets_repaired;
  run.datagrams = pair.datagrams_to_listener - datagrams_before;
  return run;
}

double in_ms(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

// The goal: p99 below one and a half round trips.
TEST(RepairTest, MessagesOverALossyPathAreNotLate) {
  constexpr std::uint32_t kCount = 3'000;
  const MessageRun with = run_messages(FecMode::Auto, kCount);
  const MessageRun without = run_messages(FecMode::Off, kCount);
  std::cout << "with FEC p50 " << in_ms(with.p(50)) << " ms, p99 " << in_ms(with.p(99)) << " ms, "
            << with.datagrams << " datagrams, " << with.repaired << " repaired; without p99 "
            << in_ms(without.p(99)) << " ms, " << without.datagrams << " datagrams\n";
  for (const MessageRun* run : {&with, &without}) {
    EXPECT_EQ(run->times.size(), kCount);
    for (const auto& [number, times] : run->times) EXPECT_EQ(times, 1) << number;
  }
  EXPECT_GT(with.repaired, kCount / 100);
  EXPECT_EQ(without.repaired, 0u);
  EXPECT_LT(with.p(99), 90ms);
  EXPECT_LT(with.p(99), without.p(99));
}

TEST(RepairTest, BestEffortMessagesThatFecRepairsAreThere) {
  constexpr std::uint32_t kCount = 2'000;
  const session::DeliveryOptions once{.mode = DeliveryMode::BestEffort};
  const MessageRun with = run_messages(FecMode::Auto, kCount, once);
  const MessageRun without = run_messages(FecMode::Off, kCount, once);
  for (const auto& [number, times] : with.times) EXPECT_EQ(times, 1) << number;
  EXPECT_GT(with.times.size(), kCount * 99 / 100);
  EXPECT_LT(without.times.size(), kCount * 99 / 100);
  EXPECT_GT(without.times.size(), kCount * 95 / 100);
}

// A packet that is repaired and then comes late is not used twice.
TEST(RepairTest, DatagramsComeAtMostOnce) {
  auto loss = std::make_shared<RandomLoss>(SeededRandom{8});
  Pair pair{lossy_config(loss, FecMode::Auto)};
  ASSERT_TRUE(pair.connect());
  loss->share = 0.03;
  loss->late = 0.05;
  std::map<std::uint32_t, int> times;
  for (std::uint32_t number = 0; number < 4'000; ++number) {
    ASSERT_TRUE(pair.dialer.session().send_datagram(numbered(number)));
    pair.touch(pair.dialer);
    pair.run_for(2ms);
  }
  pair.run_for(1s);
  for (const session::Event& event : pair.listener.session_events) {
    const auto* datagram = std::get_if<session::DatagramReceived>(&event);
    if (datagram != nullptr) ++times[wire::Reader{datagram->datagram.view()}.u32()];
  }
  EXPECT_GT(pair.listener.connection->statistics().packets_repaired, 40u);
  EXPECT_GT(times.size(), 3'950u);
  for (const auto& [number, count] : times) EXPECT_EQ(count, 1) << number;
}

// Bulk is not protected: what it costs beside nothing.
TEST(RepairTest, BulkPaysNothing) {
  std::array<std::uint64_t, 2> bytes{};
  for (const FecMode fec : {FecMode::Auto, FecMode::Off}) {
    auto loss = std::make_shared<RandomLoss>(SeededRandom{9});
    Pair pair{lossy_config(loss, fec)};
    ASSERT_TRUE(pair.connect());
    loss->share = 0.01;
    const Bytes data(3'000'000, std::byte{5});
    const auto came = carry(pair, pair.dialer, pair.listener, data);
    ASSERT_TRUE(came.has_value());
    EXPECT_EQ(*came, data);
    bytes[static_cast<std::size_t>(fec)] = pair.bytes_to_listener;
  }
  EXPECT_LT(static_cast<double>(bytes[0]), static_cast<double>(bytes[1]) * 1.02);
}

// Every byte of a stream that is not reliable is read at its place or known to be missing.
TEST(RepairTest, StreamsWithGapsEndWhereTheyShould) {
  for (const auto mode : {DeliveryMode::BestEffort, DeliveryMode::PartiallyReliable}) {
    auto loss = std::make_shared<RandomLoss>(SeededRandom{10});
    Pair pair{lossy_config(loss, FecMode::Off)};
    ASSERT_TRUE(pair.connect());
    loss->share = 0.1;
    const session::StreamOptions options{.delivery = {.mode = mode, .tries_max = 2}};
    const auto id = pair.dialer.session().open_stream(session::Direction::OneWay, options).value();
    SeededRandom random{11};
    Bytes data(400'000);
    random.fill(data);
    ASSERT_EQ(pair.dialer.session().write(id, data).value(), data.size());
    ASSERT_TRUE(pair.dialer.session().finish(id));
    pair.touch(pair.dialer);
    std::uint64_t offset = 0;
    std::uint64_t skipped = 0;
    bool is_end = false;
    Bytes out(10'000);
    const auto read_on = [&] {
      while (!is_end) {
        const auto got = pair.listener.session().read(id, out);
        if (!got || got->is_nothing()) break;
        offset += got->skipped_bytes;
        skipped += got->skipped_bytes;
        EXPECT_TRUE(equal_bytes(ByteView{out}.first(got->bytes), ByteView{data}.subspan(offset, got->bytes)));
        offset += got->bytes;
        is_end = got->is_end;
      }
      pair.touch(pair.listener);
      return is_end;
    };
    for (int i = 0; i < 10'000 && !read_on(); ++i) pair.run_for(10ms);
    EXPECT_TRUE(is_end);
    EXPECT_EQ(offset, data.size());
    if (mode == DeliveryMode::BestEffort) {
      EXPECT_GT(skipped, data.size() / 20);
    } else {
      EXPECT_LT(skipped, data.size() / 25);
    }
  }
}

}  // namespace
}  // namespace jetway::jsp
