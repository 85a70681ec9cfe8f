#include "jetway/wire/cbor.h"

#include <algorithm>
#include <utility>

#include <tinycbor/cbor.h>

#include "jetway/base/text.h"

namespace jetway::wire {

namespace {

constexpr std::size_t kHeadMaxBytes = 9;
// Booleans are simple values in one byte, whose low bits are these (RFC 8949 section 3.3).
constexpr std::uint64_t kCborFalse = 20;
constexpr std::uint64_t kCborTrue = 21;

// An encoder that appends to `out`, for one value.
CborEncoder encoder_onto(Bytes& out) {
  CborEncoder encoder;
  cbor_encoder_init_writer(
      &encoder,
      [](void* token, const void* data, std::size_t size, CborEncoderAppendType) {
        const auto* begin = static_cast<const std::byte*>(data);
        static_cast<Bytes*>(token)->insert(static_cast<Bytes*>(token)->end(), begin, begin + size);
        return CborNoError;
      },
      &out);
  return encoder;
}

// The low five bits of the first byte of the shortest head with this argument, and the length of that head.
struct ShortestHead {
  unsigned low_bits;
  std::size_t size;
};
ShortestHead shortest_head(std::uint64_t argument) {
  if (argument < 24) return {static_cast<unsigned>(argument), 1};
  if (argument <= 0xff) return {24, 2};
  if (argument <= 0xffff) return {25, 3};
  if (argument <= 0xffffffff) return {26, 5};
  return {27, 9};
}

}  // namespace

// ---- writer ----

CborWriter& CborWriter::key(std::uint64_t key) {
  JETWAY_ASSERT(inner_.is_map && !inner_.has_key && (!inner_.last_key || *inner_.last_key < key));
  CborEncoder encoder = encoder_onto(out_);
  cbor_encode_uint(&encoder, key);
  inner_.has_key = true;
  inner_.last_key = key;
  return *this;
}

void CborWriter::begin_value() {
  JETWAY_ASSERT(inner_.is_map ? inner_.has_key : depth_ > 0 || inner_.items == 0);
  inner_.has_key = false;
  ++inner_.items;
}

void CborWriter::uint(std::uint64_t value) {
  begin_value();
  CborEncoder encoder = encoder_onto(out_);
  cbor_encode_uint(&encoder, value);
}

void CborWriter::integer(std::int64_t value) {
  begin_value();
  CborEncoder encoder = encoder_onto(out_);
  cbor_encode_int(&encoder, value);
}

void CborWriter::boolean(bool value) {
  begin_value();
  CborEncoder encoder = encoder_onto(out_);
  cbor_encode_boolean(&encoder, value);
}

void CborWriter::bytes(ByteView value) {
  begin_value();
  CborEncoder encoder = encoder_onto(out_);
  cbor_encode_byte_string(&encoder, reinterpret_cast<const std::uint8_t*>(value.data()), value.size());
}

void CborWriter::text(std::string_view value) {
  begin_value();
  CborEncoder encoder = encoder_onto(out_);
  cbor_encode_text_string(&encoder, value.data(), value.size());
}

CborWriter::Container CborWriter::open(bool is_map) {
  begin_value();
  ++depth_;
  JETWAY_ASSERT(depth_ <= kCborDepthMax);
  return std::exchange(inner_, Container{.is_map = is_map, .begin = out_.size(), .last_key = {}});
}

// Only now the number of items is known, so the head is put in front of what has been written since.
void CborWriter::close(const Container& outer) {
  JETWAY_ASSERT(!inner_.has_key);
  std::array<std::byte, kHeadMaxBytes> head{};
  auto* const memory = reinterpret_cast<std::uint8_t*>(head.data());
  CborEncoder encoder;
  CborEncoder content;
  cbor_encoder_init(&encoder, memory, head.size(), 0);
  if (inner_.is_map) {
    cbor_encoder_create_map(&encoder, &content, inner_.items);
  } else {
    cbor_encoder_create_array(&encoder, &content, inner_.items);
  }
  const auto size = static_cast<std::ptrdiff_t>(cbor_encoder_get_buffer_size(&content, memory));
  out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(inner_.begin), head.begin(), head.begin() + size);
  inner_ = outer;
  --depth_;
}

Bytes CborWriter::take() {
  JETWAY_ASSERT(depth_ == 0 && inner_.items == 1);
  inner_ = {};
  return std::exchange(out_, {});
}

// ---- reader ----

enum class CborReader::Type : std::uint8_t { Uint, Negative, Bytes, Text, Array, Map, Boolean, None };

struct CborReader::Head {
  Type type = Type::None;
  std::uint64_t argument = 0;  // value, -1 - value, length, number of items or pairs, kCborTrue or kCborFalse

  static ::CborError parse(ByteView input, Head& head);
};

void CborReader::fail(CborErrc code, std::string_view reason) {
  if (!error_) error_ = CborError{code, reason};
  rest_ = {};
  value_pending_ = false;
}

// What tinycbor says about the head of a value: CborErrorUnknownLength, CborErrorUnsupportedType and the
// like, or its type and argument.
::CborError CborReader::Head::parse(ByteView input, Head& head) {
  CborParser parser;
  CborValue value;
  if (input.empty()) return CborErrorUnexpectedEOF;
  const auto parsed =
      cbor_parser_init(reinterpret_cast<const std::uint8_t*>(input.data()), input.size(), 0, &parser, &value);
  if (parsed != CborNoError) return parsed;
  std::size_t length = 0;
  bool flag = false;
  auto outcome = CborNoError;
  switch (cbor_value_get_type(&value)) {
    case CborIntegerType:
      head.type = cbor_value_is_unsigned_integer(&value) ? Type::Uint : Type::Negative;
      return cbor_value_get_raw_integer(&value, &head.argument);
    case CborBooleanType:
      head.type = Type::Boolean;
      cbor_value_get_boolean(&value, &flag);
      head.argument = flag ? kCborTrue : kCborFalse;
      return CborNoError;
    case CborByteStringType:
    case CborTextStringType:
      head.type = cbor_value_is_text_string(&value) ? Type::Text : Type::Bytes;
      outcome = cbor_value_get_string_length(&value, &length);
      break;
    case CborArrayType:
      head.type = Type::Array;
      outcome = cbor_value_get_array_length(&value, &length);
      break;
    case CborMapType:
      head.type = Type::Map;
      outcome = cbor_value_get_map_length(&value, &length);
      break;
    default:
      return CborErrorUnsupportedType;
  }
  head.argument = length;
  return outcome;
}

// Takes the head of the next value: tinycbor tells its type and argument, the rest is ours.
CborReader::Head CborReader::head() {
  if (!ok()) return {};
  JETWAY_ASSERT(value_pending_);
  value_pending_ = false;
  Head found;
  const auto outcome = Head::parse(rest_, found);
  const auto [low_bits, size] = shortest_head(found.argument);
  if (outcome == CborErrorUnexpectedEOF) {
    fail(CborErrc::Truncated, "ends inside a value");
  } else if (outcome == CborErrorUnknownLength) {
    fail(CborErrc::NotDeterministic, "indefinite length");
  } else if (outcome == CborErrorDataTooLarge) {
    fail(CborErrc::OutOfRange, "length beyond all memory");
  } else if (outcome != CborNoError) {
    fail(CborErrc::WrongType, "a CBOR type that is not used here");
  } else if ((std::to_integer<unsigned>(rest_.front()) & 0x1f) != low_bits) {
    fail(CborErrc::NotDeterministic, "a head that is longer than needed");
  }
  if (!ok()) return {};
  rest_ = rest_.subspan(size);
  return found;
}

CborReader::Head CborReader::head_of(Type type, std::string_view reason) {
  const Head found = head();
  if (!ok()) return {};
  if (found.type != type) {
    fail(CborErrc::WrongType, reason);
    return {};
  }
  return found;
}

std::uint64_t CborReader::uint(std::uint64_t maximum) {
  const std::uint64_t value = head_of(Type::Uint, "an unsigned integer was expected").argument;
  if (value > maximum) {
    fail(CborErrc::OutOfRange, "number above its limit");
    return 0;
  }
  return value;
}

std::int64_t CborReader::integer() {
  const Head found = head();
  if (ok() && found.type != Type::Uint && found.type != Type::Negative) {
    fail(CborErrc::WrongType, "an integer was expected");
  }
  if (found.argument > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    fail(CborErrc::OutOfRange, "number beyond 64 bits");
  }
  if (!ok()) return 0;
  const auto value = static_cast<std::int64_t>(found.argument);
  return found.type == Type::Uint ? value : -1 - value;
}

bool CborReader::boolean() { return head_of(Type::Boolean, "a boolean was expected").argument == kCborTrue; }

ByteView CborReader::string_of(Type type, std::size_t max_bytes, std::string_view reason) {
  const std::uint64_t size = head_of(type, reason).argument;
  if (size > max_bytes) fail(CborErrc::OutOfRange, "string above its limit");
  if (size > rest_.size()) fail(CborErrc::Truncated, "ends inside a string");
  if (!ok()) return {};
  const ByteView value = rest_.first(static_cast<std::size_t>(size));
  rest_ = rest_.subspan(value.size());
  return value;
}

ByteView CborReader::bytes(std::size_t max_bytes) {
  return string_of(Type::Bytes, max_bytes, "a byte string was expected");
}

std::string_view CborReader::text(std::size_t max_bytes) {
  const std::string_view value = as_text(string_of(Type::Text, max_bytes, "a text string was expected"));
  if (is_utf8(value)) return value;
  fail(CborErrc::OutOfRange, "text is not UTF-8");
  return {};
}

void CborReader::copy_fixed(MutableBytes out) {
  const ByteView value = bytes(out.size());
  if (ok() && value.size() != out.size()) fail(CborErrc::OutOfRange, "byte string of a wrong length");
  if (ok()) copy_bytes(out, value);
}

std::uint64_t CborReader::enter(bool is_map, std::uint64_t max_items) {
  const Head found =
      is_map ? head_of(Type::Map, "a map was expected") : head_of(Type::Array, "an array was expected");
  ++depth_;
  if (depth_ > kCborDepthMax) fail(CborErrc::TooDeep, "nested too deep");
  if (found.argument > max_items) fail(CborErrc::OutOfRange, "more items than are taken");
  // Every item takes a byte at least, so that a loop over them is bounded by the input.
  if (found.argument > rest_.size()) fail(CborErrc::Truncated, "fewer items than announced");
  return ok() ? found.argument : 0;
}

void CborReader::leave() {
  --depth_;
  value_pending_ = false;
}

void CborReader::check_key_order(ByteView& last_key, ByteView key) {
  if (!last_key.empty() && !std::ranges::lexicographical_compare(last_key, key)) {
    fail(CborErrc::NotDeterministic, "map keys out of order or twice");
  }
  last_key = key;
}

std::uint64_t CborReader::next_key(ByteView& last_key) {
  const ByteView before = rest_;
  value_pending_ = true;
  const std::uint64_t key = head_of(Type::Uint, "map keys are unsigned integers").argument;
  if (!ok()) return 0;
  check_key_order(last_key, before.first(before.size() - rest_.size()));
  value_pending_ = ok();
  return key;
}

void CborReader::skip_container(const Head& head) {
  if (++depth_ > kCborDepthMax) fail(CborErrc::TooDeep, "nested too deep");
  if (head.argument > rest_.size()) fail(CborErrc::Truncated, "fewer items than announced");
  ByteView last_key;
  for (std::uint64_t i = 0; i < head.argument && ok(); ++i) {
    if (head.type == Type::Map) {
      const ByteView before = rest_;
      value_pending_ = true;
      skip();
      if (ok()) check_key_order(last_key, before.first(before.size() - rest_.size()));
    }
    value_pending_ = ok();
    skip();
  }
  leave();
}

void CborReader::skip() {
  const Head found = head();
  if (!ok()) return;
  if (found.type == Type::Array || found.type == Type::Map) return skip_container(found);
  if (found.type != Type::Bytes && found.type != Type::Text) return;
  if (found.argument > rest_.size()) return fail(CborErrc::Truncated, "ends inside a string");
  const ByteView value = rest_.first(static_cast<std::size_t>(found.argument));
  if (found.type == Type::Text && !is_utf8(as_text(value)))
    return fail(CborErrc::OutOfRange, "text is not UTF-8");
  rest_ = rest_.subspan(value.size());
}

std::expected<void, CborError> CborReader::finish() {
  JETWAY_ASSERT(!ok() || !value_pending_);
  if (ok() && !rest_.empty()) fail(CborErrc::TrailingBytes, "something follows the value");
  if (error_) return std::unexpected(*error_);
  return {};
}

}  // namespace jetway::wire
