#include <chrono>
#include <cstring>
#include <vector>

#include "bench/ends/ends.h"
#include "jetway/base/bytes.h"

namespace jetway::bench {

namespace {

constexpr int kUntimedMessages = 500;
constexpr std::chrono::milliseconds kStragglers{3000};

io::Task<EndReport> echo_messages(transport::Listener* listener) {
  io::Connection connection = co_await accept(listener);
  const Reading start = Reading::now();
  while (auto message = co_await connection.receive_message()) {
    require(co_await connection.send_message(message->view()));
  }
  co_return report_of(connection, between(start, Reading::now()));
}

io::Task<EndReport> ask_and_wait(io::EventLoop* loop, const Layout* layout, JetwayOptions options,
                                 std::uint16_t port, int count) {
  io::Connection connection = co_await connect(loop, layout, std::move(options), port);
  const Bytes message(kMessageBytes);
  std::vector<double> samples;
  samples.reserve(static_cast<std::size_t>(count));
  Reading start = Reading::now();
  for (int i = -kUntimedMessages; i < count; ++i) {
    if (i == 0) start = Reading::now();
    const double sent = now_us();
    require(co_await connection.send_message(message));
    if (!co_await connection.receive_message()) throw std::runtime_error("the server is gone");
    if (i >= 0) samples.push_back(now_us() - sent);
  }
  EndReport report = report_of(connection, between(start, Reading::now()));
  report.latency = summarize(std::move(samples));
  co_await connection.close(0, "");
  co_return report;
}

// The time of sending stands at the front of each message.
io::Task<EndReport> take_steady_messages(transport::Listener* listener) {
  io::Connection connection = co_await accept(listener);
  std::vector<double> samples;
  const Reading start = Reading::now();
  while (auto message = co_await connection.receive_message()) {
    double sent = 0;
    std::memcpy(&sent, message->view().data(), sizeof sent);
    samples.push_back(now_us() - sent);
  }
  EndReport report = report_of(connection, between(start, Reading::now()));
  report.latency = summarize(std::move(samples));
  co_return report;
}

io::Task<EndReport> send_steady_messages(io::EventLoop* loop, const Layout* layout, JetwayOptions options,
                                         std::uint16_t port, Pace pace) {
  io::Connection connection = co_await connect(loop, layout, std::move(options), port);
  Bytes message(kMessageBytes);
  const Reading start = Reading::now();
  const double first = now_us();
  for (int i = 0; i < pace.count; ++i) {
    const double left = first + 1e6 * i / pace.per_second - now_us();
    if (left > 0) co_await loop->sleep(std::chrono::microseconds(static_cast<std::int64_t>(left)));
    const double sent = now_us();
    std::memcpy(message.data(), &sent, sizeof sent);
    require(co_await connection.send_message(message));
  }
  co_await loop->sleep(kStragglers);
  const EndReport report = report_of(connection, between(start, Reading::now()));
  co_await connection.close(0, "");
  co_return report;
}

}  // namespace

BothReports round_trips_over_jetway(const Layout& layout, const JetwayOptions& options, int count) {
  return run_both_of_jetway(
      layout, options, [](io::EventLoop*, transport::Listener* listener) { return echo_messages(listener); },
      [&](io::EventLoop* loop, std::uint16_t port) {
        return ask_and_wait(loop, &layout, options, port, count);
      });
}

BothReports steady_messages_over_jetway(const Layout& layout, const JetwayOptions& options, Pace pace) {
  return run_both_of_jetway(
      layout, options,
      [](io::EventLoop*, transport::Listener* listener) { return take_steady_messages(listener); },
      [&](io::EventLoop* loop, std::uint16_t port) {
        return send_steady_messages(loop, &layout, options, port, pace);
      });
}

}  // namespace jetway::bench
