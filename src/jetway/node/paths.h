#pragma once

#include <filesystem>

#include "jetway/node/environment.h"
#include "jetway/node/error.h"

namespace jetway::node {

// Where a user's files are (XDG Base Directory Specification).
struct Paths {
  std::filesystem::path config;  // $XDG_CONFIG_HOME/jetway or ~/.config/jetway: key, known peers, config.toml
  std::filesystem::path
      state;                   // $XDG_STATE_HOME/jetway or ~/.local/state/jetway: transfers that are not done
  std::filesystem::path data;  // $XDG_DATA_HOME/jetway or ~/.local/share/jetway

  std::filesystem::path config_file() const { return config / "config.toml"; }
  std::filesystem::path identity_file() const { return config / "identity.pem"; }
  std::filesystem::path known_peers_file() const { return config / "known_peers"; }
  std::filesystem::path allowed_peers_file() const { return config / "allowed_peers"; }
};

// Only names them. A relative XDG path is ignored, as the specification demands; NoHome when HOME is needed
// and is not set to an absolute path.
NodeResult<Paths> find_paths(const Environment& environment);

// The folder and its missing parents, each with mode 0700 when it is made here.
NodeResult<void> make_private_directory(const std::filesystem::path& directory);

}  // namespace jetway::node
