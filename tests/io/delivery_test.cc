#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/io/connection.h"
#include "jetway/io/event_loop.h"
#include "tests/sim/loopback.h"

// Streams that are not reliable, through the coroutines.
namespace jetway::io {
namespace {

struct GappyRead {
  std::uint64_t bytes = 0;
  std::uint64_t skipped_bytes = 0;
  bool is_as_written = true;
  bool is_end = false;
};

// Reads to the end and compares every byte with the one that was written at its place.
Task<GappyRead> read_with_gaps(Stream stream, const Bytes* written, bool reads_full) {
  GappyRead all;
  Bytes part(50'000);
  while (!all.is_end) {
    const auto got = reads_full ? co_await stream.read_full(part) : co_await stream.read(part);
    if (!got || got->is_nothing()) break;
    all.skipped_bytes += got->skipped_bytes;
    const std::uint64_t offset = all.bytes + all.skipped_bytes;
    all.is_as_written &=
        offset + got->bytes <= written->size() &&
        equal_bytes(ByteView{part}.first(got->bytes),
                    ByteView{*written}.subspan(static_cast<std::size_t>(offset), got->bytes));
    all.bytes += got->bytes;
    all.is_end = got->is_end;
  }
  co_return all;
}

Task<void> write_in_a_hurry(Connection connection, const Bytes* content) {
  const session::StreamOptions options{
      .delivery = {.mode = session::DeliveryMode::PartiallyReliable, .deadline = Duration{1}}};
  auto stream = co_await connection.open_stream(session::Direction::OneWay, options);
  if (!stream) co_return;
  static_cast<void>(co_await stream->write(ByteView{*content}));
  static_cast<void>(stream->finish());
  static_cast<void>(co_await stream->drained());
}

Task<GappyRead> accept_and_read(Connection connection, const Bytes* written, bool reads_full) {
  auto accepted = co_await connection.accept_stream();
  if (!accepted) co_return GappyRead{};
  co_return co_await read_with_gaps(accepted->stream, written, reads_full);
}

// Goal: a reader learns of every gap, whether it reads what there is or wants its memory filled.
// Method: more than the peer's window lets out at once is written with a deadline that has passed when the
// window opens; on a slow machine even before.
TEST(DeliveryTest, WhatComesAndWhatIsLeftOutIsAllThatWasWritten) {
  for (const bool reads_full : {false, true}) {
    EventLoop loop;
    sim::ConnectedPair pair = loop.run_until_done(sim::connect_pair(
        &loop, sim::loopback_address(), sim::make_transport_config(), sim::make_transport_config()));
    Bytes content(8'000'000);
    SeededRandom{5}.fill(content);
    loop.spawn(write_in_a_hurry(pair.dialer, &content));
    const GappyRead got = loop.run_until_done(accept_and_read(pair.accepted, &content, reads_full));
    EXPECT_TRUE(got.is_end);
    EXPECT_TRUE(got.is_as_written);
    EXPECT_EQ(got.bytes + got.skipped_bytes, content.size());
    EXPECT_GT(got.skipped_bytes, 0u);
  }
}

}  // namespace
}  // namespace jetway::io
