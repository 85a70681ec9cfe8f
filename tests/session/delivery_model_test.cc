// Streams and messages that are not reliable against a model: the bytes that were written, each at its place.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/session/unreliable.h"
#include "tests/session/pair.h"

namespace jetway::session {
namespace {

using namespace test;

struct Reading {
  std::uint64_t offset = 0;
  std::uint64_t skipped = 0;
  bool is_end = false;
};

// Reads what is there, in one way or the other.
void read_on(Pair& pair, StreamId id, const Bytes& written, SeededRandom& random, Reading& reading) {
  auto& session = pair.listener.session;
  for (int i = 0; i < 20 && !reading.is_end; ++i) {
    Bytes buffer(1 + random.below(700));
    std::expected<ReadResult, StreamError> read;
    if (random.below(3) == 0) {
      RC_ASSERT(session.post_read(id, buffer).has_value());
      for (int step = 0; step < 5; ++step) pair.step();
      read = session.take_posted_read(id);
    } else {
      read = session.read(id, buffer);
    }
    RC_ASSERT(read.has_value());
    reading.offset += read->skipped_bytes;
    reading.skipped += read->skipped_bytes;
    RC_ASSERT(reading.offset + read->bytes <= written.size());
    RC_ASSERT(equal_bytes(ByteView{buffer}.first(read->bytes),
                          ByteView{written}.subspan(reading.offset, read->bytes)));
    reading.offset += read->bytes;
    reading.is_end = read->is_end;
    pair.drain(pair.listener);
    if (read->is_nothing()) return;
  }
}

RC_GTEST_PROP(DeliveryProperty, EveryByteIsReadAtItsPlaceOrSkipped, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  SeededRandom random{seed};
  SessionConfig config;
  config.stream_window_bytes = 500 + random.below(20'000);
  config.connection_window_bytes = 500 + random.below(20'000);
  const Link link{.delay = 10ms,
                  .loss = 0.01 + 0.5 * random.unit(),
                  .reordering = random.below(2) == 0 ? 0 : 0.3,
                  .packet_bytes = 100 + random.below(1'500)};
  Pair pair = Pair::admitted_same(config, link, random());
  pair.may_be_empty = true;
  const DeliveryOptions delivery{
      .mode = random.below(2) == 0 ? DeliveryMode::BestEffort : DeliveryMode::PartiallyReliable,
      .deadline = random.below(2) == 0 ? Duration::zero() : Duration{1ms * random.below(200)},
      .tries_max = static_cast<std::uint8_t>(random.below(4))};
  const Bytes written = pattern(1 + random.below(60'000), random());
  const StreamId id = pair.dialer.session.open_stream(Direction::OneWay, {.delivery = delivery}).value();
  Reading reading;
  std::size_t at = 0;
  bool is_finished = false;
  for (int turn = 0; turn < 200'000 && !reading.is_end; ++turn) {
    if (at < written.size() && random.below(3) == 0) {
      const ByteView piece = ByteView{written}.subspan(at).first(
          std::min<std::size_t>(written.size() - at, 1 + random.below(3'000)));
      if (random.below(2) == 0) {
        at += pair.dialer.session.write(id, piece).value();
      } else {
        Buffer buffer = Buffer::copy_of(piece);
        if (pair.dialer.session.write(id, buffer).value()) at += piece.size();
      }
    }
    if (at == written.size() && !std::exchange(is_finished, true)) {
      RC_ASSERT(pair.dialer.session.finish(id).has_value());
    }
    if (!pair.step()) pair.now += 1ms;
    const auto opened = pair.listener.all<StreamOpened>();
    if (!opened.empty() && random.below(4) == 0) read_on(pair, id, written, random, reading);
  }
  RC_ASSERT(reading.is_end);
  RC_ASSERT(reading.offset == written.size());
  pair.settle();
  RC_ASSERT(pair.dialer.count<StreamFinished>() == 1u);
  RC_ASSERT(reading.skipped <= pair.dialer.session.counters().snapshot().stream_bytes_given_up);
  const bool has_limit = delivery.mode == DeliveryMode::BestEffort || delivery.tries_max > 0 ||
                         delivery.deadline > Duration::zero();
  if (!has_limit) RC_ASSERT(reading.skipped == 0u);
}

RC_GTEST_PROP(DeliveryProperty, AMessageArrivesWholeOrNotAtAll, ()) {
  SeededRandom random{*rc::gen::arbitrary<std::uint64_t>()};
  SessionConfig config;
  config.stream_window_bytes = 1'000 + random.below(5'000);
  const Link link{.delay = 10ms, .loss = 0.3 * random.unit() + 0.01, .packet_bytes = 300};
  Pair pair = Pair::admitted_same(config, link, random());
  pair.may_be_empty = true;
  std::vector<Bytes> sent;
  for (int i = 0; i < 60; ++i) {
    sent.push_back(pattern(1 + random.below(3'000), random()));
    const DeliveryOptions delivery{
        .mode = static_cast<DeliveryMode>(random.below(3)),
        .deadline = random.below(2) == 0 ? Duration::zero() : Duration{1ms * random.below(100)},
        .tries_max = static_cast<std::uint8_t>(random.below(4))};
    while (!pair.dialer.session.send_message(sent.back(), {.delivery = delivery})) {
      if (!pair.step()) pair.now += 1ms;
    }
    for (std::uint64_t steps = random.below(10); steps > 0; --steps) pair.step();
  }
  pair.settle();
  const auto received = pair.listener.all<MessageReceived>();
  for (const MessageReceived* message : received) {
    RC_ASSERT(std::ranges::any_of(
        sent, [&](const Bytes& whole) { return equal_bytes(whole, message->message.view()); }));
  }
  RC_ASSERT(received.size() + pair.dialer.session.counters().snapshot().messages_given_up >= sent.size());
}

// ---- the memory of an unreliable stream ----

TEST(UnreliableTest, DeadlinesThatAreCloseShareOne) {
  Unreliable unreliable{{.mode = DeliveryMode::PartiallyReliable, .deadline = 6400ms}};
  TimePoint now{1h};
  EXPECT_FALSE(unreliable.is_undated());
  unreliable.on_written(10);
  EXPECT_TRUE(unreliable.is_undated());
  unreliable.date(now);
  unreliable.on_written(20);
  unreliable.date(now + 50ms);
  unreliable.on_written(30);
  unreliable.date(now + 200ms);
  EXPECT_EQ(unreliable.expired_end(now + 6399ms), 0u);
  EXPECT_EQ(unreliable.expired_end(now + 6400ms), 20u);
  EXPECT_EQ(unreliable.expired_end(now + 6599ms), 20u);
  EXPECT_EQ(unreliable.expired_end(now + 6600ms), 30u);
}

TEST(UnreliableTest, WithoutADeadlineNothingExpires) {
  Unreliable unreliable{{.mode = DeliveryMode::BestEffort}};
  unreliable.on_written(10);
  EXPECT_FALSE(unreliable.is_undated());
  EXPECT_EQ(unreliable.expired_end(kNever), 0u);
}

TEST(UnreliableTest, LostRangesAreCutWhereTheirTriesDiffer) {
  Unreliable unreliable{{.mode = DeliveryMode::PartiallyReliable, .tries_max = 5}};
  unreliable.on_lost({30, 40}, 3);
  unreliable.on_lost({10, 20}, 1);
  unreliable.on_lost({20, 30}, 2);
  EXPECT_EQ(unreliable.uniform_front({0, 40}), (Range{0, 10}));  // of which nothing is known
  EXPECT_EQ(unreliable.uniform_front({10, 40}), (Range{10, 20}));
  EXPECT_EQ(unreliable.uniform_front({25, 27}), (Range{25, 27}));
  EXPECT_EQ(unreliable.uniform_front({50, 60}), (Range{50, 60}));
  EXPECT_EQ(unreliable.on_sent_again({10, 15}), 2);
  EXPECT_EQ(unreliable.on_sent_again({15, 20}), 2);
  EXPECT_EQ(unreliable.uniform_front({15, 25}), (Range{15, 20}));  // sent: not known any more
  EXPECT_EQ(unreliable.on_sent_again({20, 30}), 3);
  unreliable.on_given_up({30, 35});
  EXPECT_EQ(unreliable.on_sent_again({35, 40}), 4);
  EXPECT_EQ(unreliable.on_sent_again({35, 40}), 1);
}

TEST(UnreliableTest, TriesDoNotOverflow) {
  Unreliable unreliable{{.mode = DeliveryMode::PartiallyReliable}};
  EXPECT_TRUE(unreliable.may_be_sent_again(255));
  unreliable.on_lost({1, 2}, 255);
  EXPECT_EQ(unreliable.on_sent_again({1, 2}), 255);
}

}  // namespace
}  // namespace jetway::session
