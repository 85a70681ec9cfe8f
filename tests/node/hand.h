#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "jetway/crypto/hash.h"
#include "jetway/io/connection.h"
#include "jetway/io/task.h"
#include "jetway/node/control_link.h"
#include "jetway/transfer/message_stream.h"
#include "jetway/transfer/messages.h"
#include "jetway/transfer/unit.h"

namespace jetway::node::test {

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

  io::Task<void> say(transfer::Message message) {
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

// A unit of chunk 0 of the first file, with the hash of something that may be other content.
inline Bytes unit_of(std::string_view content, std::string_view hashed) {
  const transfer::UnitRecord record{.file = 0,
                                    .chunk = 0,
                                    .length = static_cast<std::uint32_t>(content.size()),
                                    .is_reference = false,
                                    .hash = crypto::blake3(as_bytes(hashed))};
  Bytes unit = transfer::encode_unit({&record, 1});
  unit.insert(unit.end(), as_bytes(content).begin(), as_bytes(content).end());
  return unit;
}

}  // namespace jetway::node::test
