#include "jetway/node/progress_reporter.h"

namespace jetway::node {

void count_entries(const transfer::EntryTable& entries, TransferSummary& summary) {
  for (transfer::EntryIndex i = 0; i < entries.size(); ++i) {
    const transfer::EntryType type = entries[i].type;
    if (type == transfer::EntryType::Directory) ++summary.directories;
    if (type == transfer::EntryType::Symlink) ++summary.links;
  }
}

}  // namespace jetway::node
