#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jetway/crypto/peer_id.h"

namespace jetway::crypto {

struct KnownPeer {
  // What the peer is reached by: an alias or an address as people write it. No white space, no '#' in front.
  std::string name;
  PeerId peer;
  std::chrono::year_month_day first_seen;
  std::string comment;  // one line, may be empty

  bool operator==(const KnownPeer&) const = default;
};

enum class KnownPeersErrc : std::uint8_t {
  TooLarge,    // the text or the number of peers is above the limit
  BadName,     // empty, too long, with white space or control characters, or it begins with '#'
  BadComment,  // too long or with control characters
  BadLine,     // not "name peer-id date [comment]"
  DuplicateName,
};

struct KnownPeersError {
  KnownPeersErrc code;
  std::size_t line;         // from 1; 0 where it is not about a line
  std::string_view reason;  // static text

  bool operator==(const KnownPeersError& other) const { return code == other.code && line == other.line; }
};

inline constexpr std::size_t kKnownPeersTextMaxBytes = std::size_t{4} << 20;
inline constexpr std::size_t kKnownPeersLinesMax = 32'768;
inline constexpr std::size_t kKnownPeersMax = 16'384;
inline constexpr std::size_t kKnownPeerNameMaxBytes = 255;
inline constexpr std::size_t kKnownPeerCommentMaxBytes = 255;

// The peers we have met, as the text file `known_peers` holds them: a line each,
//
//   name peer-id first-seen-date [comment]
//
// with empty lines and lines that begin with '#' for people. What cannot be read is reported and kept, so
// that writing the file loses nothing of it. No file is touched here.
class KnownPeers {
 public:
  enum class Match : std::uint8_t {
    Unknown,  // never met under this name
    Known,    // the same key as before
    Changed,  // another key than before: somebody in the middle, or a new machine; never accepted silently
  };

  KnownPeers() = default;
  // Bad lines end up in errors(). An error of the whole is TooLarge.
  static std::expected<KnownPeers, KnownPeersError> parse(std::string_view text);

  const std::vector<KnownPeersError>& errors() const { return errors_; }
  std::size_t size() const { return by_name_.size(); }

  // Null when there is none of that name. Valid until the next change.
  const KnownPeer* find(std::string_view name) const;
  // Null when no name has this key. The first, where several have.
  const KnownPeer* find(const PeerId& peer) const;
  bool is_known(const PeerId& peer) const { return find(peer) != nullptr; }
  Match check(std::string_view name, const PeerId& peer) const;

  // Fails with DuplicateName where the name is taken, by whatever key.
  std::expected<void, KnownPeersError> add(KnownPeer peer);
  // False when there is none of that name.
  bool remove(std::string_view name);

  std::string to_text() const;

 private:
  // A line of the file: a peer, or text that is left as it is.
  struct Line {
    std::optional<KnownPeer> peer;
    std::string text;
  };

  void parse_line(std::string_view text);

  std::vector<Line> lines_;
  std::unordered_map<std::string, std::size_t> by_name_;  // into lines_
  std::vector<KnownPeersError> errors_;
};

}  // namespace jetway::crypto
