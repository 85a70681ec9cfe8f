#include "jetway/node/known_peers_file.h"

#include <format>

#include "jetway/base/text.h"
#include "jetway/node/private_file.h"

namespace jetway::node {

NodeResult<crypto::KnownPeers> KnownPeersFile::read() const {
  const auto content = read_private_file(path_);
  if (!content) return std::unexpected(content.error());
  if (!*content) return crypto::KnownPeers{};
  auto peers = crypto::KnownPeers::parse(**content);
  if (!peers) {
    return std::unexpected(NodeError{
        NodeErrc::BadFile, std::format("{}: {}", escape_text(path_.native()), peers.error().reason)});
  }
  if (!peers->errors().empty()) {
    const crypto::KnownPeersError& error = peers->errors().front();
    return std::unexpected(NodeError{
        NodeErrc::BadFile, std::format("{}:{}: {}", escape_text(path_.native()), error.line, error.reason),
        "correct or remove that line: NAME PEER-ID YYYY-MM-DD [COMMENT]"});
  }
  return std::move(*peers);
}

NodeResult<void> KnownPeersFile::remember(crypto::KnownPeer peer) const {
  const auto lock = PrivateFileLock::acquire(path_);
  if (!lock) return std::unexpected(lock.error());
  auto peers = read();
  if (!peers) return std::unexpected(std::move(peers.error()));
  if (peers->check(peer.name, peer.peer) == crypto::KnownPeers::Match::Known) return {};
  const std::string name = peer.name;
  if (const auto added = peers->add(std::move(peer)); !added) {
    return std::unexpected(
        NodeError{NodeErrc::BadFile, std::format("{}: cannot remember {}: {}", escape_text(path_.native()),
                                                 escape_text(name), added.error().reason)});
  }
  return replace_private_file(path_, peers->to_text());
}

}  // namespace jetway::node
