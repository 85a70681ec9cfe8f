// Streams and messages that are not reliable: what is given up, and how the other side learns of it.
#include <gtest/gtest.h>

#include "tests/session/pair.h"

namespace jetway::session {
namespace {

using namespace test;

constexpr std::size_t kPiece = 100;

// A dialer whose packets the test delivers or loses one by one.
class UnreliableDeliveryTest : public ::testing::Test {
 protected:
  struct Packet {
    std::uint64_t number = 0;
    Bytes payload;
  };

  StreamId open(const DeliveryOptions& delivery) {
    return pair.dialer.session.open_stream(Direction::OneWay, {.delivery = delivery}).value();
  }
  Packet take() {
    const std::uint64_t number = pair.dialer.next_packet;
    return {number, pair.take_packet(pair.dialer)};
  }
  // A packet with a piece of the stream that consists of this letter.
  Packet write(StreamId id, char letter) {
    EXPECT_EQ(pair.dialer.session.write(id, Bytes(kPiece, static_cast<std::byte>(letter))).value(), kPiece);
    return take();
  }
  void deliver(const Packet& packet) {
    pair.hand_in(pair.listener, packet.payload);
    pair.dialer.session.on_packet_acked(pair.now, packet.number);
    pair.drain(pair.dialer);
  }
  void lose(const Packet& packet) {
    pair.dialer.session.on_packet_lost(pair.now, packet.number);
    pair.drain(pair.dialer);
  }
  // All that waits to be sent arrives, both ways.
  void deliver_rest() {
    while (pair.dialer.session.wants_to_send() || pair.listener.session.wants_to_send()) {
      deliver(take());
      const std::uint64_t number = pair.listener.next_packet;
      const Bytes answer = pair.take_packet(pair.listener);
      if (answer.empty()) continue;
      pair.hand_in(pair.dialer, answer);
      pair.listener.session.on_packet_acked(pair.now, number);
    }
  }
  void expect_read(StreamId id, std::uint64_t skipped, std::string_view letters, bool is_end = false) {
    Bytes buffer(10'000);
    const auto read = pair.listener.session.read(id, buffer);
    ASSERT_TRUE(read.has_value()) << read.error().reason;
    EXPECT_EQ(read->skipped_bytes, skipped);
    EXPECT_EQ(read->is_end, is_end);
    ASSERT_EQ(read->bytes, letters.size() * kPiece);
    for (std::size_t i = 0; i < read->bytes; ++i) {
      ASSERT_EQ(static_cast<char>(buffer[i]), letters[i / kPiece]) << i;
    }
    pair.drain(pair.listener);
  }
  void finish(StreamId id) { ASSERT_TRUE(pair.dialer.session.finish(id)); }
  CountersSnapshot counters() const { return pair.dialer.session.counters().snapshot(); }
  // As a timer would do it: the session learns the time.
  void tell_time() { ASSERT_TRUE(pair.dialer.session.handle_timeout(pair.now)); }

  Pair pair = [] {
    Pair admitted = Pair::admitted({}, {}, {.delay = 1ms, .loss = 1e-12, .packet_bytes = 200});
    admitted.may_be_empty = true;
    return admitted;
  }();
};

constexpr DeliveryOptions kBestEffort{.mode = DeliveryMode::BestEffort};

TEST_F(UnreliableDeliveryTest, WhatIsLostOfABestEffortStreamIsAGap) {
  const StreamId id = open(kBestEffort);
  const Packet a = write(id, 'a');
  const Packet b = write(id, 'b');
  const Packet c = write(id, 'c');
  deliver(a);
  deliver(c);
  expect_read(id, 0, "a");
  EXPECT_FALSE(pair.listener.session.is_at_gap(id));
  lose(b);
  deliver_rest();
  EXPECT_TRUE(pair.listener.session.is_at_gap(id));
  finish(id);
  deliver_rest();
  expect_read(id, kPiece, "c", true);
  EXPECT_EQ(counters().stream_bytes_given_up, kPiece);
  EXPECT_EQ(counters().stream_bytes_retransmitted, 0u);
  EXPECT_EQ(pair.dialer.count<StreamFinished>(), 1u);
  EXPECT_EQ(pair.listener.last<StreamOpened>()->delivery, DeliveryMode::BestEffort);
}

TEST_F(UnreliableDeliveryTest, AGapIsToldWhenWhatIsBeforeItIsThere) {
  const StreamId id = open(kBestEffort);
  const Packet a = write(id, 'a');
  const Packet b = write(id, 'b');
  const Packet c = write(id, 'c');
  lose(b);
  EXPECT_FALSE(pair.dialer.session.wants_to_send());
  deliver(c);
  deliver(a);
  deliver_rest();
  expect_read(id, 0, "a");
  expect_read(id, kPiece, "c");
}

TEST_F(UnreliableDeliveryTest, ThePreambleIsAlwaysDelivered) {
  const StreamId id = open(kBestEffort);
  lose(write(id, 'a'));
  const Packet preamble = take();
  EXPECT_LT(preamble.payload.size(), 10u);
  lose(preamble);
  deliver(take());
  EXPECT_EQ(pair.listener.count<StreamOpened>(), 1u);
  deliver_rest();
  expect_read(id, kPiece, "");
  deliver(write(id, 'b'));
  expect_read(id, 0, "b");
}

TEST_F(UnreliableDeliveryTest, SeveralGapsAreToldOneByOne) {
  const StreamId id = open(kBestEffort);
  std::vector<Packet> packets;
  for (const char letter : {'a', 'b', 'c', 'd', 'e', 'f'}) packets.push_back(write(id, letter));
  for (const std::size_t there : {0u, 2u, 4u}) deliver(packets[there]);
  for (const std::size_t lost : {1u, 3u, 5u}) lose(packets[lost]);
  finish(id);
  deliver_rest();
  expect_read(id, 0, "a");
  expect_read(id, kPiece, "c");
  expect_read(id, kPiece, "e");
  expect_read(id, kPiece, "", true);
}

// Also when the packet with the gap is lost.
TEST_F(UnreliableDeliveryTest, TheGapItselfIsReliable) {
  const StreamId id = open(kBestEffort);
  deliver(write(id, 'a'));
  lose(write(id, 'b'));
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(pair.dialer.session.wants_to_send());
    lose(take());
  }
  finish(id);
  for (int i = 0; i < 3; ++i) lose(take());
  EXPECT_EQ(pair.dialer.count<StreamFinished>(), 0u);
  deliver_rest();
  expect_read(id, 0, "a");
  expect_read(id, kPiece, "", true);
  EXPECT_EQ(pair.dialer.count<StreamFinished>(), 1u);
}

TEST_F(UnreliableDeliveryTest, WhatComesLateIsReadAllTheSame) {
  const StreamId id = open(kBestEffort);
  const Packet a = write(id, 'a');
  const Packet b = write(id, 'b');
  deliver(a);
  expect_read(id, 0, "a");
  lose(b);
  deliver_rest();
  EXPECT_TRUE(pair.listener.session.is_at_gap(id));
  pair.hand_in(pair.listener, b.payload);  // it was only late
  EXPECT_FALSE(pair.listener.session.is_at_gap(id));
  expect_read(id, 0, "b");
  pair.hand_in(pair.listener, b.payload);
  expect_read(id, 0, "");
}

TEST_F(UnreliableDeliveryTest, APostedReadEndsAtAGap) {
  const StreamId id = open(kBestEffort);
  deliver(write(id, 'a'));
  Bytes buffer(1000);
  ASSERT_TRUE(pair.listener.session.post_read(id, buffer));
  pair.drain(pair.listener);
  const std::size_t events = pair.listener.count<StreamReadable>();
  const Packet b = write(id, 'b');
  const Packet c = write(id, 'c');
  deliver(c);
  lose(b);
  EXPECT_EQ(pair.listener.count<StreamReadable>(), events);
  deliver_rest();
  EXPECT_EQ(pair.listener.count<StreamReadable>(), events + 1);
  auto taken = pair.listener.session.take_posted_read(id);
  EXPECT_EQ(taken->bytes, kPiece);
  EXPECT_EQ(taken->skipped_bytes, 0u);
  // The next one says what is left out, without any bytes.
  ASSERT_TRUE(pair.listener.session.post_read(id, buffer));
  pair.drain(pair.listener);
  EXPECT_GE(pair.listener.count<StreamReadable>(), events + 2);
  taken = pair.listener.session.take_posted_read(id);
  EXPECT_EQ(taken->bytes, 0u);
  EXPECT_EQ(taken->skipped_bytes, kPiece);
  expect_read(id, 0, "c");
}

TEST_F(UnreliableDeliveryTest, DataIsSentAsOftenAsItsTries) {
  const StreamId id = open({.mode = DeliveryMode::PartiallyReliable, .tries_max = 3});
  deliver(write(id, 'a'));
  lose(write(id, 'b'));
  lose(take());
  EXPECT_EQ(counters().stream_bytes_given_up, 0u);
  lose(take());
  EXPECT_EQ(counters().stream_bytes_given_up, kPiece);
  EXPECT_EQ(counters().stream_bytes_retransmitted, 2 * kPiece);
  lose(write(id, 'c'));
  deliver_rest();
  expect_read(id, 0, "a");
  expect_read(id, kPiece, "c");
}

TEST_F(UnreliableDeliveryTest, PiecesThatWereSentUnequallyOftenAreCountedByThemselves) {
  const StreamId id = open({.mode = DeliveryMode::PartiallyReliable, .tries_max = 2});
  deliver(write(id, 'a'));
  const Packet b = write(id, 'b');
  const Packet c = write(id, 'c');
  lose(b);
  const Packet b_again = take();
  lose(c);
  lose(b_again);  // b has had its tries, c has one left
  EXPECT_EQ(counters().stream_bytes_given_up, kPiece);
  deliver_rest();
  expect_read(id, 0, "a");
  expect_read(id, kPiece, "c");
}

TEST_F(UnreliableDeliveryTest, WhatIsLostIsSentAgainUntilItsDeadline) {
  const StreamId id = open({.mode = DeliveryMode::PartiallyReliable, .deadline = 100ms});
  deliver(write(id, 'a'));
  Packet b = write(id, 'b');
  for (int i = 0; i < 3; ++i) {
    pair.now += 30ms;
    lose(b);
    b = take();
    EXPECT_GT(b.payload.size(), kPiece);
  }
  const Packet c = write(id, 'c');  // has time until 190 ms
  pair.now += 30ms;
  lose(b);
  lose(c);
  deliver_rest();
  expect_read(id, 0, "a");
  expect_read(id, kPiece, "c");
}

TEST_F(UnreliableDeliveryTest, WhatWaitsToBeSentAgainIsGivenUpAtItsDeadline) {
  const StreamId id = open({.mode = DeliveryMode::PartiallyReliable, .deadline = 100ms});
  deliver(write(id, 'a'));
  const Packet b = write(id, 'b');
  pair.now += 50ms;
  lose(b);
  pair.now += 51ms;
  deliver_rest();
  expect_read(id, 0, "a");
  expect_read(id, kPiece, "");
}

TEST_F(UnreliableDeliveryTest, ADeadlineCountsFromTheWriteAndNotFromTheLastThatHappened) {
  const StreamId id = open({.mode = DeliveryMode::PartiallyReliable, .deadline = 100ms});
  pair.now += 10s;  // of which the session has not heard
  ASSERT_TRUE(pair.dialer.session.write(id, Bytes(kPiece, std::byte{'a'})));
  ASSERT_TRUE(pair.dialer.session.next_timeout().has_value());
  EXPECT_LE(*pair.dialer.session.next_timeout(), pair.now);
  tell_time();
  EXPECT_GT(pair.dialer.session.next_timeout().value_or(kNever), pair.now);
  pair.now += 99ms;
  deliver_rest();
  expect_read(id, 0, "a");
}

TEST_F(UnreliableDeliveryTest, DeadlinesMakeRoomInAFullSendBuffer) {
  const StreamId id = open({.mode = DeliveryMode::PartiallyReliable, .deadline = 10ms});
  deliver(write(id, 'a'));
  auto& session = pair.dialer.session;
  const Bytes much(5 << 20);
  EXPECT_LT(session.write(id, much).value(), much.size());
  EXPECT_EQ(session.write(id, much).value(), 0u);
  tell_time();
  pair.now += 11ms;
  tell_time();
  // As far as the peer's window goes; the rest waits for it.
  EXPECT_GE(session.write(id, much).value(), std::size_t{900'000});
  EXPECT_GE(counters().stream_bytes_given_up, 900'000u);
  pair.drain(pair.dialer);
}

TEST_F(UnreliableDeliveryTest, AResetEndsAStreamWithGapsAtItsFinalSize) {
  const StreamId id = open(kBestEffort);
  deliver(write(id, 'a'));
  lose(write(id, 'b'));
  ASSERT_TRUE(pair.dialer.session.reset(id, 9));
  deliver_rest();
  Bytes buffer(10);
  EXPECT_EQ(pair.listener.session.read(id, buffer).error().code, StreamErrc::Reset);
  pair.drain(pair.listener);
}

TEST_F(UnreliableDeliveryTest, AReaderThatStoppedHearsNoMoreOfIt) {
  const StreamId id = open(kBestEffort);
  deliver(write(id, 'a'));
  ASSERT_TRUE(pair.listener.session.stop(id, 4));
  lose(write(id, 'b'));
  deliver_rest();
  pair.drain(pair.listener);
  EXPECT_EQ(pair.dialer.count<StreamStopped>(), 1u);
}

TEST_F(UnreliableDeliveryTest, OurSideOfAnAcceptedStreamHasADeliveryOfItsOwn) {
  const StreamId id = pair.listener.session.open_stream(Direction::TwoWay).value();
  ASSERT_TRUE(pair.listener.session.write(id, as_bytes("?")));
  pair.settle();
  ASSERT_TRUE(pair.dialer.session.set_delivery(id, kBestEffort));
  lose(write(id, 'a'));
  EXPECT_EQ(pair.dialer.session.set_delivery(id, {}).error().code, StreamErrc::Finished);
  deliver_rest();
  expect_read(id, kPiece, "");
  EXPECT_EQ(pair.dialer.session.set_delivery(999, {}).error().code, StreamErrc::NoSuchStream);
}

TEST_F(UnreliableDeliveryTest, UnreliableStreamsAreNotCompressed) {
  const StreamId id =
      pair.dialer.session
          .open_stream(Direction::OneWay, {.compression = Compression::Zstd, .delivery = kBestEffort})
          .value();
  ASSERT_TRUE(pair.dialer.session.set_compression(id, Compression::Zstd));
  deliver(write(id, 'a'));
  expect_read(id, 0, "a");
  EXPECT_EQ(counters().compression_raw_bytes, 0u);
}

// ---- messages ----

TEST_F(UnreliableDeliveryTest, ALostMessageIsGivenUpWhole) {
  auto& session = pair.dialer.session;
  ASSERT_TRUE(session.send_message(Bytes(500), {.delivery = kBestEffort}));  // three packets
  const Packet first = take();
  const Packet second = take();
  const Packet third = take();
  deliver(first);
  deliver(third);
  lose(second);
  EXPECT_EQ(counters().messages_given_up, 1u);
  deliver_rest();
  EXPECT_EQ(pair.listener.count<MessageReceived>(), 0u);
  ASSERT_TRUE(session.send_message(as_bytes("next"), {.delivery = kBestEffort}));
  deliver_rest();
  ASSERT_EQ(pair.listener.count<MessageReceived>(), 1u);
  EXPECT_EQ(as_text(pair.listener.last<MessageReceived>()->message.view()), "next");
}

TEST_F(UnreliableDeliveryTest, AMessageHasTriesAndADeadline) {
  auto& session = pair.dialer.session;
  const DeliveryOptions delivery{.mode = DeliveryMode::PartiallyReliable, .deadline = 100ms, .tries_max = 3};
  ASSERT_TRUE(session.send_message(as_bytes("in time"), {.delivery = delivery}));
  lose(take());
  lose(take());
  deliver_rest();
  ASSERT_EQ(pair.listener.count<MessageReceived>(), 1u);
  ASSERT_TRUE(session.send_message(as_bytes("too often"), {.delivery = delivery}));
  for (int i = 0; i < 3; ++i) lose(take());
  ASSERT_TRUE(session.send_message(as_bytes("too late"), {.delivery = delivery}));
  const Packet late = take();
  pair.now += 101ms;
  lose(late);
  ASSERT_TRUE(session.send_message(as_bytes("never sent"), {.delivery = delivery}));
  tell_time();
  pair.now += 101ms;
  deliver_rest();
  EXPECT_EQ(pair.listener.count<MessageReceived>(), 1u);
  EXPECT_EQ(counters().messages_given_up, 3u);
  EXPECT_EQ(counters().messages_sent, 4u);
}

TEST_F(UnreliableDeliveryTest, MessagesThatAreNotReliableMayBeCompressed) {
  const Bytes text = text_like(5'000);
  ASSERT_TRUE(pair.dialer.session.send_message(
      text, {.compression = Compression::Zstd, .delivery = {.mode = DeliveryMode::PartiallyReliable}}));
  deliver_rest();
  ASSERT_EQ(pair.listener.count<MessageReceived>(), 1u);
  EXPECT_TRUE(equal_bytes(pair.listener.last<MessageReceived>()->message.view(), text));
  EXPECT_GT(counters().compression_raw_bytes, counters().compression_stored_bytes);
}

// ---- pipes that do not lose ----

TEST(DeliveryOnAPipeTest, OnlyWhatWasNeverSentInTimeIsMissing) {
  Pair pair = Pair::admitted();
  pair.may_be_empty = true;
  auto& session = pair.dialer.session;
  const StreamId id =
      session
          .open_stream(Direction::OneWay,
                       {.delivery = {.mode = DeliveryMode::PartiallyReliable, .deadline = 100ms}})
          .value();
  ASSERT_TRUE(session.write(id, as_bytes("in time ")));
  pair.settle();
  ASSERT_TRUE(session.write(id, as_bytes("too late ")));
  ASSERT_TRUE(session.handle_timeout(pair.now));
  pair.now += 101ms;
  ASSERT_TRUE(session.write(id, as_bytes("in time again")));
  ASSERT_TRUE(session.finish(id));
  pair.settle();
  Bytes buffer(100);
  auto read = pair.listener.session.read(id, buffer);
  EXPECT_EQ(as_text(ByteView{buffer}.first(read->bytes)), "in time ");
  read = pair.listener.session.read(id, buffer);
  EXPECT_EQ(read->skipped_bytes, 9u);
  EXPECT_TRUE(read->is_end);
  EXPECT_EQ(as_text(ByteView{buffer}.first(read->bytes)), "in time again");
  pair.drain(pair.listener);
  pair.settle();
  EXPECT_EQ(pair.dialer.count<StreamFinished>(), 1u);
}

TEST(DeliveryOnAPipeTest, BestEffortIsReliable) {
  Pair pair = Pair::admitted();
  const Bytes data = pattern(300'000);
  EXPECT_EQ(transfer(pair, pair.dialer, pair.listener, data, {.delivery = kBestEffort}), data);
  EXPECT_EQ(pair.dialer.session.counters().snapshot().stream_bytes_given_up, 0u);
}

// ---- what FEC goes by ----

TEST_F(UnreliableDeliveryTest, TheContentOfAPacketIsKnown) {
  auto& session = pair.dialer.session;
  EXPECT_FALSE(session.wants_protection(190));
  static_cast<void>(write(open(kBestEffort), 'a'));
  EXPECT_FALSE(session.wants_protection(190));
  EXPECT_TRUE(session.last_content().has_unreliable && session.last_content().is_worth_protecting());
  ASSERT_TRUE(session.send_datagram(as_bytes("now")));
  EXPECT_TRUE(session.wants_protection(190));
  static_cast<void>(take());
  EXPECT_TRUE(session.last_content().has_datagram);
  EXPECT_FALSE(session.last_content().has_unreliable);
  ASSERT_TRUE(session.send_message(as_bytes("message")));
  EXPECT_TRUE(session.wants_protection(190));
  static_cast<void>(take());
  EXPECT_TRUE(session.last_content().has_message);
  ASSERT_TRUE(session.write(open({}), Bytes(20'000)));
  static_cast<void>(take());
  EXPECT_TRUE(session.last_content().has_bulk);
  EXPECT_FALSE(session.last_content().has_tail || session.last_content().is_worth_protecting());
  std::size_t bulk = 1;
  for (; !session.last_content().has_tail; ++bulk) {
    const bool is_expected = session.wants_protection(200);
    static_cast<void>(take());
    EXPECT_EQ(is_expected, session.last_content().is_worth_protecting());
  }
  EXPECT_NEAR(static_cast<double>(bulk), 12'000.0 / 194, 4);
}

}  // namespace
}  // namespace jetway::session
