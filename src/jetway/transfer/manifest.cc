#include "jetway/transfer/manifest.h"

#include <algorithm>
#include <cstring>
#include <format>

#include "jetway/base/assert.h"
#include "jetway/transfer/messages.h"
#include "jetway/transfer/safe_path.h"
#include "jetway/wire/cbor.h"

namespace jetway::transfer {

namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr std::uint32_t kModeMask = 0777;
constexpr unsigned kTypeShift = 16;

}  // namespace

// ---- EntryTable ----

char* EntryTable::reserve_text(std::size_t count) {
  if (block_left_ < count) {
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
    block_at_ = blocks_.back().get();
    block_left_ = kBlockBytes;
  }
  block_left_ -= count;
  return std::exchange(block_at_, block_at_ + count);
}

EntryIndex EntryTable::append(const Entry& entry) {
  JETWAY_ASSERT(entry.path.size() <= kPathMaxBytes && entry.link_target.size() <= kPathMaxBytes);
  JETWAY_ASSERT(records_.size() < kEntriesMax);
  char* const texts = reserve_text(entry.path.size() + entry.link_target.size());
  std::ranges::copy(entry.path, texts);
  std::ranges::copy(entry.link_target, texts + entry.path.size());
  records_.push_back(
      {.texts = texts,
       .size = entry.size,
       .modified_ns = entry.modified_ns,
       .mode_and_type = static_cast<std::uint32_t>(entry.type) << kTypeShift | (entry.mode & kModeMask),
       .path_bytes = static_cast<std::uint16_t>(entry.path.size()),
       .link_bytes = static_cast<std::uint16_t>(entry.link_target.size())});
  return static_cast<EntryIndex>(records_.size() - 1);
}

Entry EntryTable::operator[](EntryIndex index) const {
  JETWAY_ASSERT(index < records_.size());
  const Record& record = records_[index];
  return {.type = static_cast<EntryType>(record.mode_and_type >> kTypeShift),
          .path = {record.texts, record.path_bytes},
          .size = record.size,
          .mode = record.mode_and_type & kModeMask,
          .modified_ns = record.modified_ns,
          .link_target = {record.texts + record.path_bytes, record.link_bytes}};
}

// ---- EntryCheck ----

TransferResult<> EntryCheck::pass(const Entry& entry) {
  if (auto safe = check_path(entry.path); !safe) return safe;
  if (entry.type == EntryType::Symlink) {
    if (auto safe = check_link(entry.path, entry.link_target, links_); !safe) return safe;
  }
  if (auto placed = check_place(entry); !placed) return placed;
  last_path_ = entry.path;
  last_type_ = entry.type;
  return {};
}

TransferResult<> EntryCheck::check_place(const Entry& entry) const {
  const auto refuse = [&](std::string_view what) {
    return failed(FailureCode::BadName,
                  std::format("{} and {}: {}", quote_path(last_path_), quote_path(entry.path), what));
  };
  if (entry.path == last_path_) return refuse("two names that fall together");
  if (is_beneath(entry.path, last_path_) && last_type_ != EntryType::Directory) {
    return refuse("the first is a file or link, the second needs it to be a folder");
  }
  if (!last_path_.empty() && compare_paths(last_path_, entry.path) > 0) {
    return refuse("the second comes too late; its name may have been used before");
  }
  const std::string_view parent = parent_path(entry.path);
  const bool has_parent = parent.empty() || parent == last_path_ || is_beneath(last_path_, parent);
  if (!has_parent) return refuse("the folder of the second was not announced");
  return {};
}

// ---- digests and the root ----

bool ContentDigest::add(std::uint64_t chunk, const crypto::Hash256& hash) {
  if (chunk < next_ || chunk - next_ > kWindow) return false;
  if (chunk > next_) return early_.emplace(chunk, hash).second;
  hasher_.update(hash.view());
  ++next_;
  while (!early_.empty() && early_.begin()->first == next_) {
    hasher_.update(early_.begin()->second.view());
    early_.erase(early_.begin());
    ++next_;
  }
  return true;
}

crypto::Hash256 empty_content_digest() { return ContentDigest{}.finish(); }

void RootHasher::add(const Entry& entry, const std::optional<crypto::Hash256>& content) {
  wire::CborWriter out;
  write_entry(out, entry, content);
  hasher_.update(out.take());
}

void RootBuilder::on_file(EntryIndex file, const std::optional<crypto::Hash256>& content) {
  const bool is_new = file >= done_ && ended_.emplace(file, content).second;
  JETWAY_ASSERT(is_new);
}

void RootBuilder::advance(EntryIndex through) {
  for (; done_ < through; ++done_) {
    const Entry entry = entries_[done_];
    if (entry.type != EntryType::File) {
      hasher_.add(entry, std::nullopt);
      continue;
    }
    if (ended_.empty() || ended_.begin()->first != done_) return;
    hasher_.add(entry, ended_.begin()->second);
    ended_.erase(ended_.begin());
  }
}

}  // namespace jetway::transfer
