#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/crypto/hash.h"
#include "jetway/transfer/entry.h"
#include "jetway/transfer/failure.h"
#include "jetway/transfer/manifest.h"
#include "jetway/wire/cbor.h"

// The control messages of a transfer (docs/protocol/transfer.md, sections 3 to 8): deterministic CBOR maps
// whose key 0 says which one it is.
namespace jetway::transfer {

inline constexpr std::uint64_t kProtocolVersion = 1;
inline constexpr std::size_t kMessageMaxBytes = 1 << 20;

inline constexpr std::size_t kOfferNamesMax = 64;
inline constexpr std::size_t kEntriesPerMessageMax = 4096;
inline constexpr std::size_t kHashesPerMessageMax = 16'384;
inline constexpr std::size_t kReasonMaxBytes = 4096;

using TransferId = std::array<std::byte, 16>;
using JobKey = std::array<std::byte, 32>;

// Sender: the first message.
struct Offer {
  std::uint64_t version = kProtocolVersion;
  TransferId id{};  // random, of this run
  JobKey job{};     // the same for every run of the same send
  std::uint32_t chunk_bytes = 0;
  std::vector<std::string> names{};  // of the top level, at most kOfferNamesMax
  bool are_names_cut = false;
  std::optional<std::uint64_t> files{};  // hints
  std::optional<std::uint64_t> bytes{};

  bool operator==(const Offer&) const = default;
};

// Receiver: go on.
struct Accept {
  std::uint64_t data_streams_max = 1;  // open at a time, at least 1

  bool operator==(const Accept&) const = default;
};

// Receiver: the same job is running; Accept follows when that has ended.
struct Wait {
  bool operator==(const Wait&) const = default;
};

// Sender: entries [first, first + entries.size()). Decoded ones are views of the message.
struct Entries {
  EntryIndex first = 0;
  std::vector<Entry> entries{};

  bool operator==(const Entries&) const = default;
};

// Sender: there are no more than `count`.
struct EntriesEnd {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;

  bool operator==(const EntriesEnd&) const = default;
};

// Receiver: the hashes of chunks [first_chunk, ...) of a file that are there already.
struct Have {
  EntryIndex file = 0;
  std::uint64_t first_chunk = 0;
  std::vector<crypto::Hash256> hashes{};

  bool operator==(const Have&) const = default;
};

// Receiver: all is said about the entries below `through`; of those that were open, `skipped` are not wanted.
struct Answered {
  EntryIndex through = 0;
  std::vector<EntryIndex> skipped{};  // rising

  bool operator==(const Answered&) const = default;
};

// Receiver: a file has another final name than the sender's.
struct Renamed {
  EntryIndex entry = 0;
  std::string name{};

  bool operator==(const Renamed&) const = default;
};

// Sender: everything has been written to the streams; the root of the manifest.
struct Done {
  crypto::Hash256 root{};

  bool operator==(const Done&) const = default;
};

// Receiver: everything is verified and stored; its own root.
struct Complete {
  crypto::Hash256 root{};
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t renamed = 0;

  bool operator==(const Complete&) const = default;
};

// Either side: the transfer is over without success. The last message of that side.
struct Abort {
  FailureCode code = FailureCode::Failed;
  std::string reason{};

  bool operator==(const Abort&) const = default;
};

using Message =
    std::variant<Offer, Accept, Wait, Entries, EntriesEnd, Have, Answered, Renamed, Done, Complete, Abort>;

Bytes encode_message(const Message& message);
// Protocol, with what is wrong, for anything that encode_message() would not have made. Limits above hold;
// whether the content makes sense (paths, order) is the coordinator's business.
TransferResult<Message> decode_message(ByteView bytes);

// An entry as it stands in Entries and, with the digest of a file's content, in the root.
void write_entry(wire::CborWriter& out, const Entry& entry, const std::optional<crypto::Hash256>& content);

}  // namespace jetway::transfer
