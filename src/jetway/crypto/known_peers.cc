#include "jetway/crypto/known_peers.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <utility>

#include "jetway/base/text.h"

namespace jetway::crypto {

namespace {

constexpr std::string_view kBlanks = " \t";

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kKnownPeerNameMaxBytes && name.front() != '#' &&
         !name.contains(' ') && !has_control_characters(name) && is_utf8(name);
}

bool is_comment(std::string_view comment) {
  return comment.size() <= kKnownPeerCommentMaxBytes && !has_control_characters(comment) && is_utf8(comment);
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// The first word, taken off `text`.
std::string_view take_word(std::string_view& text) {
  text = trim(text);
  const std::size_t size = std::min(text.find_first_of(kBlanks), text.size());
  const std::string_view word = text.substr(0, size);
  text = trim(text.substr(size));
  return word;
}

std::optional<unsigned> digits(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// YYYY-MM-DD
std::optional<std::chrono::year_month_day> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = digits(text.substr(0, 4));
  const auto month = digits(text.substr(5, 2));
  const auto day = digits(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return date;
}

KnownPeersError error_of(KnownPeersErrc code, std::string_view reason, std::size_t line = 0) {
  return {.code = code, .line = line, .reason = reason};
}

std::expected<KnownPeer, KnownPeersError> parse_peer(std::string_view line) {
  std::string_view rest = line;
  const std::string_view name = take_word(rest);
  const std::optional<PeerId> peer = PeerId::from_text(take_word(rest));
  const auto first_seen = parse_date(take_word(rest));
  if (!is_name(name)) return std::unexpected(error_of(KnownPeersErrc::BadName, "bad name"));
  if (!peer) return std::unexpected(error_of(KnownPeersErrc::BadLine, "no peer id behind the name"));
  if (!first_seen) return std::unexpected(error_of(KnownPeersErrc::BadLine, "no date behind the peer id"));
  if (!is_comment(rest)) return std::unexpected(error_of(KnownPeersErrc::BadComment, "bad comment"));
  return KnownPeer{std::string(name), *peer, *first_seen, std::string(rest)};
}

std::string format_peer(const KnownPeer& peer) {
  const auto& date = peer.first_seen;
  std::string line =
      std::format("{} {} {:04}-{:02}-{:02}", peer.name, peer.peer.to_text(), static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  if (!peer.comment.empty()) line += ' ' + peer.comment;
  return line;
}

}  // namespace

std::expected<KnownPeers, KnownPeersError> KnownPeers::parse(std::string_view text) {
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  if (text.size() > kKnownPeersTextMaxBytes || lines > kKnownPeersLinesMax) {
    return std::unexpected(error_of(KnownPeersErrc::TooLarge, "the file of known peers is too large"));
  }
  KnownPeers peers;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    peers.parse_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return peers;
}

void KnownPeers::parse_line(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  const std::string_view content = trim(text);
  if (!content.empty() && content.front() != '#') {
    auto peer = parse_peer(content);
    auto added = peer ? add(*std::move(peer)) : std::unexpected(peer.error());
    if (added) return;
    errors_.push_back(error_of(added.error().code, added.error().reason, lines_.size() + 1));
  }
  lines_.push_back({.peer = std::nullopt, .text = std::string(text)});
}

const KnownPeer* KnownPeers::find(std::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? nullptr : &*lines_[found->second].peer;
}

const KnownPeer* KnownPeers::find(const PeerId& peer) const {
  const auto found =
      std::ranges::find_if(lines_, [&](const Line& line) { return line.peer && line.peer->peer == peer; });
  return found == lines_.end() ? nullptr : &*found->peer;
}

KnownPeers::Match KnownPeers::check(std::string_view name, const PeerId& peer) const {
  const KnownPeer* known = find(name);
  if (known == nullptr) return Match::Unknown;
  return known->peer == peer ? Match::Known : Match::Changed;
}

std::expected<void, KnownPeersError> KnownPeers::add(KnownPeer peer) {
  if (!is_name(peer.name)) return std::unexpected(error_of(KnownPeersErrc::BadName, "bad name"));
  if (!is_comment(peer.comment)) return std::unexpected(error_of(KnownPeersErrc::BadComment, "bad comment"));
  if (by_name_.contains(peer.name)) {
    return std::unexpected(error_of(KnownPeersErrc::DuplicateName, "the name is there already"));
  }
  if (by_name_.size() >= kKnownPeersMax) {
    return std::unexpected(error_of(KnownPeersErrc::TooLarge, "too many known peers"));
  }
  by_name_.emplace(peer.name, lines_.size());
  lines_.push_back({.peer = std::move(peer), .text = {}});
  return {};
}

bool KnownPeers::remove(std::string_view name) {
  const auto found = by_name_.find(std::string(name));
  if (found == by_name_.end()) return false;
  const std::size_t removed = found->second;
  by_name_.erase(found);
  lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(removed));
  for (auto& [_, line] : by_name_) {
    if (line > removed) --line;
  }
  return true;
}

std::string KnownPeers::to_text() const {
  std::string text;
  for (const Line& line : lines_) {
    text += line.peer ? format_peer(*line.peer) : line.text;
    text += '\n';
  }
  return text;
}

}  // namespace jetway::crypto
