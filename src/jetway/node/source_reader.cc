#include "jetway/node/source_reader.h"

#include <string>
#include <utility>

#include "jetway/node/store_failure.h"

namespace jetway::node {

using transfer::ChunkGrid;
using transfer::UnitRecord;

std::shared_ptr<SourceReader::OpenSource> SourceReader::source_of(const transfer::ReadPiece& piece,
                                                                  const transfer::Entry& entry) {
  const std::uint64_t chunks = ChunkGrid(entry.size).count();
  const auto known = large_.find(piece.file);
  std::shared_ptr<OpenSource> source = known != large_.end() ? known->second : nullptr;
  if (!source) {
    source = std::make_shared<OpenSource>();
    source->entry = {.index = piece.file,
                     .path = std::string{entry.path},
                     .type = store::EntryType::File,
                     .mode = entry.mode,
                     .link_target = {},
                     .version = sources_[piece.file].version,
                     .root = sources_[piece.file].root};
    source->chunks_left = chunks;
    if (chunks > 1) large_.emplace(piece.file, source);
  }
  if (piece.chunk + 1 == chunks) large_.erase(piece.file);
  return source;
}

SourceReader::Plan SourceReader::plan(const transfer::ReadJob& job, const transfer::EntryTable& entries) {
  Plan plan;
  plan.reserve(job.size());
  for (const transfer::ReadPiece& piece : job) {
    plan.push_back({piece, source_of(piece, entries[piece.file])});
  }
  return plan;
}

transfer::TransferResult<std::vector<UnitRecord>> SourceReader::read(const Plan& plan, Buffer& buffer) const {
  std::vector<UnitRecord> records;
  records.reserve(plan.size());
  std::size_t used = 0;
  buffer.resize(buffer.capacity());
  for (const PlannedPiece& planned : plan) {
    const MutableBytes out = buffer.bytes().subspan(used, planned.piece.span.length);
    if (auto done = read_piece(planned, out); !done) return std::unexpected(failure_of(done.error()));
    records.push_back(make_record(planned.piece, crypto::blake3(out)));
    used += records.back().content_bytes();
  }
  buffer.resize(used);
  return records;
}

store::StoreResult<void> SourceReader::read_piece(const PlannedPiece& planned, MutableBytes out) const {
  OpenSource& source = *planned.source;
  {
    const std::lock_guard lock(source.mutex);
    if (!source.file) {
      auto opened = tree_.open(source.entry);
      if (!opened) return std::unexpected(std::move(opened.error()));
      source.file.emplace(std::move(*opened));
    }
  }
  if (auto done = source.file->read_at(planned.piece.span.offset, out); !done) return done;
  if (--source.chunks_left > 0) return {};
  return source.file->verify_unchanged();
}

}  // namespace jetway::node
