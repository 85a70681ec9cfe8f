// Early data (docs/protocol/session.md section 11), without a handshake.
#include <variant>

#include <gtest/gtest.h>

#include "jetway/session/session.h"
#include "jetway/wire/frame.h"
#include "tests/session/pair.h"

namespace jetway::session::test {
namespace {

constexpr StreamOptions kRepeatable{.is_repeatable = true};

class EarlyTest : public testing::Test {
 protected:
  EarlyTest() {
    dialer.begin_early(now, listener.local_parameters());
    listener.begin_early(now, dialer.local_parameters());
  }
  Bytes packet_of(Session& session, std::size_t room = 1200) {
    Bytes memory(room);
    wire::PacketWriter packet{memory, room};
    session.write_frames(now, packet, next_packet++);
    Bytes payload;
    for (const ByteView part : packet.parts()) payload.insert(payload.end(), part.begin(), part.end());
    return payload;
  }
  template <class Frame>
  static std::size_t count_in(ByteView payload) {
    std::size_t found = 0;
    for (wire::Reader in{payload}; !in.is_empty();) {
      const auto frame = wire::decode_frame(in);
      if (!frame) return 0;
      found += std::holds_alternative<Frame>(*frame) ? 1u : 0u;
    }
    return found;
  }
  StreamId say(ByteView text) {
    const StreamId id = dialer.open_stream(Direction::TwoWay, kRepeatable).value();
    EXPECT_EQ(dialer.write(id, text), text.size());
    EXPECT_TRUE(dialer.finish(id));
    return id;
  }
  Bytes read(StreamId id) {
    Bytes out(10'000);
    const auto result = listener.read(id, out);
    out.resize(result ? result->bytes : 0);
    return out;
  }

  TimePoint now{};
  Session dialer{Role::Dialer, SessionConfig{}, now};
  Session listener{Role::Listener, SessionConfig{}, now};
  std::uint64_t next_packet = 0;
};

TEST_F(EarlyTest, OnlyWhatIsRepeatableAndReliableGoesBeforeAdmission) {
  StreamOptions unreliable = kRepeatable;
  unreliable.delivery.mode = DeliveryMode::BestEffort;
  for (const StreamOptions& options : {StreamOptions{}, unreliable}) {
    EXPECT_EQ(dialer.open_stream(Direction::OneWay, options).error().code, StreamErrc::NotAdmitted);
    EXPECT_EQ(dialer.send_message(as_bytes("m"), options).error().code, StreamErrc::NotAdmitted);
  }
  dialer.ping(now);
  EXPECT_FALSE(dialer.wants_to_send());
  const StreamId id = say(as_bytes("request"));
  const Bytes packet = packet_of(dialer);
  EXPECT_EQ(count_in<wire::StreamFrame>(packet), 1u);
  EXPECT_EQ(count_in<wire::PingFrame>(packet), 0u);
  ASSERT_TRUE(listener.handle_frames(now, packet));
  EXPECT_EQ(read(id), to_bytes("request"));
}

TEST_F(EarlyTest, AListenerOpensNothingAndAnswersNothingBeforeItHasAdmitted) {
  const StreamId id = say(as_bytes("request"));
  ASSERT_TRUE(listener.handle_frames(now, packet_of(dialer)));
  listener.on_established(now, dialer.local_parameters());
  EXPECT_EQ(listener.open_stream(Direction::OneWay, kRepeatable).error().code, StreamErrc::NotAdmitted);
  ASSERT_EQ(listener.write(id, as_bytes("answer")), 6u);
  EXPECT_EQ(count_in<wire::StreamFrame>(packet_of(listener)), 0u);
  listener.admit(now);
  const Bytes packet = packet_of(listener);
  EXPECT_EQ(count_in<wire::AdmittedFrame>(packet), 1u);
  EXPECT_EQ(count_in<wire::StreamFrame>(packet), 1u);
}

TEST_F(EarlyTest, AcceptedItGoesOnBeforeAdmission) {
  const StreamId id = dialer.open_stream(Direction::TwoWay, kRepeatable).value();
  ASSERT_EQ(dialer.write(id, as_bytes("one ")), 4u);
  ASSERT_TRUE(listener.handle_frames(now, packet_of(dialer)));
  ASSERT_TRUE(dialer.on_early_answered(now, listener.local_parameters(), true));
  ASSERT_EQ(dialer.write(id, as_bytes("two")), 3u);
  ASSERT_TRUE(listener.handle_frames(now, packet_of(dialer)));
  EXPECT_EQ(read(id), to_bytes("one two"));
  EXPECT_FALSE(dialer.open_stream(Direction::TwoWay));
}

TEST_F(EarlyTest, AListenerThatAcceptsMayNotTellSmallerLimits) {
  for (std::uint64_t Parameters::* limit :
       {&Parameters::connection_window_bytes, &Parameters::stream_window_bytes,
        &Parameters::streams_two_way_max, &Parameters::streams_one_way_max, &Parameters::message_max_bytes}) {
    Session session(Role::Dialer, SessionConfig{}, now);
    session.begin_early(now, listener.local_parameters());
    Parameters smaller = listener.local_parameters();
    --(smaller.*limit);
    const auto answered = session.on_early_answered(now, smaller, true);
    ASSERT_FALSE(answered);
    EXPECT_EQ(answered.error().code, std::to_underlying(ProtocolCode::ProtocolViolation));
    EXPECT_TRUE(session.is_closed());
  }
}

// Goal: what was declined goes again, whole, once, and not before the listener takes streams.
TEST_F(EarlyTest, DeclinedItWaitsForAdmissionAndStartsAgain) {
  const Bytes request = pattern(3000);
  const StreamId id = say(request);
  while (dialer.wants_to_send()) packet_of(dialer);
  Session fresh(Role::Listener, SessionConfig{}, now);
  ASSERT_TRUE(dialer.on_early_answered(now, fresh.local_parameters(), false));
  EXPECT_EQ(count_in<wire::StreamFrame>(packet_of(dialer)), 0u);
  fresh.on_established(now, dialer.local_parameters());
  fresh.admit(now);
  ASSERT_TRUE(dialer.handle_frames(now, packet_of(fresh)));
  while (dialer.wants_to_send()) ASSERT_TRUE(fresh.handle_frames(now, packet_of(dialer)));
  dialer.check_invariants();
  Bytes out(request.size());
  const auto result = fresh.read(id, out);
  ASSERT_TRUE(result);
  EXPECT_EQ(out, request);
  EXPECT_TRUE(result->is_end);
}

TEST_F(EarlyTest, DeclinedAStreamThatWasGivenUpIsGivenUpAgain) {
  const StreamId id = dialer.open_stream(Direction::TwoWay, kRepeatable).value();
  ASSERT_EQ(dialer.write(id, as_bytes("half a")), 6u);
  packet_of(dialer);
  ASSERT_TRUE(dialer.reset(id, 7));
  EXPECT_EQ(count_in<wire::ResetStreamFrame>(packet_of(dialer)), 1u);
  Session fresh(Role::Listener, SessionConfig{}, now);
  ASSERT_TRUE(dialer.on_early_answered(now, fresh.local_parameters(), false));
  fresh.on_established(now, dialer.local_parameters());
  fresh.admit(now);
  ASSERT_TRUE(dialer.handle_frames(now, packet_of(fresh)));
  const Bytes packet = packet_of(dialer);
  EXPECT_EQ(count_in<wire::ResetStreamFrame>(packet), 1u);
  EXPECT_TRUE(fresh.handle_frames(now, packet));
}

TEST_F(EarlyTest, MoreStreamsComeWithTheAnswer) {
  SessionConfig small;
  small.streams_two_way_max = 1;
  Session session(Role::Dialer, SessionConfig{}, now);
  session.begin_early(now, Session(Role::Listener, small, now).local_parameters());
  ASSERT_TRUE(session.open_stream(Direction::TwoWay, kRepeatable));
  EXPECT_EQ(session.open_stream(Direction::TwoWay, kRepeatable).error().code, StreamErrc::TooManyStreams);
  ASSERT_TRUE(session.on_early_answered(now, listener.local_parameters(), true));
  bool is_told = false;
  while (const auto event = session.poll_event()) is_told |= std::holds_alternative<StreamsAvailable>(*event);
  EXPECT_TRUE(is_told);
  EXPECT_TRUE(session.open_stream(Direction::TwoWay, kRepeatable));
}

}  // namespace
}  // namespace jetway::session::test
