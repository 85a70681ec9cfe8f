#include "jetway/crypto/known_peers.h"

#include <format>

#include <rapidcheck.h>

#include <gtest/gtest.h>

namespace jetway::crypto {
namespace {

using Match = KnownPeers::Match;
using namespace std::chrono_literals;

constexpr std::chrono::year_month_day kDay = 2026y / 11 / 21;

PeerId id_of(std::string_view text) { return PeerId(blake3(as_bytes(text))); }

KnownPeer peer_of(std::string name, std::string comment = "") {
  const PeerId id = id_of(name);
  return {.name = std::move(name), .peer = id, .first_seen = kDay, .comment = std::move(comment)};
}

KnownPeersErrc error_of_adding(KnownPeer peer) {
  KnownPeers peers;
  const auto added = peers.add(std::move(peer));
  EXPECT_FALSE(added.has_value());
  return added.error().code;
}

TEST(KnownPeersTest, RemembersAKeyPerName) {
  KnownPeers peers;
  ASSERT_TRUE(peers.add(peer_of("tcp://host:4717", "Ann's laptop")).has_value());
  EXPECT_EQ(peers.check("tcp://host:4717", id_of("tcp://host:4717")), Match::Known);
  EXPECT_EQ(peers.check("tcp://host:4717", id_of("somebody else")), Match::Changed);
  EXPECT_EQ(peers.check("tcp://other:4717", id_of("tcp://host:4717")), Match::Unknown);
  EXPECT_TRUE(peers.is_known(id_of("tcp://host:4717")));
  EXPECT_FALSE(peers.is_known(id_of("somebody else")));
  EXPECT_EQ(peers.find("tcp://host:4717")->comment, "Ann's laptop");
}

TEST(KnownPeersTest, NeverReplacesAKeySilently) {
  KnownPeers peers;
  ASSERT_TRUE(peers.add(peer_of("ann")).has_value());
  KnownPeer changed = peer_of("ann");
  changed.peer = id_of("mallory");
  const auto added = peers.add(changed);
  ASSERT_FALSE(added.has_value());
  EXPECT_EQ(added.error().code, KnownPeersErrc::DuplicateName);
  EXPECT_EQ(peers.check("ann", id_of("ann")), Match::Known);
}

TEST(KnownPeersTest, ForgetsOnDemand) {
  KnownPeers peers;
  for (const char* name : {"ann", "bob", "cem"}) ASSERT_TRUE(peers.add(peer_of(name)).has_value());
  EXPECT_TRUE(peers.remove("ann"));
  EXPECT_FALSE(peers.remove("ann"));
  EXPECT_EQ(peers.size(), 2u);
  EXPECT_EQ(peers.find("ann"), nullptr);
  EXPECT_EQ(peers.find("cem")->peer, id_of("cem"));
  EXPECT_EQ(peers.find("bob")->peer, id_of("bob"));
}

TEST(KnownPeersTest, WritesTheFileAsItReadIt) {
  const std::string text =
      std::format("# met at work\n\nann {} 2026-11-21 her laptop\nnot a peer at all\nbob {} 2025-01-02\n",
                  id_of("ann").to_text(), id_of("bob").to_text());
  const auto peers = KnownPeers::parse(text);
  ASSERT_TRUE(peers.has_value());
  EXPECT_EQ(peers->size(), 2u);
  EXPECT_EQ(*peers->find("ann"), peer_of("ann", "her laptop"));
  EXPECT_EQ(peers->to_text(), text);
}

TEST(KnownPeersTest, ReportsBadLinesByTheirNumber) {
  const std::string id = id_of("x").to_text();
  const std::string text = std::format(
      "ann {0} 2026-11-21\n"
      "only-a-name\n"
      "bob jwnonsense 2026-11-21\n"
      "cem {0} yesterday\n"
      "dan {0} 2026-02-30\n"
      "\tann {0} 2026-11-21 again\r\n"
      "eve {0} 2026-1x-21\n"
      "fay\x01 {0} 2026-11-21\n"
      "gus {0} 2026-11-21 bell\x07",
      id);
  const auto peers = KnownPeers::parse(text);
  ASSERT_TRUE(peers.has_value());
  const auto error = [](KnownPeersErrc code, std::size_t line) {
    return KnownPeersError{.code = code, .line = line, .reason = {}};
  };
  EXPECT_EQ(peers->errors(),
            (std::vector{error(KnownPeersErrc::BadLine, 2), error(KnownPeersErrc::BadLine, 3),
                         error(KnownPeersErrc::BadLine, 4), error(KnownPeersErrc::BadLine, 5),
                         error(KnownPeersErrc::DuplicateName, 6), error(KnownPeersErrc::BadLine, 7),
                         error(KnownPeersErrc::BadName, 8), error(KnownPeersErrc::BadComment, 9)}));
  EXPECT_EQ(peers->size(), 1u);
}

TEST(KnownPeersTest, RefusesNamesAndCommentsThatWouldBreakTheFile) {
  EXPECT_EQ(error_of_adding(peer_of("")), KnownPeersErrc::BadName);
  EXPECT_EQ(error_of_adding(peer_of("two words")), KnownPeersErrc::BadName);
  EXPECT_EQ(error_of_adding(peer_of("#comment")), KnownPeersErrc::BadName);
  EXPECT_EQ(error_of_adding(peer_of("a\nb")), KnownPeersErrc::BadName);
  EXPECT_EQ(error_of_adding(peer_of("\xff")), KnownPeersErrc::BadName);
  EXPECT_EQ(error_of_adding(peer_of(std::string(kKnownPeerNameMaxBytes + 1, 'a'))), KnownPeersErrc::BadName);
  EXPECT_EQ(error_of_adding(peer_of("a", "b\nc")), KnownPeersErrc::BadComment);
  EXPECT_EQ(error_of_adding(peer_of("a", std::string(kKnownPeerCommentMaxBytes + 1, 'b'))),
            KnownPeersErrc::BadComment);
}

TEST(KnownPeersTest, IsBounded) {
  EXPECT_EQ(KnownPeers::parse(std::string(kKnownPeersTextMaxBytes + 1, '#')).error().code,
            KnownPeersErrc::TooLarge);
  EXPECT_EQ(KnownPeers::parse(std::string(kKnownPeersLinesMax, '\n')).error().code, KnownPeersErrc::TooLarge);
  KnownPeers peers;
  for (std::size_t i = 0; i < kKnownPeersMax; ++i) {
    ASSERT_TRUE(peers.add({std::format("peer{}", i), PeerId(), kDay, ""}).has_value());
  }
  EXPECT_EQ(peers.add(peer_of("one more")).error().code, KnownPeersErrc::BadName);
  EXPECT_EQ(peers.add(peer_of("one-more")).error().code, KnownPeersErrc::TooLarge);
}

TEST(KnownPeersPropertyTest, AnyTextIsReadAndWhatIsWrittenReadsTheSame) {
  EXPECT_TRUE(rc::check([](const std::string& text) {
    const auto peers = KnownPeers::parse(text);
    RC_ASSERT(peers.has_value());
    const auto again = KnownPeers::parse(peers->to_text());
    RC_ASSERT(again.has_value());
    RC_ASSERT(again->to_text() == peers->to_text());
    RC_ASSERT(again->size() == peers->size());
  }));
}

}  // namespace
}  // namespace jetway::crypto
