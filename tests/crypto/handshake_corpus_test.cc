#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/crypto/handshake_pair.h"

namespace jetway::crypto {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const fs::path kCorpus = JETWAY_FUZZ_CORPUS;

// What goes to each end in an undisturbed run.
struct Recorded {
  Bytes to_listener;
  Bytes to_dialer;
  std::vector<Bytes> messages;
};

Recorded record(test::HandshakePair& pair) {
  Recorded recorded;
  EXPECT_TRUE(pair.run([&](std::size_t index, Bytes& bytes) {
                    Bytes& to = index % 2 == 0 ? recorded.to_listener : recorded.to_dialer;
                    to.insert(to.end(), bytes.begin(), bytes.end());
                    recorded.messages.push_back(bytes);
                  })
                  .has_value());
  EXPECT_TRUE(pair.are_complete());
  return recorded;
}

Recorded record_plain() {
  test::HandshakePair pair;
  return record(pair);
}

// Goes through again at a listener like that of the fuzzer.
Recorded record_with_wrong_clock() {
  test::HandshakePair pair;
  pair.dialer_now += 6s;
  return record(pair);
}

// Goes through again at a dialer like that of the fuzzer.
Recorded record_under_load() {
  test::HandshakePair pair;
  pair.filter = InitFilter({.always_retry = true}, pair.random);
  return record(pair);
}

Bytes record_init_with_ticket() {
  test::HandshakePair pair;
  auto ticket = std::make_shared<ResumptionTicket>();
  ticket->ticket = Bytes(200, std::byte{0x77});
  ticket->secret = SecretBytes(kHashBytes);
  ticket->listener = pair.dialer_config.expected_peer.value();
  ticket->version = 1;
  ticket->expires = pair.dialer_now + 1h;
  pair.dialer_config.ticket = ticket;
  pair.start();
  return pair.dialer->poll_output();
}

// With JETWAY_WRITE_CORPUS set the file is written, otherwise it has to be there and hold these bytes.
void check_file(const fs::path& path, const Bytes& bytes) {
  if (std::getenv("JETWAY_WRITE_CORPUS") != nullptr) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << as_text(bytes);
  }
  std::ifstream file(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_EQ(content, as_text(bytes)) << path
                                     << " is of another protocol; run this with JETWAY_WRITE_CORPUS=1";
}

// The fuzzers start from whole handshakes as they are today, not as they were when the corpus was made.
TEST(HandshakeCorpusTest, TheFuzzCorpusIsOfThisProtocol) {
  const Recorded plain = record_plain();
  const Recorded retried = record_under_load();
  check_file(kCorpus / "handshake_dialer/plain", plain.to_dialer);
  check_file(kCorpus / "handshake_dialer/retry", retried.to_dialer);
  check_file(kCorpus / "handshake_listener/plain", plain.to_listener);
  check_file(kCorpus / "handshake_listener/retry", record_with_wrong_clock().to_listener);
  check_file(kCorpus / "handshake_messages/init_with_ticket", record_init_with_ticket());
  for (std::size_t i = 0; i < retried.messages.size(); ++i) {
    check_file(kCorpus / "handshake_messages" / std::to_string(i), retried.messages[i]);
  }
}

}  // namespace
}  // namespace jetway::crypto
