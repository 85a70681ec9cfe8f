#pragma once

#include <filesystem>
#include <utility>

#include "jetway/crypto/known_peers.h"
#include "jetway/node/error.h"

namespace jetway::node {

// A file of peers (crypto/known_peers.h has its format), read and changed as a whole. There are two of them:
// known_peers, whom we have reached and under which name, and allowed_peers, whose files we take without
// asking: that we sent something to a machine once does not let it write into our folders.
class KnownPeersFile {
 public:
  explicit KnownPeersFile(std::filesystem::path path) : path_(std::move(path)) {}

  // Empty when there is no file. A line that cannot be read is BadFile: it may be the one that matters.
  NodeResult<crypto::KnownPeers> read() const;

  // Adds a peer and makes the change durable, safe against other programs that do the same. Fine when the
  // same peer is there already under that name; BadFile when another one is.
  NodeResult<void> remember(crypto::KnownPeer peer) const;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace jetway::node
