#include <memory>
#include <stdexcept>
#include <vector>

#include "bench/session_tcp/ends.h"
#include "jetway/crypto/identity.h"
#include "jetway/crypto/system_random.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/task_group.h"
#include "jetway/transport/transport.h"

namespace jetway::bench {

namespace {

using session::Direction;

transport::TransportConfig make_config() {
  crypto::SystemRandom random;
  transport::TransportConfig config;
  config.handshake.identity =
      std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random));
  config.handshake.is_known = [](const crypto::PeerId&) { return true; };
  config.handshake.suites = {crypto::Suite::Aes256Gcm};
  return config;
}

std::unique_ptr<transport::Listener> listen(io::EventLoop& loop) {
  auto listener =
      transport::make_tcp_transport()->listen(loop, *transport::Address::parse("127.0.0.1:0"), make_config());
  if (!listener) throw std::runtime_error(listener.error().detail);
  return *std::move(listener);
}

std::uint16_t port_of(const transport::Listener& listener) {
  return std::get<transport::HostEndpoint>(listener.local_address().endpoint).port;
}

io::Task<io::Connection> connect(io::EventLoop* loop, std::uint16_t port, transport::TransportConfig config) {
  const auto transport = transport::make_tcp_transport();
  const transport::Address address{
      .endpoint =
          transport::HostEndpoint{
              .host = "127.0.0.1", .port = port, .protocol = transport::HostProtocol::Tcp},
      .peer = std::nullopt};
  auto connection = co_await transport->connect(*loop, address, std::move(config));
  if (!connection) throw std::runtime_error(connection.error().detail);
  co_return *std::move(connection);
}

// Blocks that are lent to the session and come back when they have been sent: filled once, like a cache of
// pages.
class BlockPool final : public BufferRecycler {
 public:
  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool() {
    for (std::byte* memory : free_) delete[] memory;
  }
  Buffer take() {
    if (free_.empty()) free_.push_back(new std::byte[kBlockBytes]{});
    Buffer block(free_.back(), kBlockBytes, *this);
    free_.pop_back();
    block.resize(kBlockBytes);
    return block;
  }
  void recycle(std::byte* memory, std::size_t) noexcept override { free_.push_back(memory); }

 private:
  std::vector<std::byte*> free_;
};

template <class T>
void require(const T& outcome) {
  if (!outcome) throw std::runtime_error(std::string(outcome.error().reason));
}

io::Task<Usage> send_bulk(io::EventLoop* loop, std::uint16_t port, std::size_t total_bytes, BlockPool* pool) {
  io::Connection connection = co_await connect(loop, port, make_config());
  auto stream = co_await connection.open_stream(Direction::TwoWay);
  require(stream);
  const Reading start = Reading::now();
  for (std::size_t sent = 0; sent < total_bytes; sent += kBlockBytes) {
    require(co_await stream->write(pool->take()));
  }
  require(stream->finish());
  Bytes last(1);
  require(co_await stream->read(last));
  const Usage usage = between(start, Reading::now());
  co_await connection.close(0, "");
  co_return usage;
}

io::Task<Usage> receive_bulk(transport::Listener* listener) {
  auto connection = co_await listener->accept();
  connection->admit();
  auto accepted = co_await connection->accept_stream();
  Bytes block(kBlockBytes);
  require(co_await accepted->stream.read_full(block));
  const Reading start = Reading::now();
  for (bool is_end = false; !is_end;) {
    const auto read = co_await accepted->stream.read_full(block);
    require(read);
    is_end = read->is_end;
  }
  const Usage usage = between(start, Reading::now());
  require(co_await accepted->stream.write(ByteView{block}.first(1)));
  require(accepted->stream.finish());
  co_await connection->closed();
  co_return usage;
}

io::Task<void> wait_until_closed(io::Connection connection) { co_await connection.closed(); }

io::Task<Usage> accept_all(io::EventLoop* loop, transport::Listener* listener, int count) {
  io::TaskGroup open(*loop);
  const Reading start = Reading::now();
  for (int i = 0; i < count; ++i) {
    auto connection = co_await listener->accept();
    connection->admit();
    open.spawn(wait_until_closed(*std::move(connection)));
  }
  co_await open.join();
  co_return between(start, Reading::now());
}

io::Task<Usage> dial_all(io::EventLoop* loop, std::uint16_t port, int count) {
  const transport::TransportConfig config = make_config();
  const Reading start = Reading::now();
  for (int i = 0; i < count; ++i) {
    io::Connection connection = co_await connect(loop, port, config);
    co_await connection.close(0, "");
  }
  co_return between(start, Reading::now());
}

}  // namespace

BothUsages bulk_over_jetway(std::size_t total_bytes) {
  return run_both(
      [](const auto& ready) {
        io::EventLoop loop;
        const auto listener = listen(loop);
        ready(port_of(*listener));
        return loop.run_until_done(receive_bulk(listener.get()));
      },
      [total_bytes](std::uint16_t port) {
        BlockPool pool;
        io::EventLoop loop;
        return loop.run_until_done(send_bulk(&loop, port, total_bytes, &pool));
      });
}

BothUsages handshakes_of_jetway(int count) {
  return run_both(
      [count](const auto& ready) {
        io::EventLoop loop;
        const auto listener = listen(loop);
        ready(port_of(*listener));
        return loop.run_until_done(accept_all(&loop, listener.get(), count));
      },
      [count](std::uint16_t port) {
        io::EventLoop loop;
        return loop.run_until_done(dial_all(&loop, port, count));
      });
}

}  // namespace jetway::bench
