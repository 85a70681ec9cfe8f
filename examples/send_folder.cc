// Sends a folder from one peer to another over TCP within one program: ./send_folder [FOLDER]. What a program
// that embeds Jetway's file mover needs, in one page: two identities, a listener, a connection, two jobs.
#include <cstdlib>
#include <filesystem>
#include <format>
#include <fstream>
#include <iostream>
#include <memory>

#include "jetway/jetway.h"

using namespace jetway;
namespace fs = std::filesystem;

namespace {

transport::TransportConfig configuration(RandomSource& random) {
  transport::TransportConfig config;
  config.handshake.identity =
      std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random));
  return config;
}

class Reporter final : public node::TransferObserver {
 public:
  void on_file_done(const node::FileDone& file) override {
    std::cout << std::format("{} ({} bytes)\n", file.final_name, file.bytes);
  }
};

io::Task<void> serve(transport::Listener& listener, node::Receiver& receiver, Reporter& reporter) {
  while (auto connection = co_await listener.accept()) {
    connection->admit();
    (void)co_await receiver.serve(std::move(*connection), reporter);
  }
}

io::Task<int> send(io::EventLoop& loop, transport::Address address, transport::TransportConfig config,
                   fs::path folder, RandomSource& random) {
  auto connection = co_await transport::make_transport(address)->connect(loop, address, std::move(config));
  if (!connection) {
    std::cerr << connection.error().detail << '\n';
    co_return 1;
  }
  node::TransferObserver quiet;
  node::SendRequest request;
  request.paths = {std::move(folder)};
  const auto summary = co_await node::run_send(loop, *connection, std::move(request), random, quiet);
  if (!summary) {
    std::cerr << summary.error().reason << '\n';
    co_return node::exit_code(summary.error());
  }
  std::cout << std::format("{} files, {} bytes, root {}\n", summary->files, summary->bytes_total,
                           summary->root.to_hex());
  co_await connection->close(0, "done");
  co_return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string pattern = (fs::temp_directory_path() / "jetway-example-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return 1;
  const fs::path work = pattern;
  fs::path folder = argc > 1 ? fs::path{argv[1]} : work / "letters";
  if (argc == 1) {
    fs::create_directory(folder);
    std::ofstream{folder / "hello.txt"} << "hello\n";
  }
  fs::create_directory(work / "inbox");

  io::EventLoop loop;
  crypto::SystemRandom random;
  const transport::TransportConfig listening = configuration(random);
  const auto any_port = transport::Address::parse("tcp://127.0.0.1:0");
  auto listener = transport::make_transport(*any_port)->listen(loop, *any_port, listening);
  auto state = store::StateDb::open_in_memory();
  if (!listener || !state) return 1;

  node::ReceiveOptions options;
  options.target = work / "inbox";
  node::Receiver receiver{loop, *state, std::move(options)};
  Reporter reporter;
  loop.spawn(serve(**listener, receiver, reporter));

  transport::Address peer = (*listener)->local_address();
  peer.peer = listening.handshake.identity->peer_id();
  const int status = loop.run_until_done(send(loop, peer, configuration(random), folder, random));
  fs::remove_all(work);
  return status;
}
