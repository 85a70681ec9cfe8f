#include "jetway/transfer/messages.h"

#include <algorithm>
#include <format>

#include "jetway/transfer/safe_path.h"

namespace jetway::transfer {

namespace {

using wire::CborErrc;
using wire::CborReader;
using wire::CborWriter;

// Key 0 of every message.
enum class Type : std::uint64_t {
  Offer = 1,
  Entries = 2,
  EntriesEnd = 3,
  Done = 4,
  Accept = 16,
  Wait = 17,
  Have = 18,
  Answered = 19,
  Renamed = 20,
  Complete = 21,
  Abort = 32,
};

constexpr std::size_t kNameTextMax = kNameMaxBytes;

// ---- encoding: one overload per message ----

CborWriter& begin(CborWriter& out, Type type) {
  out.key(0).uint(static_cast<std::uint64_t>(type));
  return out;
}

void write_fields(CborWriter& out, const Offer& offer) {
  begin(out, Type::Offer).key(1).uint(offer.version);
  out.key(2).bytes(offer.id);
  out.key(3).bytes(offer.job);
  out.key(4).uint(offer.chunk_bytes);
  out.key(5).array([&] {
    for (const std::string& name : offer.names) out.bytes(as_bytes(name));
  });
  if (offer.are_names_cut) out.key(6).boolean(true);
  if (offer.files) out.key(7).uint(*offer.files);
  if (offer.bytes) out.key(8).uint(*offer.bytes);
}

void write_fields(CborWriter& out, const Accept& message) {
  begin(out, Type::Accept).key(1).uint(message.data_streams_max);
}

void write_fields(CborWriter& out, const Wait&) { begin(out, Type::Wait); }

void write_fields(CborWriter& out, const Entries& message) {
  begin(out, Type::Entries).key(1).uint(message.first);
  out.key(2).array([&] {
    for (const Entry& entry : message.entries) write_entry(out, entry, std::nullopt);
  });
}

void write_fields(CborWriter& out, const EntriesEnd& message) {
  begin(out, Type::EntriesEnd).key(1).uint(message.count);
  out.key(2).uint(message.bytes);
}

void write_fields(CborWriter& out, const Have& message) {
  begin(out, Type::Have).key(1).uint(message.file);
  out.key(2).uint(message.first_chunk);
  out.key(3).bytes(std::as_bytes(std::span{message.hashes}));
}

void write_fields(CborWriter& out, const Answered& message) {
  begin(out, Type::Answered).key(1).uint(message.through);
  if (message.skipped.empty()) return;
  out.key(2).array([&] {
    for (const EntryIndex index : message.skipped) out.uint(index);
  });
}

void write_fields(CborWriter& out, const Renamed& message) {
  begin(out, Type::Renamed).key(1).uint(message.entry);
  out.key(2).bytes(as_bytes(message.name));
}

void write_fields(CborWriter& out, const Done& message) {
  begin(out, Type::Done).key(1).bytes(message.root.view());
}

void write_fields(CborWriter& out, const Complete& message) {
  begin(out, Type::Complete).key(1).bytes(message.root.view());
  out.key(2).uint(message.files);
  out.key(3).uint(message.bytes);
  out.key(4).uint(message.renamed);
}

void write_fields(CborWriter& out, const Abort& message) {
  begin(out, Type::Abort).key(1).uint(static_cast<std::uint64_t>(message.code));
  out.key(2).bytes(as_bytes(message.reason).first(std::min(message.reason.size(), kReasonMaxBytes)));
}

// ---- decoding ----

// Reads one map after the other; a key that must be there and is not fails the message.
class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : in_(bytes) {}

  // `read(key)` reads the value of a known key and returns; `required` are keys 1 to 31 as bits.
  template <class Read>
  void fields(std::uint32_t required, Read&& read) {
    std::uint32_t seen = 0;
    in_.map([&](std::uint64_t key) {
      if (key < 32) seen |= 1u << key;
      read(key);
    });
    if (in_.ok() && (seen & required) != required) in_.fail(CborErrc::Truncated, "a field is missing");
  }
  CborReader& in() { return in_; }

  crypto::Hash256 hash() { return {in_.fixed_bytes<crypto::kHashBytes>()}; }
  EntryIndex index() { return static_cast<EntryIndex>(in_.uint(kEntriesMax)); }
  std::string string(std::size_t max_bytes) { return std::string{as_text(in_.bytes(max_bytes))}; }

 private:
  CborReader in_;
};

constexpr std::uint32_t keys(std::initializer_list<unsigned> list) {
  std::uint32_t bits = 0;
  for (const unsigned key : list) bits |= 1u << key;
  return bits;
}

Message read_offer(FieldReader& fields) {
  Offer offer;
  CborReader& in = fields.in();
  fields.fields(keys({0, 1, 2, 3, 4, 5}), [&](std::uint64_t key) {
    switch (key) {
      case 1:
        offer.version = in.uint();
        break;
      case 2:
        offer.id = in.fixed_bytes<16>();
        break;
      case 3:
        offer.job = in.fixed_bytes<32>();
        break;
      case 4:
        offer.chunk_bytes = static_cast<std::uint32_t>(in.uint(0xffff'ffff));
        break;
      case 5:
        in.array(kOfferNamesMax, [&](std::size_t) { offer.names.push_back(fields.string(kNameTextMax)); });
        break;
      case 6:
        offer.are_names_cut = in.boolean();
        break;
      case 7:
        offer.files = in.uint();
        break;
      case 8:
        offer.bytes = in.uint();
        break;
      default:
        break;
    }
  });
  return offer;
}

Message read_accept(FieldReader& fields) {
  Accept message;
  CborReader& in = fields.in();
  fields.fields(keys({0, 1}), [&](std::uint64_t key) {
    if (key == 1) message.data_streams_max = in.uint();
  });
  if (in.ok() && message.data_streams_max == 0) in.fail(CborErrc::OutOfRange, "no data stream at all");
  return message;
}

Message read_wait(FieldReader& fields) {
  fields.fields(keys({0}), [](std::uint64_t) {});
  return Wait{};
}

Entry read_entry(FieldReader& fields) {
  Entry entry;
  CborReader& in = fields.in();
  fields.fields(keys({1, 2, 4, 5}), [&](std::uint64_t key) {
    switch (key) {
      case 1:
        entry.type = static_cast<EntryType>(in.uint(2));
        break;
      case 2:
        entry.path = as_text(in.bytes(kPathMaxBytes));
        break;
      case 3:
        entry.size = in.uint(kFileMaxBytes);
        break;
      case 4:
        entry.mode = static_cast<std::uint32_t>(in.uint(0777));
        break;
      case 5:
        entry.modified_ns = in.integer();
        break;
      case 6:
        entry.link_target = as_text(in.bytes(kPathMaxBytes));
        break;
      default:
        break;
    }
  });
  const bool has_size = entry.type == EntryType::File || entry.size == 0;
  const bool has_link = entry.type == EntryType::Symlink || entry.link_target.empty();
  if (in.ok() && !(has_size && has_link)) in.fail(CborErrc::WrongType, "a field of another type of entry");
  return entry;
}

Message read_entries(FieldReader& fields) {
  Entries message;
  CborReader& in = fields.in();
  fields.fields(keys({0, 1, 2}), [&](std::uint64_t key) {
    if (key == 1) message.first = fields.index();
    if (key == 2) {
      in.array(kEntriesPerMessageMax, [&](std::size_t) { message.entries.push_back(read_entry(fields)); });
    }
  });
  return message;
}

Message read_entries_end(FieldReader& fields) {
  EntriesEnd message;
  fields.fields(keys({0, 1, 2}), [&](std::uint64_t key) {
    if (key == 1) message.count = fields.in().uint();
    if (key == 2) message.bytes = fields.in().uint();
  });
  return message;
}

Message read_have(FieldReader& fields) {
  Have message;
  ByteView hashes;
  fields.fields(keys({0, 1, 2, 3}), [&](std::uint64_t key) {
    if (key == 1) message.file = fields.index();
    if (key == 2) message.first_chunk = fields.in().uint();
    if (key == 3) hashes = fields.in().bytes(kHashesPerMessageMax * crypto::kHashBytes);
  });
  if (hashes.size() % crypto::kHashBytes != 0) {
    fields.in().fail(CborErrc::OutOfRange, "hashes of another length");
    return message;
  }
  message.hashes.resize(hashes.size() / crypto::kHashBytes);
  copy_bytes(std::as_writable_bytes(std::span{message.hashes}), hashes);
  return message;
}

Message read_answered(FieldReader& fields) {
  Answered message;
  CborReader& in = fields.in();
  fields.fields(keys({0, 1}), [&](std::uint64_t key) {
    if (key == 1) message.through = fields.index();
    if (key == 2) {
      in.array(kEntriesPerMessageMax, [&](std::size_t) { message.skipped.push_back(fields.index()); });
    }
  });
  return message;
}

Message read_renamed(FieldReader& fields) {
  Renamed message;
  fields.fields(keys({0, 1, 2}), [&](std::uint64_t key) {
    if (key == 1) message.entry = fields.index();
    if (key == 2) message.name = fields.string(kPathMaxBytes);
  });
  return message;
}

Message read_done(FieldReader& fields) {
  Done message;
  fields.fields(keys({0, 1}), [&](std::uint64_t key) {
    if (key == 1) message.root = fields.hash();
  });
  return message;
}

Message read_complete(FieldReader& fields) {
  Complete message;
  CborReader& in = fields.in();
  fields.fields(keys({0, 1, 2, 3, 4}), [&](std::uint64_t key) {
    switch (key) {
      case 1:
        message.root = fields.hash();
        break;
      case 2:
        message.files = in.uint();
        break;
      case 3:
        message.bytes = in.uint();
        break;
      case 4:
        message.renamed = in.uint();
        break;
      default:
        break;
    }
  });
  return message;
}

// Codes of newer versions, and the one that is never sent, become Failed.
FailureCode failure_code(std::uint64_t number) {
  const bool is_known = number >= 1 && number <= static_cast<std::uint64_t>(FailureCode::Busy);
  const auto code = is_known ? static_cast<FailureCode>(number) : FailureCode::Failed;
  return code == FailureCode::ConnectionLost ? FailureCode::Failed : code;
}

Message read_abort(FieldReader& fields) {
  Abort message;
  fields.fields(keys({0, 1, 2}), [&](std::uint64_t key) {
    if (key == 1) message.code = failure_code(fields.in().uint());
    if (key == 2) message.reason = fields.string(kReasonMaxBytes);
  });
  return message;
}

using ReadMessage = Message (*)(FieldReader&);

ReadMessage reader_of(std::uint64_t type) {
  switch (static_cast<Type>(type)) {
    case Type::Offer:
      return read_offer;
    case Type::Entries:
      return read_entries;
    case Type::EntriesEnd:
      return read_entries_end;
    case Type::Done:
      return read_done;
    case Type::Accept:
      return read_accept;
    case Type::Wait:
      return read_wait;
    case Type::Have:
      return read_have;
    case Type::Answered:
      return read_answered;
    case Type::Renamed:
      return read_renamed;
    case Type::Complete:
      return read_complete;
    case Type::Abort:
      return read_abort;
  }
  return nullptr;
}

TransferResult<std::uint64_t> message_type(ByteView bytes) {
  CborReader in(bytes);
  std::optional<std::uint64_t> type;
  in.map([&](std::uint64_t key) {
    if (key == 0) type = in.uint();
  });
  if (auto whole = in.finish(); !whole) {
    return failed(FailureCode::Protocol, std::format("malformed control message: {}", whole.error().reason));
  }
  if (!type) return failed(FailureCode::Protocol, "control message without a type");
  return *type;
}

}  // namespace

void write_entry(CborWriter& out, const Entry& entry, const std::optional<crypto::Hash256>& content) {
  out.map([&] {
    out.key(1).uint(static_cast<std::uint64_t>(entry.type));
    out.key(2).bytes(as_bytes(entry.path));
    if (entry.type == EntryType::File) out.key(3).uint(entry.size);
    out.key(4).uint(entry.mode);
    out.key(5).integer(entry.modified_ns);
    if (entry.type == EntryType::Symlink) out.key(6).bytes(as_bytes(entry.link_target));
    if (content) out.key(7).bytes(content->view());
  });
}

Bytes encode_message(const Message& message) {
  CborWriter out;
  out.map([&] { std::visit([&](const auto& content) { write_fields(out, content); }, message); });
  return out.take();
}

TransferResult<Message> decode_message(ByteView bytes) {
  const auto type = message_type(bytes);
  if (!type) return std::unexpected(type.error());
  const ReadMessage read = reader_of(*type);
  if (read == nullptr) {
    return failed(FailureCode::Protocol, std::format("unknown control message {}", *type));
  }
  FieldReader fields(bytes);
  Message message = read(fields);
  if (auto whole = fields.in().finish(); !whole) {
    return failed(FailureCode::Protocol,
                  std::format("malformed control message {}: {}", *type, whole.error().reason));
  }
  return message;
}

}  // namespace jetway::transfer
