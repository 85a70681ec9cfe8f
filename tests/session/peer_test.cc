// What a session makes of the frames of a peer that does as it likes: written by hand.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/session/compression.h"
#include "jetway/session/stream_context.h"
#include "tests/session/pair.h"

namespace jetway::session {
namespace {

using namespace test;

Bytes packet(const std::vector<wire::Frame>& frames) {
  std::size_t size = 0;
  for (const auto& frame : frames) size += wire::frame_size(frame);
  Bytes payload(size);
  wire::Writer out{payload};
  for (const auto& frame : frames) wire::encode_frame(out, frame);
  return payload;
}

const Bytes kPlain = {encode_preamble({})};
wire::StreamFrame stream_frame(StreamId id, std::uint64_t offset, ByteView data, bool is_final = false) {
  return {.stream_id = id, .offset = offset, .is_final = is_final, .data = data};
}

// A listener that has admitted its peer; the dialer is the test.
struct Listener {
  explicit Listener(const SessionConfig& config = {}, bool is_admitted = true,
                    const PeerParameters& peer = generous())
      : session(Role::Listener, config, now) {
    session.on_established(now, peer);
    if (is_admitted) session.admit(now);
    sent();
  }
  static PeerParameters generous() {
    return {.connection_window_bytes = 1 << 20,
            .stream_window_bytes = 1 << 20,
            .streams_two_way_max = 10,
            .streams_one_way_max = 10,
            .datagram_max_bytes = 1000,
            .message_max_bytes = 100'000,
            .idle_timeout = {},
            .compression = {Compression::Zstd, Compression::Lz4}};
  }

  // The code that it closes with; nullopt: all is well.
  std::optional<ProtocolCode> error_of(const std::vector<wire::Frame>& frames) {
    return error_of_payload(packet(frames));
  }
  std::optional<ProtocolCode> error_of_payload(ByteView payload) {
    const auto handled = session.handle_frames(now, payload);
    session.check_invariants();
    if (handled) return std::nullopt;
    EXPECT_EQ(handled.error().by, CloseReason::By::Error);
    EXPECT_FALSE(handled.error().text.empty());
    EXPECT_TRUE(session.is_closed());
    // It tells the peer, and nothing else.
    const auto frames = sent();
    EXPECT_EQ(frames.size(), 1u);
    const auto* const close = frames.empty() ? nullptr : std::get_if<wire::ConnectionCloseFrame>(&frames[0]);
    EXPECT_TRUE(close != nullptr && close->error_code == handled.error().code && !close->by_application);
    EXPECT_TRUE(session.is_close_sent());
    return static_cast<ProtocolCode>(handled.error().code);
  }
  void accept(const std::vector<wire::Frame>& frames) { EXPECT_EQ(error_of(frames), std::nullopt); }

  // All frames that it sends now.
  std::vector<wire::Frame> sent() {
    std::vector<wire::Frame> frames;
    while (session.wants_to_send()) {
      payloads.emplace_back();
      Bytes scratch(2000);
      wire::PacketWriter out{scratch, scratch.size()};
      session.write_frames(now, out, payloads.size());
      for (const ByteView part : out.parts())
        payloads.back().insert(payloads.back().end(), part.begin(), part.end());
      session.on_packet_acked(now, payloads.size());
      wire::Reader in{payloads.back()};
      while (!in.is_empty()) frames.push_back(wire::decode_frame(in).value());
    }
    return frames;
  }
  template <class Frame>
  std::vector<Frame> sent_of() {
    std::vector<Frame> found;
    for (const wire::Frame& frame : sent()) {
      if (const auto* wanted = std::get_if<Frame>(&frame)) found.push_back(*wanted);
    }
    return found;
  }
  template <class T>
  std::vector<T> events() {
    std::vector<T> found;
    while (auto event = session.poll_event()) {
      if (T* wanted = std::get_if<T>(&*event)) found.push_back(std::move(*wanted));
    }
    return found;
  }

  TimePoint now{1h};
  std::deque<Bytes> payloads;
  Session session;
};

TEST(PeerTest, StreamsAndDatagramsBeforeAdmissionAreAnError) {
  const std::vector<wire::Frame> refused = {
      stream_frame(0, 0, kPlain),       wire::ResetStreamFrame{0, 0, 0},    wire::StopSendingFrame{0, 0},
      wire::MaxStreamDataFrame{0, 100}, wire::StreamDataBlockedFrame{0, 0}, wire::DatagramFrame{kPlain},
      wire::StreamGapFrame{0, 10}};
  for (const auto& frame : refused) {
    Listener listener{{}, false};
    EXPECT_EQ(listener.error_of({frame}), ProtocolCode::ProtocolViolation) << frame.index();
  }
  Listener listener{{}, false};
  listener.accept({wire::PingFrame{5}, wire::MaxDataFrame{1u << 21},
                   wire::MaxStreamsFrame{Direction::TwoWay, 5}, wire::DataBlockedFrame{1},
                   wire::StreamsBlockedFrame{Direction::OneWay, 1}});
  EXPECT_EQ(listener.sent_of<wire::PongFrame>(), std::vector{wire::PongFrame{5}});
  EXPECT_EQ(listener.session.open_stream(Direction::OneWay).error().code, StreamErrc::NotAdmitted);
}

// ---- gaps ----

const Bytes kGappy = {encode_preamble({.delivery = DeliveryMode::BestEffort}), std::byte{'x'}};

TEST(PeerTest, OnlyStreamsThatAreNotReliableHaveGaps) {
  for (const StreamPreamble& preamble :
       {StreamPreamble{}, StreamPreamble{.is_message = true, .delivery = DeliveryMode::BestEffort}}) {
    Listener listener;
    const Bytes begin = {encode_preamble(preamble)};
    listener.accept({stream_frame(2, 0, begin)});
    EXPECT_EQ(listener.error_of({wire::StreamGapFrame{2, 5}}), ProtocolCode::ProtocolViolation);
  }
  Listener unknown;
  EXPECT_EQ(unknown.error_of({wire::StreamGapFrame{2, 5}}), ProtocolCode::ProtocolViolation);
  Listener ours;
  EXPECT_EQ(ours.error_of({wire::StreamGapFrame{3, 5}}), ProtocolCode::StreamState);
}

TEST(PeerTest, AGapKeepsToTheLimits) {
  SessionConfig config;
  config.stream_window_bytes = 100;
  config.connection_window_bytes = 150;
  Listener listener{config};
  listener.accept({stream_frame(2, 0, kGappy), wire::StreamGapFrame{2, 100}});
  EXPECT_EQ(listener.error_of({wire::StreamGapFrame{2, 101}}), ProtocolCode::FlowControl);
  Listener both{config};
  both.accept({stream_frame(2, 0, kGappy), wire::StreamGapFrame{2, 100}, stream_frame(6, 0, kGappy),
               wire::StreamGapFrame{6, 50}});
  EXPECT_EQ(both.error_of({wire::StreamGapFrame{6, 51}}), ProtocolCode::FlowControl);
}

TEST(PeerTest, AGapEndsWithItsStream) {
  Listener listener;
  listener.accept({stream_frame(2, 0, kGappy), stream_frame(2, 10, {}, true), wire::StreamGapFrame{2, 10}});
  EXPECT_EQ(listener.error_of({wire::StreamGapFrame{2, 11}}), ProtocolCode::FinalSize);
  Listener early;
  early.accept({stream_frame(2, 0, kGappy), wire::StreamGapFrame{2, 10}});
  EXPECT_EQ(early.error_of({stream_frame(2, 9, {}, true)}), ProtocolCode::FinalSize);
  Listener reset;
  reset.accept({stream_frame(2, 0, kGappy), wire::StreamGapFrame{2, 10}});
  EXPECT_EQ(reset.error_of({wire::ResetStreamFrame{2, 1, 9}}), ProtocolCode::FinalSize);
}

TEST(PeerTest, GapsOverWhatIsThereAndOldOnesChangeNothing) {
  Listener listener;
  const Bytes data = pattern(50);
  listener.accept({stream_frame(2, 0, kGappy), stream_frame(2, 10, data), wire::StreamGapFrame{2, 60},
                   wire::StreamGapFrame{2, 5}, wire::StreamGapFrame{2, 0}});
  Bytes out(100);
  auto read = listener.session.read(2, out);
  EXPECT_EQ(read->bytes, 1u);
  read = listener.session.read(2, out);
  EXPECT_EQ(read->skipped_bytes, 8u);
  EXPECT_TRUE(equal_bytes(ByteView{out}.first(read->bytes), data));
  listener.accept({wire::StreamGapFrame{2, 60}, stream_frame(2, 2, Bytes(8)), stream_frame(2, 60, {}, true)});
  EXPECT_TRUE(listener.session.read(2, out)->is_end);
  listener.accept({wire::StreamGapFrame{2, 60}});  // of a stream that is over
}

TEST(PeerTest, AGapIsConsumedLikeData) {
  SessionConfig config;
  config.stream_window_bytes = config.stream_window_max_bytes = 100;
  Listener listener{config};
  Bytes out(10);
  listener.accept({stream_frame(2, 0, kGappy)});
  EXPECT_EQ(listener.session.read(2, out)->bytes, 1u);
  for (std::uint64_t end = 80; end < 2'000; end += 80) {
    listener.accept({wire::StreamGapFrame{2, end}});
    EXPECT_GT(listener.session.read(2, out)->skipped_bytes, 0u);
    EXPECT_FALSE(listener.sent_of<wire::MaxStreamDataFrame>().empty());
  }
}

TEST(PeerTest, OnlyAListenerAdmits) {
  Listener listener;
  EXPECT_EQ(listener.error_of({wire::AdmittedFrame{}}), ProtocolCode::ProtocolViolation);
}

TEST(PeerTest, UnknownAndBrokenFramesAreEncodingErrors) {
  for (const Bytes& payload :
       {Bytes{std::byte{0x21}}, Bytes{std::byte{0x40}, std::byte{0x08}}, Bytes{std::byte{0x04}}}) {
    Listener listener;
    EXPECT_EQ(listener.error_of_payload(payload), ProtocolCode::FrameEncoding);
  }
  Listener listener;
  EXPECT_EQ(listener.error_of({wire::CryptoFrame{0, kPlain}}), ProtocolCode::ProtocolViolation);
}

TEST(PeerTest, PaddingIsNothing) {
  Listener listener;
  EXPECT_EQ(listener.error_of_payload(Bytes(100)), std::nullopt);
}

TEST(PeerTest, StreamLimitsHold) {
  SessionConfig config;
  config.streams_two_way_max = 3;
  config.streams_one_way_max = 0;
  for (const StreamId id : {12u, 2u}) {
    Listener listener{config};
    EXPECT_EQ(listener.error_of({stream_frame(id, 0, kPlain)}), ProtocolCode::StreamLimit) << id;
  }
  Listener listener{config};
  listener.accept({stream_frame(8, 0, kPlain)});
  EXPECT_EQ(listener.events<StreamOpened>().size(), 1u);  // the others when their first byte comes
  listener.accept({stream_frame(0, 0, kPlain), stream_frame(4, 0, kPlain)});
  EXPECT_EQ(listener.events<StreamOpened>().size(), 2u);
}

TEST(PeerTest, FramesOfTheWrongDirectionAreStateErrors) {
  const std::vector<wire::Frame> wrong = {// One-way streams that the peer opened: we do not send on them.
                                          wire::StopSendingFrame{2, 0}, wire::MaxStreamDataFrame{2, 0},
                                          // Ours: the peer does not; and streams that we never opened.
                                          stream_frame(3, 0, kPlain), wire::ResetStreamFrame{3, 0, 0},
                                          wire::StreamDataBlockedFrame{3, 0}, stream_frame(5, 0, kPlain),
                                          wire::StopSendingFrame{7, 0}};
  for (const auto& frame : wrong) {
    Listener listener;
    ASSERT_TRUE(listener.session.open_stream(Direction::OneWay));
    EXPECT_EQ(listener.error_of({frame}), ProtocolCode::StreamState) << frame.index();
  }
}

TEST(PeerTest, FlowControlOfAStreamHolds) {
  SessionConfig config;
  config.stream_window_bytes = config.stream_window_max_bytes = 1000;
  const Bytes data(1001);
  Listener at_limit{config};
  at_limit.accept({stream_frame(0, 0, ByteView{data}.first(1000))});
  Listener beyond{config};
  EXPECT_EQ(beyond.error_of({stream_frame(0, 0, data)}), ProtocolCode::FlowControl);
  Listener far{config};
  EXPECT_EQ(far.error_of({stream_frame(0, 1000, kPlain)}), ProtocolCode::FlowControl);
  Listener reset{config};
  EXPECT_EQ(reset.error_of({wire::ResetStreamFrame{0, 0, 1001}}), ProtocolCode::FlowControl);
}

TEST(PeerTest, FlowControlOfTheConnectionHolds) {
  SessionConfig config;
  config.connection_window_bytes = config.connection_window_max_bytes = 1000;
  const Bytes data(501);
  Listener listener{config};
  listener.accept({stream_frame(0, 0, ByteView{data}.first(500))});
  EXPECT_EQ(listener.error_of({stream_frame(4, 0, data)}), ProtocolCode::FlowControl);
}

TEST(PeerTest, RepeatedDataCountsOnce) {
  SessionConfig config;
  config.connection_window_bytes = config.connection_window_max_bytes = 1000;
  Listener listener{config};
  const Bytes data(900);
  for (int i = 0; i < 5; ++i) listener.accept({stream_frame(0, 0, data)});
}

TEST(PeerTest, ContradictoryFinalSizesAreErrors) {
  const Bytes data(10);
  const std::vector<std::vector<wire::Frame>> contradictions = {
      {stream_frame(0, 0, data, true), stream_frame(0, 10, data)},         // more behind the end
      {stream_frame(0, 0, data, true), stream_frame(0, 0, kPlain, true)},  // an earlier end
      {stream_frame(0, 5, data), stream_frame(0, 0, kPlain, true)},        // an end below what has come
      {stream_frame(0, 0, data, true), wire::ResetStreamFrame{0, 1, 11}},
      {stream_frame(0, 0, data), wire::ResetStreamFrame{0, 1, 9}},
      {wire::ResetStreamFrame{0, 1, 9}, wire::ResetStreamFrame{0, 1, 10}},
      {wire::ResetStreamFrame{0, 1, 9}, stream_frame(0, 5, data)}};
  for (std::size_t i = 0; i < contradictions.size(); ++i) {
    Listener listener;
    EXPECT_EQ(listener.error_of(contradictions[i]), ProtocolCode::FinalSize) << i;
  }
}

TEST(PeerTest, StreamsNeedAPreamble) {
  for (const std::byte first : {std::byte{0x03}, std::byte{0x21}, std::byte{0x60}, std::byte{0x80}}) {
    Listener listener;
    EXPECT_EQ(listener.error_of({stream_frame(0, 0, {&first, 1})}), ProtocolCode::FrameEncoding);
  }
  Listener empty;
  EXPECT_EQ(empty.error_of({stream_frame(0, 0, {}, true)}), ProtocolCode::FrameEncoding);
  Listener two_way;
  const Bytes message = {encode_preamble({.is_message = true})};
  EXPECT_EQ(two_way.error_of({stream_frame(0, 0, message)}), ProtocolCode::ProtocolViolation);
}

TEST(PeerTest, CompressionHasToBeAgreed) {
  SessionConfig config;
  config.compression = {Compression::Lz4};
  const Bytes zstd = {encode_preamble({.compression = Compression::Zstd})};
  const Bytes lz4 = {encode_preamble({.compression = Compression::Lz4})};
  Listener listener{config};
  listener.accept({stream_frame(0, 0, lz4)});
  EXPECT_EQ(listener.error_of({stream_frame(4, 0, zstd)}), ProtocolCode::FrameEncoding);
}

TEST(PeerTest, AStreamThatEndsInsideAUnitIsAnError) {
  Bytes data = {encode_preamble({.compression = Compression::Lz4})};
  const auto header = encode_unit_header(100, 100);
  data.insert(data.end(), header.view().begin(), header.view().end());
  Listener listener;
  EXPECT_EQ(listener.error_of({stream_frame(0, 0, data, true)}), ProtocolCode::FrameEncoding);
}

// Broken content that shows only when the application reads; it closes the connection then.
Bytes good_unit_before_broken_one() {
  Codec codec;
  const Bytes raw = text_like(10'000);
  Bytes data = {encode_preamble({.compression = Compression::Lz4})};
  const Bytes stored = to_bytes(codec.compress(Compression::Lz4, raw).value());
  const auto header = encode_unit_header(raw.size(), stored.size());
  data.insert(data.end(), header.view().begin(), header.view().end());
  data.insert(data.end(), stored.begin(), stored.end());
  const auto bomb = encode_unit_header(1 << 20, 5);
  data.insert(data.end(), bomb.view().begin(), bomb.view().end());
  return data;
}

TEST(PeerTest, BrokenContentBehindAGoodUnitShowsWhenItIsRead) {
  const Bytes data = good_unit_before_broken_one();
  Listener listener;
  listener.accept({stream_frame(0, 0, data)});
  Bytes out(10'000);
  EXPECT_EQ(listener.session.read(0, MutableBytes{out}.first(100))->bytes, 100u);
  EXPECT_EQ(listener.session.read(0, out).error().code, StreamErrc::ConnectionClosed);
  ASSERT_TRUE(listener.session.close_reason());
  EXPECT_EQ(listener.session.close_reason()->code, static_cast<std::uint64_t>(ProtocolCode::FrameEncoding));
  EXPECT_EQ(listener.sent_of<wire::ConnectionCloseFrame>().size(), 1u);
}

TEST(PeerTest, APostedReadThatFailsHasGivenTheMemoryBack) {
  const Bytes data = good_unit_before_broken_one();
  Listener listener;
  listener.accept({stream_frame(0, 0, data)});
  Bytes out(10'000);
  ASSERT_TRUE(listener.session.read(0, MutableBytes{out}.first(100)));
  EXPECT_EQ(listener.session.post_read(0, out).error().code, StreamErrc::ConnectionClosed);
  EXPECT_FALSE(listener.session.take_posted_read(0));
  EXPECT_EQ(listener.session.read(0, out).error().code, StreamErrc::ConnectionClosed);
}

TEST(PeerTest, AMessageAboveTheLimitIsAnError) {
  SessionConfig config;
  config.message_max_bytes = 5'000;
  Bytes data(5'001, encode_preamble({.is_message = true}));
  Listener fits{config};
  fits.accept({stream_frame(2, 0, data, true)});
  const auto messages = fits.events<MessageReceived>();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].message.size(), 5'000u);
  data.push_back({});
  Listener too_large{config};
  EXPECT_EQ(too_large.error_of({stream_frame(2, 0, data, true)}), ProtocolCode::ProtocolViolation);
}

TEST(PeerTest, ADatagramAboveTheLimitIsAnError) {
  SessionConfig config;
  config.datagram_max_bytes = 10;
  Listener listener{config};
  const Bytes data(11);
  listener.accept({wire::DatagramFrame{ByteView{data}.first(10)}});
  EXPECT_EQ(listener.error_of({wire::DatagramFrame{data}}), ProtocolCode::ProtocolViolation);
  config.datagram_max_bytes = 0;
  Listener none{config};
  EXPECT_EQ(none.error_of({wire::DatagramFrame{}}), ProtocolCode::ProtocolViolation);
}

TEST(PeerTest, APingFloodIsAnsweredByAFewPongs) {
  Listener listener;
  std::vector<wire::Frame> pings;
  for (std::uint64_t i = 0; i < 10'000; ++i) pings.push_back(wire::PingFrame{i});
  listener.accept(pings);
  const auto pongs = listener.sent_of<wire::PongFrame>();
  EXPECT_EQ(pongs.size(), 4u);
  EXPECT_EQ(pongs.back().token, 9'999u);
}

// RESETs that a peer can make us queue are bounded by the streams that it may open.
TEST(PeerTest, AStopFloodIsBoundedByTheStreamLimit) {
  Listener listener;
  for (std::uint64_t round = 0; round < 3; ++round) {
    std::vector<wire::Frame> stops;
    for (std::uint64_t i = 0; i < 128; ++i) stops.push_back(wire::StopSendingFrame{i * 4, 7});
    listener.accept(stops);
  }
  EXPECT_EQ(listener.sent_of<wire::ResetStreamFrame>().size(), 128u);
}

TEST(PeerTest, FramesOfStreamsThatAreOverAreIgnored) {
  Listener listener;
  Bytes data = kPlain;
  listener.accept({stream_frame(2, 0, data, true)});
  Bytes out(10);
  EXPECT_TRUE(listener.session.read(2, out)->is_end);
  EXPECT_EQ(listener.session.read(2, out).error().code, StreamErrc::NoSuchStream);
  listener.accept(
      {stream_frame(2, 0, data, true), wire::ResetStreamFrame{2, 0, 1}, wire::StreamDataBlockedFrame{2, 1}});
}

TEST(PeerTest, AResetBeforeThePreambleIsToldWhereWeHaveASide) {
  Listener listener;
  listener.accept({wire::ResetStreamFrame{0, 9, 0}, wire::ResetStreamFrame{2, 9, 0}});
  const auto opened = listener.events<StreamOpened>();
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_EQ(opened[0].id, 0u);
  Bytes out(1);
  const auto read = listener.session.read(0, out);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, StreamErrc::Reset);
  EXPECT_EQ(read.error().peer_code, 9u);
}

TEST(PeerTest, StopSendingIsToldAfterTheStreamIs) {
  Listener listener;
  listener.accept({wire::StopSendingFrame{0, 5}});
  EXPECT_FALSE(listener.session.poll_event());
  EXPECT_EQ(listener.sent_of<wire::ResetStreamFrame>(), (std::vector{wire::ResetStreamFrame{0, 5, 0}}));
  listener.accept({stream_frame(0, 0, kPlain)});
  EXPECT_TRUE(std::holds_alternative<StreamOpened>(listener.session.poll_event().value()));
  const auto stopped = listener.session.poll_event();
  ASSERT_TRUE(stopped && std::holds_alternative<StreamStopped>(*stopped));
  EXPECT_EQ(std::get<StreamStopped>(*stopped).code, 5u);
  EXPECT_EQ(listener.session.write(0, kPlain).error().code, StreamErrc::Stopped);
}

TEST(PeerTest, BlockedIsSaidOncePerLimit) {
  PeerParameters peer = Listener::generous();
  peer.stream_window_bytes = 10;
  peer.streams_one_way_max = 1;
  Listener listener{{}, true, peer};
  const StreamId id = listener.session.open_stream(Direction::OneWay).value();
  EXPECT_EQ(listener.session.open_stream(Direction::OneWay).error().code, StreamErrc::TooManyStreams);
  EXPECT_EQ(listener.session.open_stream(Direction::OneWay).error().code, StreamErrc::TooManyStreams);
  ASSERT_TRUE(listener.session.write(id, Bytes(100)));
  auto frames = listener.sent();
  const auto count = [&]<class Frame>(const Frame&) {
    return std::ranges::count_if(frames,
                                 [](const auto& frame) { return std::holds_alternative<Frame>(frame); });
  };
  EXPECT_EQ(count(wire::StreamDataBlockedFrame{}), 1);
  EXPECT_EQ(count(wire::StreamsBlockedFrame{}), 1);
  ASSERT_TRUE(listener.session.write(id, Bytes(100)));
  EXPECT_TRUE(listener.sent().empty());
  listener.accept({wire::MaxStreamDataFrame{id, 20}, wire::MaxStreamsFrame{Direction::OneWay, 2}});
  EXPECT_EQ(listener.events<StreamsAvailable>().size(), 1u);
  frames = listener.sent();
  EXPECT_EQ(count(wire::StreamDataBlockedFrame{}), 1);
  EXPECT_TRUE(listener.session.open_stream(Direction::OneWay));
}

TEST(PeerTest, ThePeersCloseIsReported) {
  Listener listener;
  const auto handled = listener.session.handle_frames(
      listener.now, packet({wire::ConnectionCloseFrame{true, 42, as_bytes("bye")}, wire::PingFrame{1}}));
  ASSERT_FALSE(handled);
  EXPECT_EQ(handled.error(),
            (CloseReason{.by = CloseReason::By::Peer, .by_application = true, .code = 42, .text = "bye"}));
  EXPECT_FALSE(listener.session.wants_to_send());
  EXPECT_TRUE(listener.session.is_close_sent());
}

// Goal: whatever arrives, a session ends with an error or keeps its invariants.
// Method: random frames with plausible fields, some of them cut.
TEST(PeerTest, ArbitraryFramesNeverBreakIt) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random{seed};
    SessionConfig config;
    config.stream_window_bytes = 2'000;
    config.connection_window_bytes = 5'000;
    config.streams_two_way_max = 5;
    Listener listener{config};
    const Bytes data = pattern(500, seed);
    for (std::size_t i = 0; i < 300; ++i) {
      const StreamId id = random.below(24);
      const ByteView some = ByteView{data}.first(random.below(data.size()));
      std::vector<wire::Frame> frames;
      switch (random.below(8)) {
        case 0:
          frames = {stream_frame(id, 0, kPlain)};
          break;
        case 1:
          frames = {stream_frame(id, 1 + random.below(1'000), some, random.below(8) == 0)};
          break;
        case 2:
          frames = {wire::ResetStreamFrame{id, 1, random.below(1'500)}};
          break;
        case 3:
          frames = {wire::StopSendingFrame{id, 2}};
          break;
        case 4:
          frames = {wire::MaxStreamDataFrame{id, random.below(10'000)}};
          break;
        case 5:
          frames = {wire::MaxDataFrame{random.below(10'000)}};
          break;
        case 6:
          frames = {wire::MaxStreamsFrame{Direction::TwoWay, random.below(100)}};
          break;
        default:
          Bytes out(300);
          (void)listener.session.read(id, out);
          (void)listener.session.write(id, some);
          (void)listener.session.open_stream(Direction::TwoWay);
          (void)listener.sent();
      }
      if (!listener.session.handle_frames(listener.now, packet(frames))) break;
      listener.session.check_invariants();
    }
  }
}

}  // namespace
}  // namespace jetway::session
