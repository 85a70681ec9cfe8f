#include <array>
#include <chrono>
#include <vector>

#include "bench/ends/ends.h"
#include "jetway/base/bytes.h"

namespace jetway::bench {

namespace {

constexpr int kUntimedRequests = 5;  // the first of them gets the first ticket

// To the end of the stream.
io::Task<void> read_whole(io::Stream* stream) {
  std::array<std::byte, kMessageBytes> piece{};
  for (;;) {
    const auto result = co_await stream->read(piece);
    require(result);
    if (result->is_end) co_return;
  }
}

io::Task<EndReport> answer_all(transport::Listener* listener, int count) {
  const Reading start = Reading::now();
  const Bytes answer(kMessageBytes);
  for (int i = -kUntimedRequests; i < count; ++i) {
    io::Connection connection = co_await accept(listener);
    auto accepted = co_await connection.accept_stream();
    if (!accepted) throw std::runtime_error("the client asks nothing");
    co_await read_whole(&accepted->stream);
    require(co_await accepted->stream.write(ByteView{answer}));
    require(accepted->stream.finish());
    co_await connection.closed();
  }
  co_return EndReport{.usage = between(start, Reading::now())};
}

// From the wish for a connection to the first byte of an answer, over and over.
io::Task<EndReport> ask_all(io::EventLoop* loop, const Layout* layout, JetwayOptions options,
                            std::uint16_t port, int count) {
  transport::TransportConfig config = make_config(options);
  if (options.uses_tickets) {
    config.tickets = std::make_shared<transport::MemoryTicketStore>();
    config.dials_early = true;
  }
  transport::Address address = address_of(*layout, options, port);
  const auto transport = transport::make_transport(address);
  const Bytes request(kMessageBytes);
  std::vector<double> samples;
  for (int i = -kUntimedRequests; i < count; ++i) {
    const double began = now_us();
    auto connection = co_await transport->connect(*loop, address, config);
    if (!connection) throw std::runtime_error(connection.error().detail);
    auto stream = co_await connection->open_stream(session::Direction::TwoWay, {.is_repeatable = true});
    require(stream);
    require(co_await stream->write(ByteView{request}));
    require(stream->finish());
    std::array<std::byte, kMessageBytes> answer{};
    require(co_await stream->read(answer));
    if (i >= 0) samples.push_back(now_us() - began);
    const auto early = co_await connection->admitted();
    if (i >= 0 && options.uses_tickets && (!early || *early != io::EarlyData::Accepted))
      throw std::runtime_error("early data was not accepted");
    address.peer = connection->info().peer;
    co_await connection->close(0, "");
  }
  co_return EndReport{.latency = summarize(std::move(samples))};
}

}  // namespace

BothReports first_answers_over_jetway(const Layout& layout, const JetwayOptions& options, int count) {
  return run_both_of_jetway(
      layout, options,
      [count](io::EventLoop*, transport::Listener* listener) { return answer_all(listener, count); },
      [&](io::EventLoop* loop, std::uint16_t port) { return ask_all(loop, &layout, options, port, count); });
}

}  // namespace jetway::bench
