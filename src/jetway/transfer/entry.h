#pragma once

#include <cstdint>
#include <string_view>

namespace jetway::transfer {

// The place of an entry in the manifest, from 0.
using EntryIndex = std::uint32_t;

// What a name in a manifest is; the numbers are those of the wire.
enum class EntryType : std::uint8_t { File = 0, Directory = 1, Symlink = 2 };

// One name of a manifest. A view: whoever hands one out owns the texts. Names are raw bytes.
struct Entry {
  EntryType type = EntryType::File;
  std::string_view path{};         // relative, "top/sub/name"
  std::uint64_t size = 0;          // File
  std::uint32_t mode = 0;          // 0777 of it
  std::int64_t modified_ns = 0;    // since 1970
  std::string_view link_target{};  // Symlink

  bool operator==(const Entry&) const = default;
};

}  // namespace jetway::transfer
