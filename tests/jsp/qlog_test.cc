#include "jetway/jsp/qlog.h"

#include <map>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "tests/jsp/pair.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;
using Records = std::vector<std::string>;

// What both ends have written, by file name.
using Files = std::map<std::string, Records>;

PairConfig traced_config(std::shared_ptr<Files> files) {
  PairConfig config;
  const auto make_trace = [files](session::Role role, ByteView id, Now now) -> std::unique_ptr<Trace> {
    const QlogInfo info{.role = role, .original_destination = id, .wall = now.wall, .engine = now.engine};
    Records& records = (*files)[QlogTrace::file_name(info)];
    return std::make_unique<QlogTrace>(info,
                                       [&records](std::string_view record) { records.emplace_back(record); });
  };
  config.dialer.make_trace = config.listener.make_trace = make_trace;
  return config;
}

std::map<std::string, int> count_events(const Records& records) {
  std::map<std::string, int> counts;
  for (const std::string& record : records) {
    EXPECT_EQ(record.front(), '\x1e');
    EXPECT_EQ(record.back(), '\n');
    boost::system::error_code error;
    const auto value = boost::json::parse(std::string_view{record}.substr(1), error);
    EXPECT_FALSE(error) << record;
    if (error) continue;
    if (const auto* name = value.as_object().if_contains("name")) ++counts[std::string(name->as_string())];
  }
  return counts;
}

// Goal: what happened can be read from the traces of both ends, and nothing of what was sent.
// Method: a transfer with losses; every record has to be JSON.
TEST(QlogTest, ATransferCanBeReadFromTheTracesOfBothEnds) {
  const auto files = std::make_shared<Files>();
  PairConfig config = traced_config(files);
  int count = 0;
  config.on_datagram = [&count](bool, Bytes&) { return ++count % 20 == 0 ? Fate::Drop : Fate::Deliver; };
  Pair pair{config};
  ASSERT_TRUE(pair.connect());
  const std::string secret = "what nobody may read in a trace";
  Bytes data = to_bytes(secret);
  data.resize(300'000);
  ASSERT_EQ(carry(pair, pair.dialer, pair.listener, data), data);
  pair.dialer.connection->close(pair.now(), 3, "it is \"over\"");
  pair.touch(pair.dialer);
  ASSERT_TRUE(pair.run_until([&] { return pair.listener.connection->is_closed(); }));

  ASSERT_EQ(files->size(), 2u);
  const Records& of_dialer = files->begin()->second;
  const Records& of_listener = std::next(files->begin())->second;
  EXPECT_NE(files->begin()->first.find("-dialer.sqlog"), std::string::npos);
  EXPECT_NE(of_dialer.front().find("\"qlog_version\":\"0.4\""), std::string::npos);
  auto dialer = count_events(of_dialer);
  auto listener = count_events(of_listener);
  EXPECT_GT(dialer["transport:packet_sent"], 200);
  EXPECT_GT(dialer["recovery:packet_lost"], 5);
  EXPECT_GT(dialer["recovery:metrics_updated"], 20);
  EXPECT_GT(dialer["recovery:congestion_state_updated"], 0);
  EXPECT_GT(dialer["connectivity:mtu_updated"], 0);
  EXPECT_GT(listener["transport:packet_received"], 200);
  EXPECT_EQ(dialer["connectivity:connection_closed"], 1);
  EXPECT_EQ(listener["connectivity:connection_closed"], 1);
  for (const auto& [name, records] : *files) {
    for (const std::string& record : records) ASSERT_EQ(record.find(secret), std::string::npos);
  }
}

TEST(QlogTest, WithoutAFactoryNothingIsTraced) {
  Pair pair{{}};
  EXPECT_TRUE(pair.connect());
}

}  // namespace
}  // namespace jetway::jsp
