#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string_view>

#include "jetway/base/assert.h"
#include "jetway/base/bytes.h"

// CBOR (RFC 8949) in the one form that our control messages use: deterministic encoding (section 4.2.1:
// shortest heads, definite lengths, map keys in bytewise order, none twice), maps with unsigned integer keys,
// and of the types only integers, byte and text strings, arrays, maps and booleans. One value has one
// encoding, so that what was signed or hashed can be encoded again.
namespace jetway::wire {

enum class CborErrc : std::uint8_t {
  Truncated,  // the input ends inside a value
  WrongType,  // another type than expected, or one that we do not use (floats, tags, null, simple values)
  NotDeterministic,  // a longer head than needed, an indefinite length, keys out of order or twice
  OutOfRange,        // a number, a string or an array above what the caller takes, or text that is not UTF-8
  TooDeep,           // nested deeper than kCborDepthMax
  TrailingBytes,     // something follows the value
};

struct CborError {
  CborErrc code;
  std::string_view reason;  // static text
  bool operator==(const CborError& other) const { return code == other.code; }
};

inline constexpr std::size_t kCborDepthMax = 16;

// Writes one value; map() and array() take a function that writes what is inside:
//
//   CborWriter out;
//   out.map([&] {
//     out.key(1).uint(window);
//     if (name) out.key(2).text(*name);
//     out.key(3).array([&] { for (auto hash : hashes) out.bytes(hash); });
//   });
//   send(out.take());
//
// Keys go up; anything else, or a key without its value, is our own mistake and asserts.
class CborWriter {
 public:
  CborWriter& key(std::uint64_t key);
  void uint(std::uint64_t value);
  void integer(std::int64_t value);
  void boolean(bool value);
  void bytes(ByteView value);
  void text(std::string_view value);  // UTF-8

  template <class Content>
  void map(Content&& content) {
    const Container outer = open(true);
    content();
    close(outer);
  }
  template <class Content>
  void array(Content&& content) {
    const Container outer = open(false);
    content();
    close(outer);
  }

  // The whole value; the writer is empty afterwards.
  Bytes take();

 private:
  struct Container {
    bool is_map = false;
    bool has_key = false;  // map: a key that waits for its value
    std::size_t begin = 0;
    std::uint64_t items = 0;
    std::optional<std::uint64_t> last_key;
  };

  Container open(bool is_map);
  void close(const Container& outer);
  void begin_value();

  Bytes out_;
  Container inner_;  // the container that is being written; the outermost "container" holds the one value
  std::size_t depth_ = 0;
};

// Reads one value that somebody else wrote. Like wire::Reader it remembers the first failure and returns
// zeros and empty views from then on, so that a decoder reads all and checks finish() once. What it returns
// are views of the input. Nothing is allocated; nesting is bounded by kCborDepthMax, everything else by the
// size of the input and the limits given.
//
//   CborReader in{message};
//   in.map([&](std::uint64_t key) {
//     switch (key) {
//       case 1: window = in.uint(kWindowMax); break;
//       case 2: name = in.text(kNameMaxBytes); break;
//       case 3: in.array(kHashesMax, [&](std::size_t) { hashes.push_back(in.fixed_bytes<32>()); }); break;
//     }                                           // the value of an unknown key is skipped
//   });
//   if (auto done = in.finish(); !done) ...
class CborReader {
 public:
  explicit CborReader(ByteView input) : rest_(input) {}

  std::uint64_t uint(std::uint64_t maximum = std::numeric_limits<std::uint64_t>::max());
  std::int64_t integer();
  bool boolean();
  ByteView bytes(std::size_t max_bytes);
  std::string_view text(std::size_t max_bytes);
  // A byte string of exactly that length; zeros when it is not.
  template <std::size_t Size>
  std::array<std::byte, Size> fixed_bytes() {
    std::array<std::byte, Size> value{};
    copy_fixed(value);
    return value;
  }
  // Any one value; it has to be deterministic like everything else.
  void skip();

  // visit(key) for each pair, with the keys in rising order. It reads the value or leaves it, which skips it.
  template <class Visit>
  void map(Visit&& visit) {
    const std::uint64_t pairs = enter(true, std::numeric_limits<std::uint64_t>::max());
    ByteView last_key;
    for (std::uint64_t i = 0; i < pairs && ok(); ++i) {
      const std::uint64_t key = next_key(last_key);
      if (!ok()) break;
      visit(key);
      if (value_pending_) skip();
    }
    leave();
  }
  // visit(index) for each item, which it reads or leaves. Fails before the first when there are more than
  // `max_items`.
  template <class Visit>
  void array(std::size_t max_items, Visit&& visit) {
    const std::uint64_t items = enter(false, max_items);
    for (std::uint64_t i = 0; i < items && ok(); ++i) {
      value_pending_ = true;
      visit(static_cast<std::size_t>(i));
      if (value_pending_) skip();
    }
    leave();
  }

  bool ok() const { return !error_; }
  // For what only the caller can see to be wrong.
  void fail(CborErrc code, std::string_view reason);
  // The first failure; TrailingBytes when the input goes on behind the value.
  std::expected<void, CborError> finish();

 private:
  struct Head;
  enum class Type : std::uint8_t;

  Head head();
  Head head_of(Type type, std::string_view reason);
  ByteView string_of(Type type, std::size_t max_bytes, std::string_view reason);
  std::uint64_t enter(bool is_map, std::uint64_t max_items);
  void leave();
  std::uint64_t next_key(ByteView& last_key);
  void check_key_order(ByteView& last_key, ByteView key);
  void copy_fixed(MutableBytes out);
  void skip_container(const Head& head);

  ByteView rest_;
  std::optional<CborError> error_;
  bool value_pending_ = true;  // a value may be read here: whoever reads two where there is one has a bug
  std::size_t depth_ = 0;
};

}  // namespace jetway::wire
