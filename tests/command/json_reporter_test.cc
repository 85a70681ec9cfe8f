#include "apps/jetway/json_reporter.h"

#include <array>

#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "apps/jetway/human_reporter.h"

namespace jetway::command {
namespace {

class JsonReporterTest : public testing::Test {
 public:
  JsonReporterTest() = default;
  JsonReporterTest(const JsonReporterTest&) = delete;
  JsonReporterTest& operator=(const JsonReporterTest&) = delete;
  ~JsonReporterTest() override {
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }

 protected:
  boost::json::object next_line() {
    std::string text(4096, '\0');
    const ssize_t count = ::read(pipe_[0], text.data(), text.size());
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
    return boost::json::parse(text).as_object();
  }

  static std::array<int, 2> make_pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    return ends;
  }

  std::array<int, 2> pipe_ = make_pipe();
  Screen screen_{-1, {}};
  HumanReporter people_{screen_, Verbosity::Quiet, [] { return TimePoint{}; }};
  JsonReporter reporter_{pipe_[1], people_, [] { return Now{TimePoint{}, WallTime{}}; }};
};

TEST_F(JsonReporterTest, EveryLineHasItsEventAndTime) {
  reporter_.on_warning("a\nb");
  const boost::json::object line = next_line();
  EXPECT_EQ(line.at("event"), "warning");
  EXPECT_EQ(line.at("time"), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(line.at("text"), "a\nb");
}

TEST_F(JsonReporterTest, ProblemsCarryTheExitCode) {
  reporter_.on_problem({ExitCode::Lost, "gone", "again"});
  const boost::json::object line = next_line();
  EXPECT_EQ(line.at("event"), "error");
  EXPECT_EQ(line.at("exit_code"), 5);
}

TEST_F(JsonReporterTest, TheCommandThatContinuesKeepsEveryByte) {
  reporter_.on_resumable({"jetway", "send", "a\xff"}, "jetway send $'a\\xff'");
  const boost::json::object line = next_line();
  EXPECT_EQ(line.at("words").as_array().at(1).at("name"), "send");
  EXPECT_EQ(line.at("words").as_array().at(2).at("name_b64"), "Yf8=");
}

TEST(JsonNameTest, BytesThatAreNotUtf8ComeAsBase64) {
  boost::json::object fields;
  add_name(fields, "name", "gr\xc3\xbcn");
  add_name(fields, "final_name", std::string_view{"\xff\x00", 2});
  EXPECT_EQ(fields.at("name"), "gr\xc3\xbcn");
  EXPECT_FALSE(fields.contains("final_name"));
  EXPECT_EQ(fields.at("final_name_b64"), "/wA=");
}

}  // namespace
}  // namespace jetway::command
