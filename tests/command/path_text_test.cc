#include "apps/jetway/path_text.h"

#include <gtest/gtest.h>

namespace jetway::command {
namespace {

using namespace std::chrono_literals;
using session::LimitedBy;

io::ConnectionInfo info() {
  io::ConnectionInfo connection;
  connection.transport = "jsp";
  connection.local_address = "192.0.2.1:1";
  connection.remote_address = "jsp://192.0.2.7:4717";
  return connection;
}

TEST(PathTextTest, WhatIsNotKnownIsNotSaid) {
  EXPECT_EQ(path_words(info(), std::nullopt), "jsp");
  EXPECT_EQ(path_line(info(), std::nullopt), "path jsp 192.0.2.1:1 to jsp://192.0.2.7:4717:");
}

TEST(PathTextTest, EverythingThatIsKnownIsSaidInWords) {
  io::ConnectionInfo connection = info();
  session::PathStatistics& path = connection.path;
  path.rtt = 12'340us;
  path.min_rtt = 11'800us;
  path.packets_sent = 1000;
  path.packets_lost = 4;
  path.bytes_retransmitted = 1'200'000;
  path.packets_repaired = 1037;
  path.congestion_window_bytes = 1'200'000;
  path.pacing_bytes_per_second = 117'000'000;
  path.mtu_bytes = 1472;
  path.paths = 2;
  EXPECT_EQ(path_words(connection, LimitedBy::Congestion),
            "jsp, RTT 12.3 ms, 0.40 % lost, 1,037 repaired, limited by congestion");
  EXPECT_EQ(
      path_line(connection, LimitedBy::ReceiverWindow),
      "path jsp 192.0.2.1:1 to jsp://192.0.2.7:4717: 2 paths, RTT 12.3 ms (least 11.8 ms), 0.40 % lost, "
      "1.20 MB sent again, 1,037 packets repaired, window 1.20 MB, paced at 117 MB/s, packets of 1,472 "
      "bytes, limited by receiver window");
}

TEST(PathTextTest, SharesAndTimesHaveAsManyDigitsAsMatter) {
  io::ConnectionInfo connection = info();
  connection.path.packets_sent = 100;
  const auto words = [&](std::uint64_t lost) {
    connection.path.packets_lost = lost;
    return path_words(connection, std::nullopt);
  };
  EXPECT_EQ(words(0), "jsp, 0 % lost");
  EXPECT_EQ(words(2), "jsp, 2.0 % lost");
  EXPECT_EQ(words(23), "jsp, 23 % lost");
  EXPECT_EQ(rtt_text(48us), "0.05 ms");
  EXPECT_EQ(rtt_text(250ms), "250 ms");
  EXPECT_EQ(rtt_text(1'240ms), "1.2 s");
}

TEST(PathTextTest, ATransferIsLimitedByWhatHeldItBackMostOfTheTime) {
  LimitTally tally;
  EXPECT_FALSE(tally.most());
  tally.add(std::nullopt);
  EXPECT_FALSE(tally.most());
  tally.add(LimitedBy::Cpu);
  tally.add(LimitedBy::Congestion);
  tally.add(LimitedBy::Congestion);
  EXPECT_EQ(tally.most(), LimitedBy::Congestion);
}

}  // namespace
}  // namespace jetway::command
