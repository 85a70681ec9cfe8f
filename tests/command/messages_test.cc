#include "apps/jetway/messages.h"

#include <gtest/gtest.h>

namespace jetway::command {
namespace {

crypto::PeerId peer(unsigned char number) {
  const std::array bytes = {std::byte{number}};
  return crypto::PeerId{crypto::blake3(bytes)};
}

transport::Address address() {
  return {transport::HostEndpoint{"example.org", 4717, transport::HostProtocol::Tcp}, std::nullopt};
}

TEST(MessagesTest, NamesAreCutAndEscaped) {
  EXPECT_EQ(name_list({"a"}, false), "a");
  EXPECT_EQ(name_list({"a", "b"}, false), "a and b");
  EXPECT_EQ(name_list({"a", "b", "c"}, false), "a, b and c");
  EXPECT_EQ(name_list({"a", "b", "c", "d", "e"}, false), "a, b, c and 2 more");
  EXPECT_EQ(name_list({"a\033[2J"}, true), "a\\u{1b}[2J and more");
}

TEST(MessagesTest, AnOfferIsAskedAboutWithWhatIsKnown) {
  node::OfferSummary offer;
  offer.names = {"photos"};
  offer.peer = peer(1);
  EXPECT_EQ(accept_question(offer), "Accept photos from " + short_id(peer(1)) + "?");
  offer.files = 3;
  offer.bytes = 1'200'000'000;
  offer.is_resumed = true;
  EXPECT_EQ(accept_question(offer),
            "Accept photos: 3 files, 1.20 GB from " + short_id(peer(1)) + ", continued?");
}

TEST(MessagesTest, TheResultSaysAllThatWasAskedFor) {
  node::TransferSummary summary;
  summary.files = 1;
  summary.bytes_total = 1'200'000'000;
  summary.bytes_moved = 888'000'000;
  summary.bytes_already_there = 312'000'000;
  summary.elapsed = std::chrono::milliseconds{7'590};
  io::ConnectionInfo connection;
  connection.transport = "tcp";
  connection.suite = crypto::Suite::Aes256Gcm;
  connection.key_exchange = "X25519+ML-KEM-768";
  connection.path.rtt = std::chrono::microseconds{12'340};
  EXPECT_EQ(
      result_line(Side::Sender, summary, connection, session::LimitedBy::Congestion),
      "sent 1 file, 1.20 GB in 7.59 s, 117 MB/s; 312 MB resumed; tcp, RTT 12.3 ms, limited by congestion; "
      "X25519+ML-KEM-768, AES-256-GCM; root " +
          std::string(64, '0'));
}

TEST(MessagesTest, AChangedIdentityIsShownLoudlyWithBothIds) {
  node::ChangedPeer changed{address(), peer(1), peer(2),
                            crypto::KnownPeer{"tcp://example.org:4717", peer(1), {}, ""}};
  const Problem problem = problem_of(node::DialError{changed}, "/home/a/known_peers");
  EXPECT_EQ(problem.exit_code, ExitCode::PeerRefused);
  EXPECT_TRUE(problem.text.contains("HAS CHANGED"));
  EXPECT_TRUE(problem.text.contains(peer(1).to_text()) && problem.text.contains(peer(2).to_text()));
  EXPECT_TRUE(problem.hint.contains("/home/a/known_peers")) << problem.hint;
}

TEST(MessagesTest, AnUnknownPeerWithoutATerminalComesWithTheWayOut) {
  const Problem problem = problem_of(node::DialError{node::PeerNotAccepted{{address(), peer(1), ""}}}, "");
  EXPECT_EQ(problem.exit_code, ExitCode::PeerRefused);
  EXPECT_TRUE(problem.hint.contains("--to " + peer(1).to_text() + "@tcp://example.org:4717")) << problem.hint;
  EXPECT_TRUE(problem.hint.contains("--accept-new"));
}

TEST(ExitCodeTest, EveryKindOfErrorHasItsCode) {
  using transport::TransportErrc;
  const auto code = [](TransportErrc errc) {
    return exit_code(transport::TransportError{errc, "", std::nullopt});
  };
  EXPECT_EQ(code(TransportErrc::BadAddress), ExitCode::Usage);
  EXPECT_EQ(code(TransportErrc::ConnectFailed), ExitCode::Lost);
  EXPECT_EQ(code(TransportErrc::Timeout), ExitCode::Lost);
  EXPECT_EQ(code(TransportErrc::Refused), ExitCode::PeerRefused);
  EXPECT_EQ(code(TransportErrc::AddressInUse), ExitCode::LocalIo);
  const crypto::HandshakeError own{crypto::HandshakeErrc::OwnIdentity, "", std::nullopt};
  EXPECT_EQ(exit_code(transport::TransportError{TransportErrc::HandshakeFailed, "", own}),
            ExitCode::PeerRefused);
  EXPECT_EQ(exit_code(node::NodeError{node::NodeErrc::NoHome, ""}), ExitCode::Usage);
  EXPECT_EQ(exit_code(node::NodeError{node::NodeErrc::OpenToOthers, ""}), ExitCode::LocalIo);
}

}  // namespace
}  // namespace jetway::command
