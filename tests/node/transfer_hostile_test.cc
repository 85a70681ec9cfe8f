#include "jetway/node/control_link.h"
#include "jetway/transfer/unit.h"
#include "tests/node/transfer_pair.h"

// The receiver's job against senders that break the rules, over a real connection.
namespace jetway::node::test {
namespace {

using transfer::Message;
using transfer::UnitRecord;

// A sender played by hand.
class Hand {
 public:
  Hand(io::Connection connection, io::Stream control)
      : connection_(std::move(connection)), control_(std::move(control)) {}
  static io::Task<Hand> offer(io::Connection connection) {
    auto control = co_await connection.open_stream(session::Direction::TwoWay);
    Hand hand(connection, std::move(*control));
    co_await hand.say(transfer::Offer{.id = kId, .chunk_bytes = transfer::kChunkBytes});
    co_return hand;
  }

  io::Task<void> say(Message message) {
    co_await control_.write(transfer::frame_message(transfer::encode_message(message)));
  }
  // Messages up to the first of that kind; nullopt when the receiver has said its last word before.
  template <class Wanted>
  io::Task<std::optional<Wanted>> hear() {
    for (;;) {
      const auto message = co_await control_.read();
      if (!message || !*message) co_return std::nullopt;
      auto decoded = transfer::decode_message(**message);
      if (const auto* wanted = std::get_if<Wanted>(&*decoded)) co_return *wanted;
    }
  }
  // A stream with these bytes behind the id, finished.
  io::Task<void> send_stream(transfer::TransferId id, Bytes bytes) {
    auto stream = co_await connection_.open_stream(session::Direction::OneWay);
    static_cast<void>(co_await stream->write(ByteView{id}));
    static_cast<void>(co_await stream->write(ByteView{bytes}));
    static_cast<void>(stream->finish());
    static_cast<void>(co_await stream->drained());
  }
  // The offer has been accepted and a file of 9 bytes is announced and answered.
  io::Task<void> announce() {
    co_await hear<transfer::Accept>();
    co_await say(transfer::Entries{.first = 0, .entries = {{.path = "file", .size = 9}}});
    co_await hear<transfer::Answered>();
  }

  static constexpr transfer::TransferId kId{std::byte{42}};

 private:
  io::Connection connection_;
  ControlLink control_;
};

Bytes unit_of(std::string_view content, std::string_view hashed) {
  const UnitRecord record{.file = 0,
                          .chunk = 0,
                          .length = static_cast<std::uint32_t>(content.size()),
                          .is_reference = false,
                          .hash = crypto::blake3(as_bytes(hashed))};
  Bytes unit = transfer::encode_unit({&record, 1});
  unit.insert(unit.end(), as_bytes(content).begin(), as_bytes(content).end());
  return unit;
}

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

}  // namespace
}  // namespace jetway::node::test
