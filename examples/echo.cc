// Two peers in one program: one listens on a Unix socket and sends back what it reads, the other pins its
// key, opens a stream, says something and reads the answer.
#include <format>
#include <iostream>
#include <memory>

#include <unistd.h>

#include "jetway/jetway.h"

using namespace jetway;

namespace {

transport::TransportConfig configuration(RandomSource& random) {
  transport::TransportConfig config;
  config.handshake.identity =
      std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random));
  return config;
}

// Admits one peer, whoever it is, and echoes its first stream.
io::Task<void> serve(transport::Listener& listener) {
  std::optional<io::Connection> connection = co_await listener.accept();
  if (!connection) co_return;
  connection->admit();
  std::optional<io::AcceptedStream> accepted = co_await connection->accept_stream();
  if (!accepted) co_return;
  Bytes memory(64 * 1024);
  while (true) {
    const auto got = co_await accepted->stream.read(memory);
    if (!got || got->is_end) break;
    if (!co_await accepted->stream.write(ByteView{memory}.first(got->bytes))) co_return;
  }
  (void)accepted->stream.finish();
  (void)co_await connection->closed();
}

io::Task<int> talk(io::EventLoop& loop, transport::Transport& transport, transport::Address address,
                   transport::TransportConfig config) {
  auto connection = co_await transport.connect(loop, std::move(address), std::move(config));
  if (!connection) {
    std::cerr << connection.error().detail << '\n';
    co_return 1;
  }
  auto stream = co_await connection->open_stream(session::Direction::TwoWay);
  if (!stream || !co_await stream->write(as_bytes("hello over a sealed stream"))) co_return 1;
  (void)stream->finish();
  Bytes answer(1024);
  const auto got = co_await stream->read_full(answer);
  if (!got) co_return 1;
  std::cout << "answer: " << as_text(ByteView{answer}.first(got->bytes)) << '\n'
            << "suite: " << crypto::suite_name(connection->info().suite) << '\n';
  co_await connection->close(0, "done");
  co_return 0;
}

}  // namespace

int main() {
  io::EventLoop loop;
  crypto::SystemRandom random;
  const auto address = transport::Address::parse(std::format("unix:///tmp/jetway-echo-{}.sock", ::getpid()));
  if (!address) return 2;
  auto transport = transport::make_transport(*address);

  const transport::TransportConfig listening = configuration(random);
  auto listener = transport->listen(loop, *address, listening);
  if (!listener) {
    std::cerr << listener.error().detail << '\n';
    return 1;
  }
  loop.spawn(serve(**listener));

  transport::Address peer = *address;
  peer.peer = listening.handshake.identity->peer_id();
  return loop.run_until_done(talk(loop, *transport, std::move(peer), configuration(random)));
}
