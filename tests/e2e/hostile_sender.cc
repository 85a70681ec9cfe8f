// hostile_sender PEER@ADDR HOW: a sender that breaks the rules in one way, for the tests of a real receiver.
// Prints the reason that the receiver gives; ends with 0 when it has given one.

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "jetway/crypto/identity.h"
#include "jetway/crypto/system_random.h"
#include "jetway/io/event_loop.h"
#include "jetway/transport/address.h"
#include "jetway/transport/transport.h"
#include "tests/node/hand.h"

namespace jetway::node::test {
namespace {

using namespace std::string_view_literals;
using transfer::Entry;

// What to announce; "wrong-chunk" announces an honest file.
const std::map<std::string_view, std::vector<Entry>> kEntries = {
    {"wrong-chunk", {{.path = "file", .size = 9}}},
    {"outside-link", {{.type = transfer::EntryType::Symlink, .path = "link", .link_target = "/etc/passwd"}}},
    {"climbing-link", {{.type = transfer::EntryType::Symlink, .path = "link", .link_target = "../x"}}},
    {"climbing-name", {{.path = "../file", .size = 9}}},
    {"absolute-name", {{.path = "/tmp/file", .size = 9}}},
    {"nul-name", {{.path = "fi\0le"sv, .size = 9}}},
    {"name-twice", {{.path = "file", .size = 9}, {.path = "file", .size = 9}}},
    {"beneath-a-link",
     {{.type = transfer::EntryType::Symlink, .path = "link", .link_target = "."},
      {.path = "link/file", .size = 9}}},
};

io::Task<std::optional<transfer::Abort>> attack(io::Connection connection, std::string_view how) {
  Hand hand = co_await Hand::offer(connection);
  co_await hand.hear<transfer::Accept>();
  co_await hand.say(transfer::Entries{.first = 0, .entries = kEntries.at(how)});
  if (how == "wrong-chunk") {
    co_await hand.hear<transfer::Answered>();
    co_await hand.send_stream(Hand::kId, unit_of("nine byte", "other one"));
  }
  co_return co_await hand.hear<transfer::Abort>();
}

io::Task<int> run(io::EventLoop& loop, transport::Address address, std::string_view how) {
  crypto::SystemRandom random;
  transport::TransportConfig config;
  config.handshake.identity =
      std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random));
  const auto transport = transport::make_transport(address);
  auto connection = co_await transport->connect(loop, address, config);
  if (!connection) co_return EXIT_FAILURE;
  const auto answer = co_await attack(*connection, how);
  co_await connection->close(0, "done");
  if (!answer) co_return EXIT_FAILURE;
  std::puts(answer->reason.c_str());
  co_return EXIT_SUCCESS;
}

}  // namespace
}  // namespace jetway::node::test

int main(int argc, char** argv) {
  if (argc != 3 || !jetway::node::test::kEntries.contains(argv[2])) return EXIT_FAILURE;
  auto address = jetway::transport::Address::parse(argv[1]);
  if (!address) return EXIT_FAILURE;
  jetway::io::EventLoop loop;
  return loop.run_until_done(jetway::node::test::run(loop, *address, argv[2]));
}
