#include "jetway/framed/connection.h"

#include <algorithm>
#include <chrono>

#include <gtest/gtest.h>

#include "jetway/wire/packet_decoder.h"
#include "tests/sim/framed_link.h"
#include "tests/sim/seed.h"

namespace jetway::framed {
namespace {

using namespace std::chrono_literals;
using sim::FramedEnd;
using sim::FramedLink;
using sim::FramedLinkConfig;

constexpr std::size_t kRuns = 20;

Bytes pattern(std::size_t size, std::uint64_t seed) {
  Bytes bytes(size);
  SeededRandom(seed).fill(bytes);
  return bytes;
}

// A pipe that delays, splits and coalesces by chance.
FramedLinkConfig rough_link(std::uint64_t seed) {
  SeededRandom random(seed);
  FramedLinkConfig config;
  config.seed = seed;
  for (sim::BytePipeConfig* pipe : {&config.to_listener, &config.to_dialer}) {
    pipe->delay_max = std::chrono::milliseconds(random.below(20));
    pipe->piece_max_bytes = 1 + static_cast<std::size_t>(random.below(random.below(2) == 0 ? 100 : 100'000));
    pipe->capacity_bytes = 70'000 + static_cast<std::size_t>(random.below(1 << 20));
  }
  return config;
}

// Writes `content` on a new stream of `from` and reads it at `to`.
class Transfer {
 public:
  Transfer(FramedEnd& from, FramedEnd& to, Bytes content)
      : from_(from),
        to_(to),
        content_(std::move(content)),
        id_(*from.session().open_stream(wire::Direction::OneWay)) {}

  // Moves on what can be moved on; true when all has arrived.
  bool advance() {
    if (sent_ < content_.size()) {
      sent_ += from_.session().write(id_, ByteView{content_}.subspan(sent_)).value_or(0);
      if (sent_ == content_.size()) static_cast<void>(from_.session().finish(id_));
    }
    Bytes buffer(50'000);
    while (!is_at_end_) {
      const auto result = to_.session().read(id_, buffer);
      if (!result || (result->bytes == 0 && !result->is_end)) break;
      received_.insert(received_.end(), buffer.begin(),
                       buffer.begin() + static_cast<std::ptrdiff_t>(result->bytes));
      is_at_end_ = result->is_end;
    }
    return is_at_end_;
  }
  bool is_intact() const { return received_ == content_; }

 private:
  FramedEnd& from_;
  FramedEnd& to_;
  Bytes content_;
  session::StreamId id_;
  std::size_t sent_ = 0;
  Bytes received_;
  bool is_at_end_ = false;
};

TEST(FramedConnectionTest, BothEndsLearnWhoTheOtherIs) {
  FramedLink link({});
  ASSERT_TRUE(link.connect());
  const auto* at_dialer = link.dialer().find_event<PeerAuthenticated>();
  const auto* at_listener = link.listener().find_event<PeerAuthenticated>();
  ASSERT_NE(at_dialer, nullptr);
  ASSERT_NE(at_listener, nullptr);
  EXPECT_EQ(at_dialer->peer, link.listener().id);
  EXPECT_EQ(at_listener->peer, link.dialer().id);
  EXPECT_EQ(link.dialer().engine.peer(), link.listener().id);
  EXPECT_EQ(link.dialer().engine.suite(), link.listener().engine.suite());
}

TEST(FramedConnectionTest, DataArrivesIntactBothWaysOverRoughPipes) {
  const std::uint64_t first = sim::seed_from_environment(1);
  for (std::uint64_t seed = first; seed < first + kRuns; ++seed) {
    SCOPED_TRACE(sim::replay_hint(seed));
    FramedLink link(rough_link(seed));
    ASSERT_TRUE(link.connect());
    Transfer up(link.dialer(), link.listener(), pattern(700'000, seed));
    Transfer down(link.listener(), link.dialer(), pattern(300'000, seed + 1));
    ASSERT_TRUE(link.run_until([&] {
      const bool is_up = up.advance();
      return down.advance() && is_up;
    }));
    EXPECT_TRUE(up.is_intact());
    EXPECT_TRUE(down.is_intact());
  }
}

TEST(FramedConnectionTest, KeysChangeOnBothSidesWithoutLosingAByte) {
  FramedLinkConfig config = rough_link(7);
  config.dialer.key_update_bytes = 20'000;
  config.listener.key_update_bytes = 50'000;
  config.dialer.packet_payload_bytes = 4'096;
  FramedLink link(config);
  ASSERT_TRUE(link.connect());
  Transfer up(link.dialer(), link.listener(), pattern(500'000, 3));
  Transfer down(link.listener(), link.dialer(), pattern(500'000, 4));
  ASSERT_TRUE(link.run_until([&] {
    const bool is_up = up.advance();
    return down.advance() && is_up;
  }));
  EXPECT_TRUE(up.is_intact());
  EXPECT_TRUE(down.is_intact());
}

TEST(FramedConnectionTest, PacketsAreNoLongerThanConfigured) {
  for (const std::size_t payload_bytes : {std::size_t{1024}, std::size_t{5000}, std::size_t{1} << 20}) {
    FramedLinkConfig config;
    config.dialer.packet_payload_bytes = payload_bytes;
    config.to_listener.capacity_bytes = 4 << 20;
    FramedLink link(config);
    ASSERT_TRUE(link.connect());
    Transfer up(link.dialer(), link.listener(), pattern(3'000'000, 5));
    ASSERT_TRUE(link.run_until([&] { return up.advance(); }));
    EXPECT_TRUE(up.is_intact());

    wire::PacketDecoder decoder(wire::kPacketPayloadMaxBytes);
    std::size_t largest = 0;
    ByteView captured = link.pipe_to_listener().captured();
    while (!captured.empty()) {
      const MutableBytes room = decoder.prepare();
      const std::size_t count = std::min(room.size(), captured.size());
      copy_bytes(room, captured.first(count));
      decoder.commit(count);
      captured = captured.subspan(count);
      for (auto packet = decoder.poll(); packet && *packet; packet = decoder.poll()) {
        largest = std::max(largest, (*packet)->payload.size());
      }
    }
    EXPECT_LE(largest, payload_bytes);
    EXPECT_GT(largest, payload_bytes - payload_bytes / 8);
  }
}

// Goal: who listens on the wire learns neither content nor who is talking.
// Method: look for them in all bytes of a connection that carried a recognizable text.
TEST(FramedConnectionTest, TheWireShowsNeitherContentNorIdentities) {
  FramedLink link({});
  ASSERT_TRUE(link.connect());
  const std::string_view secret = "the quick brown fox jumps over the lazy dog";
  Bytes content;
  for (int i = 0; i < 1'000; ++i)
    content.insert(content.end(), as_bytes(secret).begin(), as_bytes(secret).end());
  Transfer up(link.dialer(), link.listener(), content);
  ASSERT_TRUE(link.run_until([&] { return up.advance(); }));
  ASSERT_TRUE(up.is_intact());
  link.dialer().engine.close(link.now(), 5, secret);
  ASSERT_TRUE(link.run_until([&] { return link.is_over(); }));

  Bytes wire = link.pipe_to_listener().captured();
  wire.insert(wire.end(), link.pipe_to_dialer().captured().begin(), link.pipe_to_dialer().captured().end());
  ASSERT_GT(wire.size(), content.size());
  const auto occurs = [&wire](ByteView what) { return !std::ranges::search(wire, what).empty(); };
  EXPECT_FALSE(occurs(as_bytes(secret.substr(0, 12))));
  for (const FramedEnd* end : {&link.dialer(), &link.listener()}) {
    EXPECT_FALSE(occurs(end->id.bytes()));
    EXPECT_FALSE(occurs(as_bytes(end->id.to_text())));
  }
  EXPECT_TRUE(occurs(ByteView{wire}.subspan(100, 12)));  // the search does find what is there
}

TEST(FramedConnectionTest, AListenerThatWaitsKeepsTheDialerFromOpeningStreams) {
  FramedLinkConfig config;
  config.admits = false;
  FramedLink link(config);
  link.run_for(1s);
  ASSERT_TRUE(link.dialer().engine.is_established());
  ASSERT_TRUE(link.listener().engine.is_established());
  EXPECT_FALSE(link.dialer().session().open_stream(wire::Direction::TwoWay).has_value());
  link.listener().engine.admit(link.now());
  ASSERT_TRUE(link.connect());
  EXPECT_TRUE(link.dialer().session().open_stream(wire::Direction::TwoWay).has_value());
}

TEST(FramedConnectionTest, CountersCountWhatIsSealed) {
  FramedLink link({});
  ASSERT_TRUE(link.connect());
  Transfer up(link.dialer(), link.listener(), pattern(200'000, 5));
  ASSERT_TRUE(link.run_until([&] { return up.advance(); }));
  const auto sent = link.dialer().session().counters().snapshot();
  const auto received = link.listener().session().counters().snapshot();
  EXPECT_GE(sent.bytes_sent, 200'000u);
  EXPECT_EQ(sent.packets_sent, received.packets_received);
  EXPECT_EQ(sent.bytes_sent, received.bytes_received);
}

}  // namespace
}  // namespace jetway::framed
