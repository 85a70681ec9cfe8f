#include <map>

#include <gtest/gtest.h>

#include "jetway/session/session.h"
#include "tests/session/pair.h"

namespace jetway::session {
namespace {

using namespace test;

TEST(SessionTest, AReaderThatDoesNotReadStopsTheWriter) {
  SessionConfig config;
  config.stream_window_bytes = 10'000;
  config.connection_window_bytes = 15'000;
  config.send_buffer_bytes = 20'000;
  Pair pair = Pair::admitted_same(config);
  const Bytes data = pattern(200'000);
  const StreamId first = pair.dialer.session.open_stream(Direction::OneWay).value();
  const StreamId second = pair.dialer.session.open_stream(Direction::OneWay).value();
  const auto write_until_full = [&](StreamId id) {
    std::size_t written = 0;
    while (const std::size_t taken = pair.dialer.session.write(id, ByteView{data}.subspan(written)).value()) {
      written += taken;
      pair.settle();
    }
    return written;
  };
  // The window, less the preamble, and the send buffer; then what is left of the connection's window.
  EXPECT_EQ(write_until_full(first), 29'999u);
  EXPECT_EQ(write_until_full(second), 24'999u);
  const std::size_t told = pair.dialer.count<StreamWritable>();
  const Bytes read = read_all(pair, pair.listener, first);
  EXPECT_EQ(read.size(), 9'999u);
  pair.settle();
  EXPECT_GT(pair.dialer.count<StreamWritable>(), told);
  Bytes all = read;
  while (all.size() < 29'999) {
    pair.settle();
    const Bytes more = read_all(pair, pair.listener, first);
    ASSERT_FALSE(more.empty());
    all.insert(all.end(), more.begin(), more.end());
  }
  EXPECT_TRUE(equal_bytes(all, ByteView{data}.first(29'999)));
}

// Goal: over a long fat pipe the window grows to what the pipe holds, without being told.
TEST(SessionTest, WindowsGrowWithTheRoundTrip) {
  SessionConfig config;
  config.stream_window_bytes = 20'000;
  config.connection_window_bytes = 30'000;
  config.stream_window_max_bytes = 1 << 20;
  config.connection_window_max_bytes = 2 << 20;
  const Bytes data = pattern(3'000'000);
  const auto seconds = [&](const SessionConfig& used) {
    Pair pair = Pair::admitted_same(used, {.delay = 50ms});
    EXPECT_TRUE(pair.dialer.session.rtt().has_value());
    const TimePoint begin = pair.now;
    EXPECT_EQ(transfer(pair, pair.dialer, pair.listener, data, {}, 100'000), data);
    return std::chrono::duration<double>(pair.now - begin).count();
  };
  const double grown = seconds(config);
  config.stream_window_max_bytes = config.stream_window_bytes;
  config.connection_window_max_bytes = config.connection_window_bytes;
  const double fixed = seconds(config);
  EXPECT_LT(grown * 5, fixed);
}

TEST(SessionTest, ClassesShareThePipeByWeight) {
  SessionConfig config;
  config.stream_window_bytes = config.connection_window_bytes = 100 << 20;
  config.stream_window_max_bytes = config.connection_window_max_bytes = 100 << 20;
  config.send_buffer_bytes = 20 << 20;
  Pair pair = Pair::admitted_same(config);
  const Bytes data = pattern(10 << 20);
  std::map<Priority, StreamId> streams;
  for (const Priority priority : {Priority::Bulk, Priority::Chat, Priority::Media}) {
    streams[priority] = pair.dialer.session.open_stream(Direction::OneWay, {.priority = priority}).value();
    ASSERT_EQ(pair.dialer.session.write(streams[priority], data).value(), data.size());
  }
  for (int i = 0; i < 130; ++i) pair.step();
  std::map<Priority, double> share;
  for (const auto& [priority, id] : streams) {
    share[priority] = static_cast<double>(read_all(pair, pair.listener, id).size());
  }
  EXPECT_NEAR(share[Priority::Media] / share[Priority::Bulk], 8, 1);
  EXPECT_NEAR(share[Priority::Chat] / share[Priority::Bulk], 4, 0.5);
  // System overtakes all of them.
  const StreamId urgent =
      pair.dialer.session.open_stream(Direction::OneWay, {.priority = Priority::System}).value();
  ASSERT_TRUE(pair.dialer.session.write(urgent, as_bytes("now")));
  pair.step();
  EXPECT_EQ(as_text(read_all(pair, pair.listener, urgent)), "now");
}

TEST(SessionTest, BuffersAreSentFromWhereTheyLie) {
  struct Recycler final : BufferRecycler {
    void recycle(std::byte*, std::size_t) noexcept override { ++count; }
    int count = 0;
  } recycler;
  Pair pair = Pair::admitted();
  const Bytes data = pattern(300'000);
  Bytes memory = data;
  Buffer buffer{memory.data(), memory.size(), recycler};
  buffer.resize(memory.size());
  const StreamId id = pair.dialer.session.open_stream(Direction::OneWay).value();
  EXPECT_TRUE(pair.dialer.session.write(id, buffer).value());
  EXPECT_TRUE(buffer.empty());
  ASSERT_TRUE(pair.dialer.session.finish(id));
  Bytes scratch(64 * 1024);
  wire::PacketWriter packet{scratch, scratch.size()};
  pair.dialer.session.write_frames(pair.now, packet, 1'000'000);
  const ByteView tail = packet.parts()[1];
  EXPECT_GT(tail.size(), 60'000u);
  EXPECT_TRUE(tail.data() >= memory.data() && tail.data() < memory.data() + memory.size());
  pair.dialer.session.on_packet_lost(pair.now, 1'000'000);
  pair.dialer.next_packet = 1'000'001;
  EXPECT_EQ(recycler.count, 0);
  pair.settle();
  EXPECT_EQ(recycler.count, 1);
  EXPECT_EQ(read_all(pair, pair.listener, id), data);
}

TEST(SessionTest, ABufferOfAnySizeGoesThroughAnEmptySendBuffer) {
  SessionConfig config;
  config.send_buffer_bytes = 10'000;
  Pair pair = Pair::admitted_same(config);
  const StreamId id = pair.dialer.session.open_stream(Direction::OneWay).value();
  Buffer large = Buffer::copy_of(pattern(100'000));
  EXPECT_TRUE(pair.dialer.session.write(id, large).value());
  Buffer refused = Buffer::copy_of(pattern(100));
  EXPECT_FALSE(pair.dialer.session.write(id, refused).value());
  EXPECT_EQ(refused.size(), 100u);
  pair.settle();
  EXPECT_EQ(pair.dialer.count<StreamWritable>(), 1u);
  EXPECT_TRUE(pair.dialer.session.write(id, refused).value());
}

}  // namespace
}  // namespace jetway::session
