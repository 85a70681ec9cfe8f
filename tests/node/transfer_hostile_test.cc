#include "tests/node/hand.h"
#include "tests/node/transfer_pair.h"

// The receiver's job against senders that break the rules, over a real connection.
namespace jetway::node::test {
namespace {

// NOLINTBEGIN(cppcoreguidelines-avoid-capturing-lambda-coroutines): send_by_hand() keeps the lambda until its
// coroutine has ended.

class TransferHostileTest : public TransferPair {
 protected:
  // What the receiver says to a sender that sends `bytes` on a data stream.
  std::optional<transfer::Abort> answer_to_stream(Bytes bytes) {
    std::optional<transfer::Abort> answer;
    send_by_hand([&](io::Connection connection) -> io::Task<void> {
      Hand hand = co_await Hand::offer(connection);
      co_await hand.announce();
      co_await hand.send_stream(Hand::kId, bytes);
      answer = co_await hand.hear<transfer::Abort>();
    });
    EXPECT_TRUE(target.names().empty());
    return answer;
  }
};

TEST_F(TransferHostileTest, ByHandATransferCompletes) {
  std::optional<transfer::Complete> complete;
  send_by_hand([&](io::Connection connection) -> io::Task<void> {
    Hand hand = co_await Hand::offer(connection);
    co_await hand.announce();
    co_await hand.send_stream(Hand::kId, unit_of("nine byte", "nine byte"));
    transfer::ContentDigest digest;
    digest.add(0, crypto::blake3(as_bytes("nine byte")));
    transfer::RootHasher root;
    root.add({.path = "file", .size = 9}, digest.finish());
    co_await hand.say(transfer::EntriesEnd{.count = 1, .bytes = 9});
    co_await hand.say(transfer::Done{.root = root.finish()});
    complete = co_await hand.hear<transfer::Complete>();
  });
  EXPECT_TRUE(complete);
  EXPECT_EQ(target.read("file"), "nine byte");
  EXPECT_EQ(served->completed, 1u);
}

TEST_F(TransferHostileTest, AChunkThatIsNotWhatWasAnnouncedIsNeverSeen) {
  const auto answer = answer_to_stream(unit_of("nine byte", "other one"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->code, FailureCode::Integrity);
  ASSERT_TRUE(served->first_failure);
  EXPECT_EQ(exit_code(*served->first_failure), 4);
}

TEST_F(TransferHostileTest, AStreamThatEndsWithinAUnitIsRefused) {
  const Bytes unit = unit_of("nine byte", "nine byte");
  for (const std::size_t length : {std::size_t{1}, std::size_t{4}, std::size_t{20}, unit.size() - 1}) {
    const auto answer = answer_to_stream({unit.begin(), unit.begin() + static_cast<std::ptrdiff_t>(length)});
    ASSERT_TRUE(answer) << length;
    EXPECT_EQ(answer->code, FailureCode::Protocol) << length;
  }
}

TEST_F(TransferHostileTest, NoiseOnADataStreamIsRefused) {
  const auto answer = answer_to_stream(Bytes(100, std::byte{0xff}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->code, FailureCode::Protocol);
}

TEST_F(TransferHostileTest, StreamsOfUnknownTransfersAreIgnored) {
  std::optional<transfer::Answered> answered;
  send_by_hand([&](io::Connection connection) -> io::Task<void> {
    Hand hand = co_await Hand::offer(connection);
    co_await hand.hear<transfer::Accept>();
    co_await hand.send_stream({std::byte{1}}, unit_of("nine byte", "nine byte"));
    co_await hand.say(transfer::Entries{.first = 0, .entries = {{.path = "file", .size = 9}}});
    answered = co_await hand.hear<transfer::Answered>();
  });
  EXPECT_TRUE(answered);
}

TEST_F(TransferHostileTest, NoiseOnTheControlStreamIsRefused) {
  std::optional<transfer::Abort> answer;
  send_by_hand([&](io::Connection connection) -> io::Task<void> {
    auto control = co_await connection.open_stream(session::Direction::TwoWay);
    static_cast<void>(co_await control->write(as_bytes("\x05hello")));
    ControlLink link(std::move(*control));
    const auto message = co_await link.read();
    if (message && *message) answer = std::get<transfer::Abort>(*transfer::decode_message(**message));
  });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->code, FailureCode::Protocol);
}

TEST_F(TransferHostileTest, ASenderThatLeavesWithoutAWordIsAConnectionLost) {
  send_by_hand([&](io::Connection connection) -> io::Task<void> {
    Hand hand = co_await Hand::offer(connection);
    co_await hand.announce();
  });
  ASSERT_TRUE(served->first_failure);
  EXPECT_EQ(served->first_failure->code, FailureCode::ConnectionLost);
}

TEST_F(TransferHostileTest, TransfersOfOneConnectionAreServedOneAfterTheOther) {
  int accepted = 0;
  send_by_hand([&](io::Connection connection) -> io::Task<void> {
    for (int i = 0; i < 3; ++i) {
      Hand hand = co_await Hand::offer(connection);
      accepted += (co_await hand.hear<transfer::Accept>()).has_value();
      co_await hand.say(transfer::Abort{.code = FailureCode::Cancelled, .reason = "next"});
    }
  });
  EXPECT_EQ(accepted, 3);
  EXPECT_EQ(served->failed, 3u);
}

// NOLINTEND(cppcoreguidelines-avoid-capturing-lambda-coroutines)

}  // namespace
}  // namespace jetway::node::test
