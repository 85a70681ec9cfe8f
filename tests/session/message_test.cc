#include <set>

#include <gtest/gtest.h>

#include "jetway/session/session.h"
#include "tests/session/pair.h"

namespace jetway::session {
namespace {

using namespace test;

// ---- compression ----

TEST(SessionTest, CompressedStreamsComeBack) {
  for (const Compression compression : {Compression::Lz4, Compression::Zstd}) {
    Pair pair = Pair::admitted();
    const StreamOptions options{.compression = compression};
    const Bytes text = text_like(1'000'000);
    const Bytes noise = pattern(1'000'000);
    EXPECT_EQ(transfer(pair, pair.dialer, pair.listener, text, options, 77'777), text);
    const auto after_text = pair.dialer.session.counters().snapshot();
    EXPECT_EQ(after_text.compression_raw_bytes, text.size());
    EXPECT_LT(after_text.compression_stored_bytes, text.size() * 9 / 10);
    EXPECT_LT(after_text.stream_bytes_sent, text.size() * 9 / 10);
    EXPECT_EQ(transfer(pair, pair.dialer, pair.listener, noise, options), noise);
    EXPECT_EQ(pair.dialer.session.counters().snapshot().compression_stored_bytes -
                  after_text.compression_stored_bytes,
              noise.size());
    EXPECT_EQ(as_text(transfer(pair, pair.dialer, pair.listener, as_bytes("tiny"), options)), "tiny");
    EXPECT_TRUE(transfer(pair, pair.dialer, pair.listener, {}, options).empty());
  }
}

TEST(SessionTest, CompressionThatThePeerDoesNotUnderstandIsNotUsed) {
  SessionConfig plain;
  plain.compression = {};
  Pair pair = Pair::admitted({}, plain);
  const Bytes text = text_like(100'000);
  EXPECT_EQ(transfer(pair, pair.dialer, pair.listener, text, {.compression = Compression::Zstd}), text);
  EXPECT_EQ(pair.dialer.session.counters().snapshot().compression_raw_bytes, 0u);
}

TEST(SessionTest, AnAcceptedStreamMayCompressItsAnswer) {
  Pair pair = Pair::admitted();
  const StreamId id = pair.dialer.session.open_stream(Direction::TwoWay).value();
  ASSERT_TRUE(pair.dialer.session.write(id, as_bytes("?")));
  pair.settle();
  ASSERT_TRUE(pair.listener.session.set_compression(id, Compression::Zstd));
  const Bytes answer = text_like(50'000);
  ASSERT_EQ(pair.listener.session.write(id, answer).value(), answer.size());
  EXPECT_EQ(pair.listener.session.set_compression(id, Compression::None).error().code, StreamErrc::Finished);
  pair.settle();
  EXPECT_EQ(read_all(pair, pair.dialer, id), answer);
  EXPECT_EQ(pair.listener.session.counters().snapshot().compression_raw_bytes, answer.size());
}

// ---- messages and datagrams ----

TEST(SessionTest, MessagesArriveWhole) {
  for (const Compression compression : {Compression::None, Compression::Lz4, Compression::Zstd}) {
    Pair pair = Pair::admitted();
    for (const std::size_t size : {0u, 1u, 511u, 5'000u, 3'000'000u}) {
      for (const Bytes& message : {text_like(size), pattern(size)}) {
        ASSERT_TRUE(pair.dialer.session.send_message(
            message, {.priority = Priority::Media, .compression = compression}));
        pair.settle();
        ASSERT_FALSE(pair.listener.events.empty());
        const auto* const received = pair.listener.last<MessageReceived>();
        ASSERT_TRUE(received != nullptr) << size;
        EXPECT_TRUE(equal_bytes(received->message.view(), message));
        EXPECT_EQ(received->priority, Priority::Media);
        pair.listener.events.clear();
      }
    }
    EXPECT_EQ(pair.dialer.session.counters().snapshot().messages_sent, 10u);
    EXPECT_EQ(pair.listener.session.counters().snapshot().messages_received, 10u);
    EXPECT_EQ(pair.dialer.count<StreamFinished>(), 0u);
  }
}

// Many large messages at a time, each larger than a stream's window.
TEST(SessionTest, MessagesLargerThanTheWindowShareIt) {
  SessionConfig config;
  config.stream_window_bytes = 10'000;
  config.connection_window_bytes = 50'000;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Pair pair = Pair::admitted_same(
        config, {.delay = 5ms, .loss = 0.1, .reordering = 0.2, .packet_bytes = 1200}, seed);
    std::multiset<std::size_t> wanted;
    for (std::size_t i = 0; i < 20; ++i) {
      const std::size_t size = 20'000 + i * 1'000;
      ASSERT_TRUE(pair.dialer.session.send_message(pattern(size, size)));
      wanted.insert(size);
    }
    pair.settle();
    std::multiset<std::size_t> received;
    for (const auto* event : pair.listener.all<MessageReceived>()) {
      received.insert(event->message.size());
      EXPECT_TRUE(equal_bytes(event->message.view(), pattern(event->message.size(), event->message.size())));
    }
    EXPECT_EQ(received, wanted);
  }
}

// Goal: an application that has enough holds the peer back, and loses nothing.
TEST(SessionTest, HeldMessagesWaitInTheirStreams) {
  SessionConfig config;
  config.streams_one_way_max = 8;
  config.send_buffer_bytes = 1 << 20;
  Pair pair = Pair::admitted_same(config, {.delay = 5ms, .loss = 0.1, .packet_bytes = 1200}, 3);
  pair.listener.session.hold_messages(true);
  std::size_t sent = 0;
  while (pair.dialer.session.send_message(pattern(5'000, sent))) {
    ++sent;
    ASSERT_LE(sent, config.streams_one_way_max);
    pair.settle();
  }
  EXPECT_EQ(sent, config.streams_one_way_max);
  EXPECT_EQ(pair.listener.count<MessageReceived>(), 0u);
  pair.listener.session.hold_messages(false);
  pair.settle();
  EXPECT_EQ(pair.listener.count<MessageReceived>(), sent);
  EXPECT_TRUE(pair.dialer.session.send_message(pattern(5'000, sent)));
}

TEST(SessionTest, TooLargeAndTooManyMessagesAreRefused) {
  SessionConfig config;
  config.message_max_bytes = 1'000'000;
  config.send_buffer_bytes = 1'500'000;
  Pair pair = Pair::admitted_same(config);
  EXPECT_EQ(pair.dialer.session.send_message(Bytes(1'000'001)).error().code, StreamErrc::MessageTooLarge);
  ASSERT_TRUE(pair.dialer.session.send_message(pattern(1'000'000)));
  EXPECT_EQ(pair.dialer.session.send_message(pattern(1'000'000)).error().code, StreamErrc::TooManyStreams);
  pair.settle();
  EXPECT_EQ(pair.dialer.count<StreamsAvailable>(), 1u);
  ASSERT_TRUE(pair.dialer.session.send_message(pattern(1'000'000)));
}

TEST(SessionTest, DatagramsArriveAndQueuesAreBounded) {
  SessionConfig config;
  config.datagram_queue_max = 10;
  config.datagram_max_bytes = 2'000;
  Pair pair = Pair::admitted_same(config, {.packet_bytes = 1'000});
  EXPECT_EQ(pair.dialer.session.send_datagram(Bytes(2'001)).error().code, StreamErrc::MessageTooLarge);
  for (int i = 0; i < 15; ++i) ASSERT_TRUE(pair.dialer.session.send_datagram(as_bytes(std::to_string(i))));
  pair.settle();
  const auto received = pair.listener.all<DatagramReceived>();
  ASSERT_EQ(received.size(), 10u);
  EXPECT_EQ(as_text(received.front()->datagram.view()), "5");  // the oldest went
  EXPECT_EQ(pair.dialer.session.counters().snapshot().datagrams_dropped, 5u);
  // One that fits no packet is dropped and holds up nothing.
  pair.may_be_empty = true;
  ASSERT_TRUE(pair.dialer.session.send_datagram(Bytes(1'500)));
  pair.settle();
  EXPECT_EQ(pair.dialer.session.counters().snapshot().datagrams_dropped, 6u);
}

}  // namespace
}  // namespace jetway::session
