#include "jetway/session/session.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "tests/session/pair.h"

namespace jetway::session {
namespace {

using namespace test;

TEST(SessionTest, AStreamArrivesWholeAndInOrder) {
  Pair pair = Pair::admitted();
  const Bytes data = pattern(3'000'000);
  EXPECT_EQ(transfer(pair, pair.dialer, pair.listener, data), data);
  EXPECT_EQ(pair.dialer.count<StreamFinished>(), 1u);
}

TEST(SessionTest, BothWaysAtOnce) {
  Pair pair = Pair::admitted();
  const StreamId id = pair.dialer.session.open_stream(Direction::TwoWay).value();
  ASSERT_EQ(pair.dialer.session.write(id, as_bytes("question")).value(), 8u);
  ASSERT_TRUE(pair.dialer.session.finish(id));
  pair.settle();
  ASSERT_EQ(pair.listener.count<StreamOpened>(), 1u);
  ASSERT_EQ(pair.listener.last<StreamOpened>()->id, id);
  bool is_end = false;
  EXPECT_EQ(as_text(read_all(pair, pair.listener, id, &is_end)), "question");
  EXPECT_TRUE(is_end);
  ASSERT_TRUE(pair.listener.session.write(id, as_bytes("answer")));
  ASSERT_TRUE(pair.listener.session.finish(id));
  pair.settle();
  EXPECT_EQ(as_text(read_all(pair, pair.dialer, id, &is_end)), "answer");
  EXPECT_TRUE(is_end);
  pair.settle();
  EXPECT_EQ(pair.dialer.session.write(id, as_bytes("x")).error().code, StreamErrc::NoSuchStream);
  EXPECT_EQ(pair.listener.session.write(id, as_bytes("x")).error().code, StreamErrc::NoSuchStream);
}

TEST(SessionTest, NothingIsLostUnderLossAndReordering) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Pair pair =
        Pair::admitted_same({}, {.delay = 10ms, .loss = 0.1, .reordering = 0.3, .packet_bytes = 1200}, seed);
    const Bytes data = pattern(200'000, seed);
    EXPECT_EQ(transfer(pair, pair.dialer, pair.listener, data), data);
    EXPECT_EQ(pair.dialer.count<StreamFinished>(), 1u);
  }
}

// ---- streams ----

TEST(SessionTest, EveryOrderOfEndsClosesBothSides) {
  // Each side ends its direction by finish() or reset(), and reading by reading or stop(), in either order.
  for (unsigned choice = 0; choice < 64; ++choice) {
    SCOPED_TRACE(choice);
    Pair pair = Pair::admitted();
    const StreamId id = pair.dialer.session.open_stream(Direction::TwoWay).value();
    ASSERT_TRUE(pair.dialer.session.write(id, as_bytes("from dialer")));
    pair.settle();
    ASSERT_TRUE(pair.listener.session.write(id, as_bytes("from listener")));
    pair.settle();
    const auto end_sending = [&](End& end, bool by_reset) {
      const auto ended = by_reset ? end.session.reset(id, 3) : end.session.finish(id);
      EXPECT_TRUE(ended || ended.error().code == StreamErrc::Stopped ||
                  ended.error().code == StreamErrc::NoSuchStream);
      pair.settle();
    };
    const auto end_reading = [&](End& end, bool by_stop) {
      if (by_stop) {
        const auto stopped = end.session.stop(id, 4);
        EXPECT_TRUE(stopped || stopped.error().code == StreamErrc::NoSuchStream);
      } else {
        Bytes out(100);
        for (int i = 0; i < 3; ++i) {
          const auto read = end.session.read(id, out);
          if (!read) break;
        }
      }
      pair.settle();
    };
    const bool reads_first = (choice & 16) != 0;
    if (reads_first) end_reading(pair.listener, (choice & 4) != 0);
    end_sending(pair.dialer, (choice & 1) != 0);
    if ((choice & 32) != 0) end_reading(pair.dialer, (choice & 8) != 0);
    end_sending(pair.listener, (choice & 2) != 0);
    end_reading(pair.listener, (choice & 4) != 0);
    end_reading(pair.dialer, (choice & 8) != 0);
    EXPECT_EQ(pair.dialer.session.set_priority(id, Priority::Bulk).error().code, StreamErrc::NoSuchStream);
    EXPECT_EQ(pair.listener.session.set_priority(id, Priority::Bulk).error().code, StreamErrc::NoSuchStream);
  }
}

TEST(SessionTest, AResetTellsItsCode) {
  Pair pair = Pair::admitted();
  const StreamId id = pair.dialer.session.open_stream(Direction::OneWay).value();
  ASSERT_TRUE(pair.dialer.session.write(id, as_bytes("abc")));
  pair.settle();
  ASSERT_TRUE(pair.dialer.session.reset(id, 42));
  pair.settle();
  Bytes out(10);
  const auto read = pair.listener.session.read(id, out);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, StreamErrc::Reset);
  EXPECT_EQ(read.error().peer_code, 42u);
  EXPECT_EQ(pair.dialer.count<StreamFinished>(), 0u);
}

TEST(SessionTest, StopEndsTheSenderWithItsCode) {
  Pair pair = Pair::admitted();
  const StreamId id = pair.dialer.session.open_stream(Direction::OneWay).value();
  ASSERT_TRUE(pair.dialer.session.write(id, as_bytes("abc")));
  pair.settle();
  ASSERT_TRUE(pair.listener.session.stop(id, 43));
  pair.settle();
  ASSERT_EQ(pair.dialer.count<StreamStopped>(), 1u);
  EXPECT_EQ(pair.dialer.last<StreamStopped>()->code, 43u);
  EXPECT_FALSE(pair.dialer.session.write(id, as_bytes("more")));
}

TEST(SessionTest, WrongUseIsAnErrorValue) {
  Pair pair = Pair::admitted();
  const StreamId id = pair.dialer.session.open_stream(Direction::OneWay).value();
  Bytes out(10);
  EXPECT_EQ(pair.dialer.session.read(id, out).error().code, StreamErrc::WrongDirection);
  EXPECT_EQ(pair.dialer.session.post_read(id, out).error().code, StreamErrc::WrongDirection);
  EXPECT_EQ(pair.dialer.session.stop(id, 0).error().code, StreamErrc::WrongDirection);
  ASSERT_TRUE(pair.dialer.session.write(id, as_bytes("a")));
  ASSERT_TRUE(pair.dialer.session.finish(id));
  EXPECT_EQ(pair.dialer.session.write(id, as_bytes("b")).error().code, StreamErrc::Finished);
  EXPECT_EQ(pair.dialer.session.finish(id).error().code, StreamErrc::Finished);
  pair.settle();
  EXPECT_EQ(pair.listener.session.write(id, as_bytes("b")).error().code, StreamErrc::WrongDirection);
  EXPECT_EQ(pair.listener.session.reset(id, 0).error().code, StreamErrc::WrongDirection);
  EXPECT_EQ(pair.listener.session.read(id + 400, out).error().code, StreamErrc::NoSuchStream);
}

TEST(SessionTest, TheStreamLimitIsReplenishedAsStreamsEnd) {
  SessionConfig config;
  config.streams_one_way_max = 4;
  Pair pair = Pair::admitted_same(config);
  std::vector<StreamId> open;
  for (int i = 0; i < 4; ++i) open.push_back(pair.dialer.session.open_stream(Direction::OneWay).value());
  EXPECT_EQ(pair.dialer.session.open_stream(Direction::OneWay).error().code, StreamErrc::TooManyStreams);
  for (const StreamId id : open) {
    ASSERT_TRUE(pair.dialer.session.write(id, as_bytes("x")));
    ASSERT_TRUE(pair.dialer.session.finish(id));
  }
  pair.settle();
  EXPECT_EQ(pair.dialer.count<StreamsAvailable>(), 0u);
  for (const StreamId id : open) read_all(pair, pair.listener, id);
  pair.settle();
  EXPECT_EQ(pair.dialer.count<StreamsAvailable>(), 1u);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(as_text(transfer(pair, pair.dialer, pair.listener, as_bytes("y"))), "y");
  }
}

// ---- posted reads ----

TEST(SessionTest, APostedReadIsFilledAsDataArrives) {
  for (const Compression compression : {Compression::None, Compression::Lz4}) {
    Pair pair = Pair::admitted();
    const Bytes data = text_like(100'000);
    const StreamId id =
        pair.dialer.session.open_stream(Direction::OneWay, {.compression = compression}).value();
    ASSERT_TRUE(pair.dialer.session.write(id, ByteView{data}.first(10)));
    pair.settle();
    ASSERT_EQ(pair.listener.count<StreamOpened>(), 1u);
    const std::size_t told = pair.listener.count<StreamReadable>();
    Bytes out(60'000);
    ASSERT_TRUE(pair.listener.session.post_read(id, out));
    pair.drain(pair.listener);
    EXPECT_EQ(pair.listener.count<StreamReadable>(), told);
    ASSERT_TRUE(pair.dialer.session.write(id, ByteView{data}.subspan(10)));
    ASSERT_TRUE(pair.dialer.session.finish(id));
    pair.settle();
    EXPECT_EQ(pair.listener.count<StreamReadable>(), told + 1);
    const auto full = pair.listener.session.take_posted_read(id).value();
    EXPECT_EQ(full.bytes, 60'000u);
    EXPECT_FALSE(full.is_end);
    EXPECT_TRUE(equal_bytes(out, ByteView{data}.first(60'000)));
    ASSERT_TRUE(pair.listener.session.post_read(id, out));
    const auto rest = pair.listener.session.take_posted_read(id).value();
    EXPECT_EQ(rest.bytes, 40'000u);
    EXPECT_TRUE(rest.is_end);
    EXPECT_TRUE(equal_bytes(ByteView{out}.first(40'000), ByteView{data}.subspan(60'000)));
  }
}

TEST(SessionTest, APostedReadEndsWithTheStream) {
  Pair pair = Pair::admitted();
  const StreamId id = pair.dialer.session.open_stream(Direction::OneWay).value();
  ASSERT_TRUE(pair.dialer.session.write(id, as_bytes("a")));
  pair.settle();
  Bytes out(100);
  ASSERT_TRUE(pair.listener.session.post_read(id, out));
  EXPECT_EQ(pair.listener.session.take_posted_read(id)->bytes, 1u);  // taken early
  ASSERT_TRUE(pair.listener.session.post_read(id, out));
  ASSERT_TRUE(pair.dialer.session.write(id, as_bytes("bc")));
  pair.settle();
  ASSERT_TRUE(pair.dialer.session.reset(id, 5));
  pair.settle();
  EXPECT_EQ(pair.listener.session.take_posted_read(id)->bytes, 2u);  // what came before the reset
  const auto after = pair.listener.session.take_posted_read(id);
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().code, StreamErrc::Reset);
}

// ---- everything at once ----

// Goal: with loss and reordering, everything that is sent both ways on many streams arrives once and in
// order.
TEST(SessionTest, ManyStreamsBothWaysUnderLoss) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random{seed};
    SessionConfig config;
    config.stream_window_bytes = 5'000;
    config.connection_window_bytes = 20'000;
    config.streams_two_way_max = 6;
    Pair pair = Pair::admitted_same(
        config, {.delay = 20ms, .loss = 0.15, .reordering = 0.3, .packet_bytes = 1200}, seed);
    std::map<std::pair<bool, StreamId>, Bytes> wanted;
    std::map<std::pair<bool, StreamId>, Bytes> received;
    std::map<std::pair<bool, StreamId>, std::size_t> written;
    std::set<std::pair<bool, StreamId>> ended;
    for (int i = 0; i < 6; ++i) {
      for (const bool is_dialer : {true, false}) {
        End& end = is_dialer ? pair.dialer : pair.listener;
        const StreamOptions options{.priority = static_cast<Priority>(random.below(4)),
                                    .compression = static_cast<Compression>(random.below(3))};
        const StreamId id = end.session.open_stream(Direction::TwoWay, options).value();
        const std::size_t size = random.below(60'000);
        wanted[{is_dialer, id}] = random.below(2) == 0 ? text_like(size, seed) : pattern(size, seed);
      }
    }
    for (int round = 0; round < 200'000 && ended.size() < wanted.size(); ++round) {
      for (auto& [key, data] : wanted) {
        End& from = key.first ? pair.dialer : pair.listener;
        End& to = key.first ? pair.listener : pair.dialer;
        if (written[key] < data.size()) {
          const std::size_t piece = std::min(data.size() - written[key], 1 + random.below(8'000));
          written[key] += from.session.write(key.second, ByteView{data}.subspan(written[key], piece)).value();
          if (written[key] < data.size()) continue;
        }
        if (written[key] == data.size()) {
          ASSERT_TRUE(from.session.finish(key.second));
          ++written[key];
        }
        Bytes out(1 + random.below(3'000));
        const auto read = to.session.read(key.second, out);
        if (!read) continue;  // not opened there yet, or at its end
        received[key].insert(received[key].end(), out.begin(),
                             out.begin() + static_cast<std::ptrdiff_t>(read->bytes));
        if (read->is_end) ended.insert(key);
      }
      pair.step();
      pair.drain(pair.dialer);
      pair.drain(pair.listener);
    }
    EXPECT_EQ(ended.size(), wanted.size());
    for (const auto& [key, data] : wanted) EXPECT_EQ(received[key], data) << key.first << " " << key.second;
    EXPECT_GT(pair.dialer.session.counters().snapshot().stream_bytes_retransmitted, 0u);
  }
}

}  // namespace
}  // namespace jetway::session
