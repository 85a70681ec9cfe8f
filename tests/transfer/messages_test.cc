#include "jetway/transfer/messages.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/random.h"
#include "jetway/transfer/chunk_grid.h"
#include "jetway/transfer/message_stream.h"
#include "jetway/transfer/safe_path.h"
#include "jetway/wire/varint.h"
#include "tests/transfer/number_hash.h"

namespace jetway::transfer {
namespace {

Offer sample_offer() {
  return {.id = {std::byte{1}},
          .job = {std::byte{2}},
          .chunk_bytes = kChunkBytes,
          .names = {"a", "\xff"},
          .are_names_cut = true,
          .files = 3,
          .bytes = 4};
}

Entries sample_entries() {
  return {.first = 9,
          .entries = {{.type = EntryType::Directory, .path = "d", .mode = 0755, .modified_ns = -1},
                      {.type = EntryType::File, .path = "d/f", .size = 12, .mode = 0644, .modified_ns = 5},
                      {.type = EntryType::Symlink, .path = "d/l", .mode = 0777, .link_target = "f"}}};
}

std::vector<Message> samples() {
  return {sample_offer(),
          Offer{.chunk_bytes = 1},
          Accept{.data_streams_max = 7},
          Wait{},
          sample_entries(),
          EntriesEnd{.count = 7, .bytes = 1'000'000'000'000},
          Have{.file = 3, .first_chunk = 64, .hashes = {hash_of(1), hash_of(2)}},
          Answered{.through = 12, .skipped = {3, 5}},
          Answered{.through = 12, .skipped = {}},
          Renamed{.entry = 2, .name = "f (1)"},
          Done{.root = hash_of(3)},
          Complete{.root = hash_of(4), .files = 2, .bytes = 12, .renamed = 1},
          Abort{.code = FailureCode::SourceChanged, .reason = "changed"}};
}

TEST(MessagesTest, EveryMessageDecodesToWhatWasEncoded) {
  for (const Message& message : samples()) {
    const Bytes encoded = encode_message(message);
    const auto decoded = decode_message(encoded);
    ASSERT_TRUE(decoded) << message.index() << ": " << decoded.error().reason;
    EXPECT_EQ(*decoded, message);
  }
}

TEST(MessagesTest, EveryTruncationIsRefused) {
  for (const Message& message : samples()) {
    const Bytes encoded = encode_message(message);
    for (std::size_t length = 0; length < encoded.size(); ++length) {
      const auto decoded = decode_message(ByteView{encoded}.first(length));
      ASSERT_FALSE(decoded) << message.index() << " cut at " << length;
      EXPECT_EQ(decoded.error().code, FailureCode::Protocol);
    }
  }
}

// Whatever a changed byte makes of a message: it is refused, or it is a message that encodes to these bytes.
TEST(MessagesTest, EveryChangedByteIsRefusedOrMeansSomethingElse) {
  for (const Message& message : samples()) {
    const Bytes encoded = encode_message(message);
    for (std::size_t at = 0; at < encoded.size(); ++at) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        Bytes changed = encoded;
        changed[at] ^= static_cast<std::byte>(1u << bit);
        const auto decoded = decode_message(changed);
        if (decoded) {
          EXPECT_NE(*decoded, message) << message.index() << " byte " << at << " bit " << bit;
        }
      }
    }
  }
}

RC_GTEST_PROP(MessagesPropertyTest, EntriesOfAnyNamesSurviveTheWay, ()) {
  const auto names = *rc::gen::container<std::vector<std::string>>(rc::gen::nonEmpty<std::string>());
  Entries message{.first = *rc::gen::arbitrary<std::uint32_t>() % 1000, .entries = {}};
  for (const std::string& name : names) {
    const auto type = static_cast<EntryType>(*rc::gen::inRange(0, 3));
    message.entries.push_back(
        {.type = type, .path = name, .mode = 0700, .modified_ns = *rc::gen::arbitrary<std::int64_t>()});
    if (type == EntryType::File)
      message.entries.back().size = *rc::gen::inRange<std::uint64_t>(0, kFileMaxBytes);
    if (type == EntryType::Symlink) message.entries.back().link_target = name;
  }
  const Bytes encoded = encode_message(message);
  const auto decoded = decode_message(encoded);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(std::get<Entries>(*decoded) == message);
}

RC_GTEST_PROP(MessagesPropertyTest, NoiseIsRefused, (std::vector<std::uint8_t> noise)) {
  RC_ASSERT(!decode_message(std::as_bytes(std::span{noise})).has_value() || noise.size() > 2);
}

// Encodes a map as a hostile peer would.
template <class Content>
Bytes map_of(Content&& content) {
  wire::CborWriter out;
  out.map([&] { content(out); });
  return out.take();
}

TEST(MessagesTest, MissingUnknownAndMistypedFields) {
  EXPECT_FALSE(decode_message(map_of([](auto&) {})));                                 // no type
  EXPECT_FALSE(decode_message(map_of([](auto& out) { out.key(0).uint(99); })));       // unknown type
  EXPECT_FALSE(decode_message(map_of([](auto& out) { out.key(0).boolean(true); })));  // type of another type
  EXPECT_FALSE(decode_message(map_of([](auto& out) { out.key(0).uint(4); })));        // Done without a root
  EXPECT_TRUE(decode_message(map_of([](auto& out) {  // room for later versions
    out.key(0).uint(16);
    out.key(1).uint(4);
    out.key(200).text("new");
  })));
}

TEST(MessagesTest, EntriesWithFieldsOfAnotherTypeOrOutOfRangeAreRefused) {
  const auto entry_with = [](std::uint64_t type, std::optional<std::uint64_t> size, std::uint64_t mode,
                             bool link) {
    return map_of([&](auto& out) {
      out.key(0).uint(2);
      out.key(1).uint(0);
      out.key(2).array([&] {
        out.map([&] {
          out.key(1).uint(type);
          out.key(2).bytes(as_bytes("p"));
          if (size) out.key(3).uint(*size);
          out.key(4).uint(mode);
          out.key(5).integer(0);
          if (link) out.key(6).bytes(as_bytes("t"));
        });
      });
    });
  };
  EXPECT_TRUE(decode_message(entry_with(0, 5, 0644, false)));
  EXPECT_FALSE(decode_message(entry_with(3, {}, 0644, false)));  // a device
  EXPECT_FALSE(decode_message(entry_with(0, 5, 04755, false)));  // setuid
  EXPECT_FALSE(decode_message(entry_with(1, 5, 0755, false)));   // a folder with a size
  EXPECT_FALSE(decode_message(entry_with(0, 5, 0644, true)));    // a file with a link's target
  EXPECT_FALSE(decode_message(entry_with(0, kFileMaxBytes + 1, 0644, false)));
}

TEST(MessagesTest, AnAnnouncedBillionOfItemsIsRefusedBeforeAnythingIsReserved) {
  Bytes message = map_of([](auto& out) {
    out.key(0).uint(2);
    out.key(1).uint(0);
    out.key(2).array([] {});
  });
  message.back() = std::byte{0x9a};  // an array of 2^32 - 1 items follows
  message.insert(message.end(), 4, std::byte{0xff});
  EXPECT_FALSE(decode_message(message));
}

TEST(MessagesTest, HashesMustBeWhole) {
  const auto with_hash_bytes = [](std::size_t count) {
    const Bytes hashes(count);
    return map_of([&](auto& out) {
      out.key(0).uint(18);
      out.key(1).uint(0);
      out.key(2).uint(0);
      out.key(3).bytes(hashes);
    });
  };
  EXPECT_TRUE(decode_message(with_hash_bytes(64)));
  EXPECT_FALSE(decode_message(with_hash_bytes(63)));
  EXPECT_FALSE(decode_message(with_hash_bytes((kHashesPerMessageMax + 1) * crypto::kHashBytes)));
}

TEST(MessagesTest, UnknownFailureCodesAndTheLocalOneBecomeFailed) {
  for (const std::uint64_t code : {0ull, 10ull, 12ull, 255ull, 1ull << 40}) {
    const auto decoded = decode_message(map_of([&](auto& out) {
      out.key(0).uint(32);
      out.key(1).uint(code);
      out.key(2).bytes(as_bytes("r"));
    }));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(std::get<Abort>(*decoded).code, FailureCode::Failed) << code;
  }
}

TEST(MessagesTest, LongReasonsAreCutAndNotRefused) {
  const Bytes encoded = encode_message(Abort{.code = FailureCode::Io, .reason = std::string(100'000, 'r')});
  const auto decoded = decode_message(encoded);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<Abort>(*decoded).reason.size(), kReasonMaxBytes);
}

TEST(MessageDecoderTest, MessagesComeOutWhereverTheStreamIsCut) {
  Bytes stream;
  for (const Message& message : samples()) {
    const Bytes framed = frame_message(encode_message(message));
    stream.insert(stream.end(), framed.begin(), framed.end());
  }
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    MessageDecoder decoder;
    std::vector<Bytes> seen;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      decoder.feed(ByteView{stream}.subspan(at, std::min(piece, stream.size() - at)));
      for (;;) {
        const auto message = decoder.next();
        ASSERT_TRUE(message);
        if (!*message) break;
        seen.push_back(to_bytes(**message));
      }
    }
    ASSERT_EQ(seen.size(), samples().size()) << "in pieces of " << piece;
    for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], encode_message(samples()[i]));
  }
}

TEST(MessageDecoderTest, AMessageAboveTheLimitIsRefusedByItsLength) {
  MessageDecoder decoder(100);
  decoder.feed(Bytes{std::byte{0x40}, std::byte{101}});
  const auto message = decoder.next();
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, FailureCode::Protocol);
}

}  // namespace
}  // namespace jetway::transfer
