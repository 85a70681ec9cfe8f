#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jetway/store/beneath.h"
#include "jetway/store/error.h"

namespace jetway::store {

// One of the paths that the user named, taken apart: where it is on the disk and what it is called in the
// stream of entries.
struct SourceRoot {
  std::string given;                      // as the user wrote it, for messages
  std::string top;                        // first component of its entries' paths
  std::shared_ptr<DirectoryRoot> parent;  // shared by roots in the same directory
  std::string name;                       // beneath `parent`; empty: it is `parent` itself ("/")

  // Beneath `parent`, from the path of an entry ("top/sub/name").
  std::string disk_path(std::string_view entry_path) const;
  // As the user would write it.
  std::string display_path(std::string_view entry_path) const;
};

// The errors are those of SourceTree::open.
StoreResult<std::vector<SourceRoot>> open_source_roots(const std::vector<std::string>& given,
                                                       std::size_t cached_directories);

}  // namespace jetway::store
