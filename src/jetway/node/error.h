#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace jetway::node {

enum class NodeErrc : std::uint8_t {
  BadSetting,    // usage: a flag, an environment variable or the configuration file
  BadFile,       // a key or a list of peers cannot be understood: mend it or move it away
  NoHome,        // neither HOME nor the XDG variables say where our files are
  OpenToOthers,  // a secret file has permissions for others: chmod
  Io,            // reading or writing a file failed
};

// What went wrong with this program's own files and settings. Both texts are ready to be shown.
struct NodeError {
  NodeErrc code;
  std::string text;       // what and where
  std::string hint = {};  // what to do; empty: the text says it

  bool operator==(const NodeError& other) const { return code == other.code; }
};

template <class T>
using NodeResult = std::expected<T, NodeError>;

}  // namespace jetway::node
