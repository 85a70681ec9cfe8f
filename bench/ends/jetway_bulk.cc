#include <memory>

#include "bench/ends/block_pool.h"
#include "bench/ends/ends.h"
#include "jetway/io/task_group.h"

namespace jetway::bench {

namespace {

using session::Direction;

io::Task<EndReport> send_bulk(io::EventLoop* loop, const Layout* layout, JetwayOptions options,
                              std::uint16_t port, std::size_t total_bytes, BlockPool* pool) {
  io::Connection connection = co_await connect(loop, layout, std::move(options), port);
  auto stream = co_await connection.open_stream(Direction::TwoWay);
  require(stream);
  const Reading start = Reading::now();
  for (std::size_t sent = 0; sent < total_bytes; sent += kBlockBytes) {
    require(co_await stream->write(pool->take()));
  }
  require(stream->finish());
  Bytes last(1);
  require(co_await stream->read(last));
  const EndReport report = report_of(connection, between(start, Reading::now()));
  co_await connection.close(0, "");
  co_return report;
}

io::Task<EndReport> receive_bulk(transport::Listener* listener) {
  io::Connection connection = co_await accept(listener);
  auto accepted = co_await connection.accept_stream();
  Bytes block(kBlockBytes);
  require(co_await accepted->stream.read_full(block));
  const Reading start = Reading::now();
  for (bool is_end = false; !is_end;) {
    const auto read = co_await accepted->stream.read_full(block);
    require(read);
    is_end = read->is_end;
  }
  const EndReport report = report_of(connection, between(start, Reading::now()));
  require(co_await accepted->stream.write(ByteView{block}.first(1)));
  require(accepted->stream.finish());
  co_await connection.closed();
  co_return report;
}

io::Task<EndReport> both_ends(io::EventLoop* loop, transport::Listener* listener, const Layout* layout,
                              JetwayOptions options, std::size_t total_bytes, BlockPool* pool) {
  io::TaskGroup receiver(*loop);
  receiver.spawn([](transport::Listener* from) -> io::Task<void> { co_await receive_bulk(from); }(listener));
  const EndReport report =
      co_await send_bulk(loop, layout, std::move(options), port_of(*listener), total_bytes, pool);
  co_await receiver.join();
  co_return report;
}

io::Task<void> wait_until_closed(io::Connection connection) { co_await connection.closed(); }

io::Task<EndReport> accept_all(io::EventLoop* loop, transport::Listener* listener, int count) {
  io::TaskGroup open(*loop);
  const Reading start = Reading::now();
  for (int i = 0; i < count; ++i) {
    open.spawn(wait_until_closed(co_await accept(listener)));
  }
  co_await open.join();
  co_return EndReport{.usage = between(start, Reading::now())};
}

io::Task<EndReport> dial_all(io::EventLoop* loop, const Layout* layout, JetwayOptions options,
                             std::uint16_t port, int count) {
  const Reading start = Reading::now();
  for (int i = 0; i < count; ++i) {
    io::Connection connection = co_await connect(loop, layout, options, port);
    co_await connection.close(0, "");
  }
  co_return EndReport{.usage = between(start, Reading::now())};
}

}  // namespace

BothReports bulk_over_jetway(const Layout& layout, const JetwayOptions& options, std::size_t total_bytes) {
  BlockPool pool(kBlockBytes);
  return run_both_of_jetway(
      layout, options, [](io::EventLoop*, transport::Listener* listener) { return receive_bulk(listener); },
      [&](io::EventLoop* loop, std::uint16_t port) {
        return send_bulk(loop, &layout, options, port, total_bytes, &pool);
      });
}

EndReport bulk_over_jetway_in_one_thread(const Layout& layout, const JetwayOptions& options,
                                         std::size_t total_bytes) {
  pin_to_core(layout.client_core);
  BlockPool pool(kBlockBytes);
  io::EventLoop loop;
  const auto listener = listen(loop, layout, options);
  return loop.run_until_done(both_ends(&loop, listener.get(), &layout, options, total_bytes, &pool));
}

BothReports handshakes_of_jetway(const Layout& layout, const JetwayOptions& options, int count) {
  return run_both_of_jetway(
      layout, options,
      [&](io::EventLoop* loop, transport::Listener* listener) { return accept_all(loop, listener, count); },
      [&](io::EventLoop* loop, std::uint16_t port) { return dial_all(loop, &layout, options, port, count); });
}

}  // namespace jetway::bench
