#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace jetway::node {

enum class NodeErrc : std::uint8_t {
  BadSetting,    // usage: a flag or an environment variable has a value that does not fit
  BadFile,       // a file of ours (configuration, key, known peers) cannot be understood: edit or remove it
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
