#include "jetway/node/target_writer.h"

#include <algorithm>
#include <format>

#include "jetway/base/assert.h"
#include "jetway/node/store_failure.h"
#include "jetway/store/chunk_hash.h"
#include "jetway/transfer/chunk_grid.h"
#include "jetway/transfer/safe_path.h"

namespace jetway::node {

using store::StoreErrc;
using store::StoreResult;
using transfer::ChunkGrid;
using transfer::Entry;
using transfer::EntryIndex;
using transfer::EntryType;
using transfer::UnitRecord;

namespace {

// What prepare() reads of existing files before it lets others have the thread.
constexpr std::uint64_t kReadAtOnceBytes = 32 << 20;
// Partial files of earlier attempts that are continued: each keeps a descriptor until it is whole. More than
// a receiver begins at a time.
constexpr std::size_t kHeldPartialsMax = 256;

store::FileMetadata metadata_of(const Entry& entry) {
  return {.mode = entry.mode, .modified_ns = entry.modified_ns};
}

store::StoreError changed_underneath(const store::File& file) {
  return {
      .code = StoreErrc::Io, .path = file.path(), .reason = "the file changed while its content was used"};
}

// Sets mode and time of a file that is left in place.
StoreResult<void> update_metadata(store::File file, const Entry& entry) {
  return store::PartialFile(std::move(file), {}).set_metadata(metadata_of(entry));
}

bool is_nothing_usable(StoreErrc code) {
  return code == StoreErrc::NotFound || code == StoreErrc::UnsafePath || code == StoreErrc::IsADirectory ||
         code == StoreErrc::Unsupported || code == StoreErrc::PermissionDenied || code == StoreErrc::Busy;
}

}  // namespace

// ---- before content comes ----

transfer::TransferResult<TargetWriter::Prepared> TargetWriter::prepare(EntryIndex first,
                                                                       std::span<const Entry> entries) {
  Prepared out;
  read_bytes_ = 0;
  for (const Entry& entry : entries) {
    const auto index = static_cast<EntryIndex>(first + out.count);
    if (auto done = prepare_entry(index, entry, out); !done) return std::unexpected(failure_of(done.error()));
    ++out.count;
    const bool is_large_found = !out.found.empty() && out.found.back().large;
    if (is_large_found || read_bytes_ >= kReadAtOnceBytes) break;
  }
  return out;
}

TargetWriter::Result TargetWriter::prepare_entry(EntryIndex index, const Entry& entry, Prepared& out) {
  switch (entry.type) {
    case EntryType::Directory:
      return prepare_folder(entry);
    case EntryType::Symlink: {
      auto made = tree_.make_symlink(entry.path, entry.link_target, entry.modified_ns, policy_);
      if (!made) return std::unexpected(std::move(made.error()));
      if (made->outcome == store::CommitOutcome::Renamed) out.renamed.emplace_back(index, made->path);
      return {};
    }
    case EntryType::File:
      return prepare_file(index, entry, out);
  }
  return {};
}

TargetWriter::Result TargetWriter::prepare_folder(const Entry& entry) {
  const auto is_new = tree_.make_directory(entry.path);
  if (!is_new) return std::unexpected(is_new.error());
  if (!is_fresh(entry)) fresh_folder_ = *is_new ? std::string{entry.path} : std::string{};
  return {};
}

// Entries come depth first, so that whatever comes beneath a new folder comes before anything else does.
bool TargetWriter::is_fresh(const Entry& entry) const {
  return !fresh_folder_.empty() && transfer::is_beneath(entry.path, fresh_folder_);
}

TargetWriter::Result TargetWriter::prepare_file(EntryIndex index, const Entry& entry, Prepared& out) {
  if (policy_ == store::CollisionPolicy::Skip && !is_fresh(entry)) {
    const auto present = tree_.lookup(entry.path);
    if (!present) return std::unexpected(present.error());
    if (*present) {
      out.skipped.push_back(index);
      return {};
    }
  }
  if (entry.size == 0) return make_empty(index, entry, out);
  const auto is_partial = find_partial(index, entry, out);
  if (!is_partial) return std::unexpected(is_partial.error());
  if (*is_partial || is_fresh(entry)) return {};
  return find_existing(index, entry, out);
}

TargetWriter::Result TargetWriter::make_empty(EntryIndex index, const Entry& entry, Prepared& out) {
  if (!is_fresh(entry)) {
    if (auto present = tree_.open_existing(entry.path)) {
      const auto version = present->version();
      if (version && version->size == 0) return update_metadata(std::move(*present), entry);
    }
  }
  auto path = write_small(entry, {});
  if (!path) return std::unexpected(std::move(path.error()));
  if (*path != entry.path) out.renamed.emplace_back(index, std::move(*path));
  return {};
}

// The database knows where it is, or else its name follows from the job. What was not to be had stays in
// partials_, for finish().
StoreResult<bool> TargetWriter::find_partial(EntryIndex index, const Entry& entry, Prepared& out) {
  const auto known = partials_.find(entry.path);
  const bool is_known = known != partials_.end();
  const bool is_possible = is_known || (ChunkGrid(entry.size).count() > 1 && !is_fresh(entry));
  if (!is_possible || held_partials_ == kHeldPartialsMax) return false;
  auto partial =
      is_known ? tree_.reopen_partial(known->second, entry.size) : tree_.find_partial(entry.path, entry.size);
  if (!partial) {
    if (is_nothing_usable(partial.error().code)) return false;
    return std::unexpected(std::move(partial.error()));
  }
  if (is_known) partials_.erase(known);
  auto reader = partial->file().duplicate();
  if (!reader) return std::unexpected(std::move(reader.error()));
  Found found{.index = index, .file = std::make_shared<IncomingFile>(entry), .hashes = {}, .large = {}};
  found.file->temp_path = partial->temp_path();
  found.file->partial = std::move(*partial);
  ++held_partials_;
  if (auto added = add_found(std::move(found), std::move(*reader), out); !added) {
    return std::unexpected(std::move(added.error()));
  }
  return true;
}

TargetWriter::Result TargetWriter::find_existing(EntryIndex index, const Entry& entry, Prepared& out) {
  auto present = tree_.open_existing(entry.path);
  if (!present) {
    if (is_nothing_usable(present.error().code)) return {};
    return std::unexpected(std::move(present.error()));
  }
  const auto version = present->version();
  if (!version) return std::unexpected(version.error());
  if (version->size == 0) return {};
  Found found{.index = index, .file = std::make_shared<IncomingFile>(entry), .hashes = {}, .large = {}};
  found.file->existing = *version;
  return add_found(std::move(found), std::move(*present), out);
}

TargetWriter::Result TargetWriter::add_found(Found found, store::File file, Prepared& out) {
  if (ChunkGrid(found.file->entry.size).count() > 1) {
    found.large = std::move(file);
  } else {
    auto hashes = store::hash_chunks(file, 0, 1);
    if (!hashes) return std::unexpected(std::move(hashes.error()));
    found.hashes = std::move(*hashes);
    read_bytes_ += found.file->entry.size;
  }
  out.found.push_back(std::move(found));
  return {};
}

// ---- content ----

transfer::TransferResult<std::vector<TargetWriter::Stored>> TargetWriter::store(std::span<const Job> jobs,
                                                                                ByteView content) {
  std::vector<Stored> results;
  results.reserve(jobs.size());
  for (const Job& job : jobs) {
    const UnitRecord& record = job.record;
    const ByteView chunk = content.first(record.content_bytes());
    content = content.subspan(record.content_bytes());
    if (!record.is_reference && crypto::blake3(chunk) != record.hash) {
      return transfer::failed(transfer::FailureCode::Integrity,
                              std::format("{}: chunk {} is not what was announced; run again to continue",
                                          transfer::quote_path(job.entry.path), record.chunk));
    }
    auto stored = store_one(job, chunk);
    if (!stored) return std::unexpected(failure_of(stored.error()));
    results.push_back(std::move(*stored));
  }
  return results;
}

StoreResult<TargetWriter::Stored> TargetWriter::store_one(const Job& job, ByteView content) {
  Stored stored;
  const bool is_single = ChunkGrid(job.entry.size).count() == 1;
  if (is_single && !job.record.is_reference) {
    auto path = write_small(job.entry, content);
    if (!path) return std::unexpected(std::move(path.error()));
    stored.final_path = std::move(*path);
    return stored;
  }
  IncomingFile& file = *job.file;
  if (job.record.is_reference) {
    const std::lock_guard lock(file.mutex);
    // In a partial file of an earlier attempt it is in its place; from an existing file it has to be copied.
    if (file.existing) file.references.push_back(job.record);
  } else {
    if (auto opened = open_partial(file); !opened) return std::unexpected(std::move(opened.error()));
    const std::uint64_t offset = ChunkGrid(job.entry.size).span(job.record.chunk).offset;
    const std::lock_guard lock(file.writing);
    if (auto done = file.partial->write_at(offset, content); !done) return std::unexpected(done.error());
  }
  if (!is_single) return stored;
  const std::lock_guard lock(file.mutex);
  auto path = commit_locked(file);
  if (!path) return std::unexpected(std::move(path.error()));
  stored.final_path = std::move(*path);
  return stored;
}

StoreResult<std::string> TargetWriter::write_small(const Entry& entry, ByteView content) {
  auto committed = tree_.write_small_file(entry.path, content, metadata_of(entry), policy_);
  if (!committed) return std::unexpected(std::move(committed.error()));
  return std::move(committed->path);
}

// Begins a partial file unless there is one.
TargetWriter::Result TargetWriter::open_partial(IncomingFile& file) {
  const std::lock_guard lock(file.mutex);
  if (file.partial) return {};
  auto created = tree_.create_partial(file.entry.path, file.entry.size);
  if (!created) return std::unexpected(std::move(created.error()));
  file.temp_path = created->temp_path();
  file.partial.emplace(std::move(*created));
  return {};
}

transfer::TransferResult<std::string> TargetWriter::commit(IncomingFile& file) {
  const std::lock_guard lock(file.mutex);
  auto path = commit_locked(file);
  if (!path) return std::unexpected(failure_of(path.error()));
  return std::move(*path);
}

StoreResult<std::string> TargetWriter::commit_locked(IncomingFile& file) {
  const Entry& entry = file.entry;
  if (file.temp_path.empty()) {
    const auto is_identical = adopt_identical(file);
    if (!is_identical) return std::unexpected(is_identical.error());
    if (*is_identical) return std::string{entry.path};
  }
  if (!file.partial) {
    auto created = tree_.create_partial(entry.path, entry.size);
    if (!created) return std::unexpected(std::move(created.error()));
    file.partial.emplace(std::move(*created));
  }
  if (auto done = copy_references(file); !done) {
    if (file.temp_path.empty()) static_cast<void>(tree_.discard(file.partial->temp_path()));
    return std::unexpected(std::move(done.error()));
  }
  const auto size = file.partial->size();
  if (!size) return std::unexpected(size.error());
  if (*size > entry.size) {  // the earlier attempt was of a larger version
    if (auto done = file.partial->truncate(entry.size); !done) return std::unexpected(done.error());
  }
  store::PartialFile partial = std::move(*file.partial);
  file.partial.reset();
  auto committed = tree_.commit(std::move(partial), entry.path, metadata_of(entry), policy_);
  if (!committed) return std::unexpected(std::move(committed.error()));
  return std::move(committed->path);
}

// A file under the final name that is the same in every chunk and nothing more stays where it is.
StoreResult<bool> TargetWriter::adopt_identical(IncomingFile& file) {
  const std::uint64_t chunks = ChunkGrid(file.entry.size).count();
  const bool is_same =
      file.existing && file.existing->size == file.entry.size && file.references.size() == chunks;
  if (!is_same) return false;
  auto present = tree_.open_existing(file.entry.path);
  if (!present) return std::unexpected(std::move(present.error()));
  const auto version = present->version();
  if (!version) return std::unexpected(version.error());
  if (*version != *file.existing) return std::unexpected(changed_underneath(*present));
  if (auto done = update_metadata(std::move(*present), file.entry); !done)
    return std::unexpected(done.error());
  return true;
}

// Nothing guards a file of the user's against changes: each chunk is hashed again as it is copied.
TargetWriter::Result TargetWriter::copy_references(IncomingFile& file) {
  if (file.references.empty()) return {};
  auto present = tree_.open_existing(file.entry.path);
  if (!present) return std::unexpected(std::move(present.error()));
  Bytes chunk(transfer::kChunkBytes);
  for (const UnitRecord& record : file.references) {
    const std::uint64_t offset = ChunkGrid(file.entry.size).span(record.chunk).offset;
    const MutableBytes out = MutableBytes{chunk}.first(record.length);
    const auto read = present->read_at(offset, out);
    if (!read) return std::unexpected(read.error());
    if (*read < out.size() || crypto::blake3(out) != record.hash) {
      return std::unexpected(changed_underneath(*present));
    }
    if (auto done = file.partial->write_at(offset, out); !done) return done;
  }
  file.references.clear();
  return {};
}

// ---- the end ----

transfer::TransferResult<> TargetWriter::finish(std::span<const Entry> folders) {
  for (const Entry& folder : folders) {
    if (auto done = tree_.finish_directory(folder.path, metadata_of(folder)); !done) {
      return std::unexpected(failure_of(done.error()));
    }
  }
  for (const auto& [path, temp_path] : partials_) {
    // Held while it goes: it may be another receiver's by now.
    const auto held = tree_.reopen_partial(temp_path, 0);
    if (held) static_cast<void>(tree_.discard(temp_path));
  }
  if (auto done = tree_.sync_batch(); !done) return std::unexpected(failure_of(done.error()));
  return {};
}

}  // namespace jetway::node
