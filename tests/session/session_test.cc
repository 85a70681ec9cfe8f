#include "jetway/session/session.h"

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

}  // namespace
}  // namespace jetway::session
