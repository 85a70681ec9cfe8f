#include "exchange.h"

#include <algorithm>

#include "jetway/base/assert.h"
#include "jetway/transfer/safe_path.h"
#include "jetway/wire/reader.h"

namespace jetway::transfer::test {

crypto::Hash256 hash_of_id(std::uint64_t id) { return crypto::blake3(std::as_bytes(std::span{&id, 1})); }

ModelFile file_of(std::vector<std::uint64_t> ids, std::uint64_t last_chunk_bytes) {
  const std::uint64_t size = ids.empty() ? 0 : (ids.size() - 1) * kChunkBytes + last_chunk_bytes;
  return {.type = EntryType::File, .size = size, .ids = std::move(ids), .link_target = {}};
}

ModelFile small_file(std::uint64_t id, std::uint64_t bytes) { return file_of({id}, bytes); }

Exchange::Exchange(const ModelTree& source, ModelDisk& disk, std::uint64_t seed, ReceiveLimits limits)
    : sender(Offer{.chunk_bytes = kChunkBytes, .names = {"tree"}}),
      receiver(limits),
      random_(seed),
      source_(source),
      disk_(disk) {
  for (const auto& [path, file] : source_) names_.push_back(path);
  std::ranges::sort(names_, [](const auto& a, const auto& b) { return compare_paths(a, b) < 0; });
  sender.begin();
  drain();
}

std::size_t Exchange::run() {
  std::size_t steps = 0;
  while (step()) ++steps;
  return steps;
}

bool Exchange::step() {
  static constexpr Action kActions[] = {&Exchange::scan,
                                        &Exchange::read,
                                        &Exchange::end_read,
                                        &Exchange::deliver_to_receiver,
                                        &Exchange::deliver_to_sender,
                                        &Exchange::deliver_unit,
                                        &Exchange::prepare,
                                        &Exchange::store,
                                        &Exchange::finish};
  const std::size_t start = random_.below(std::size(kActions));
  for (std::size_t i = 0; i < std::size(kActions); ++i) {
    const Action action = kActions[(start + i) % std::size(kActions)];
    if (!(this->*action)()) continue;
    drain();
    return true;
  }
  return false;
}

void Exchange::drain() {
  while (auto message = sender.poll_message()) to_receiver_.push_back(std::move(*message));
  while (auto message = receiver.poll_message()) to_sender_.push_back(std::move(*message));
  while (sender.poll_event()) continue;
  while (auto event = receiver.poll_event()) {
    if (std::holds_alternative<ReceiveCoordinator::Offered>(*event)) receiver.accept();
    if (auto* batch = std::get_if<ReceiveCoordinator::EntriesArrived>(&*event)) batches_.push_back(*batch);
    if (std::holds_alternative<ReceiveCoordinator::ReadyToFinish>(*event)) is_ready_to_finish_ = true;
  }
  while (auto message = receiver.poll_message()) to_sender_.push_back(std::move(*message));
}

bool Exchange::scan() {
  if (!sender.wants_entries() || is_scan_ended_) return false;
  std::vector<Entry> batch;
  for (std::uint64_t left = 1 + random_.below(5); left > 0 && scanned_ < names_.size(); --left) {
    const std::string& name = names_[scanned_++];
    const ModelFile& file = source_.at(name);
    batch.push_back({.type = file.type,
                     .path = name,
                     .size = file.size,
                     .mode = 0644,
                     .modified_ns = 7,
                     .link_target = file.link_target});
  }
  sender.add_entries(batch);
  if (scanned_ == names_.size()) {
    is_scan_ended_ = true;
    sender.end_entries();
  }
  return true;
}

bool Exchange::read() {
  if (reads_.size() >= lanes_.size()) return false;
  const auto job = sender.poll_job();
  if (!job) return false;
  std::vector<UnitRecord> records;
  for (const ReadPiece& piece : *job) {
    const std::string path{sender.entries()[piece.file].path};
    records.push_back(make_record(piece, hash_of_id(source_.at(path).ids.at(piece.chunk))));
  }
  reads_.push_back(std::move(records));
  return true;
}

bool Exchange::end_read() {
  if (reads_.empty()) return false;
  const auto at = reads_.begin() + static_cast<std::ptrdiff_t>(random_.below(reads_.size()));
  const std::vector<UnitRecord> records = std::move(*at);
  reads_.erase(at);
  sender.on_job_read(records);
  lanes_[random_.below(lanes_.size())].units.push_back(records);
  sender.on_unit_written(records);
  return true;
}

bool Exchange::deliver_to_receiver() {
  if (to_receiver_.empty()) return false;
  wire::Reader in(to_receiver_.front());
  const ByteView message = in.sized_bytes(kMessageMaxBytes);
  JETWAY_ASSERT(in.is_complete());
  message_bytes_max = std::max(message_bytes_max, message.size());
  receiver.handle_message(message);
  to_receiver_.pop_front();
  return true;
}

bool Exchange::deliver_to_sender() {
  if (to_sender_.empty()) return false;
  wire::Reader in(to_sender_.front());
  sender.handle_message(in.sized_bytes(kMessageMaxBytes));
  to_sender_.pop_front();
  return true;
}

bool Exchange::deliver_unit() {
  Lane& lane = lanes_[random_.below(lanes_.size())];
  const auto filled = std::ranges::find_if(lanes_, [](const Lane& l) { return !l.units.empty(); });
  if (filled == lanes_.end()) return false;
  Lane& from = lane.units.empty() ? *filled : lane;
  const Bytes encoded = encode_unit(from.units.front());
  const auto records = decode_unit_table(ByteView{encoded}.subspan(kUnitPrefixBytes));
  from.units.pop_front();
  if (receiver.handle_unit(*records)) stores_.insert(stores_.end(), records->begin(), records->end());
  return true;
}

bool Exchange::prepare() {
  if (batches_.empty() || is_final(receiver.state())) return false;
  const auto batch = batches_.front();
  batches_.pop_front();
  std::vector<EntryIndex> skipped;
  for (EntryIndex index = batch.first; index < batch.first + batch.count; ++index) find(index, skipped);
  receiver.on_prepared(batch.first + batch.count, std::move(skipped));
  return true;
}

void Exchange::find(EntryIndex index, std::vector<EntryIndex>& skipped) {
  const Entry entry = receiver.entries()[index];
  const std::string path{entry.path};
  if (entry.type != EntryType::File || entry.size == 0) {
    disk_.files[path] = source_.at(path);
    return;
  }
  if (std::ranges::find(skip, path) != skip.end()) {
    skipped.push_back(index);
    return;
  }
  std::vector<crypto::Hash256> hashes;
  const std::uint64_t chunks = ChunkGrid(entry.size).count();
  if (const auto partial = disk_.partials.find(path); partial != disk_.partials.end()) {
    const std::uint64_t end = partial->second.empty() ? 0 : partial->second.rbegin()->first + 1;
    for (std::uint64_t k = 0; k < std::min(end, chunks); ++k) {
      const auto at = partial->second.find(k);
      hashes.push_back(at == partial->second.end() ? hash_of_id(0) : hash_of_id(at->second));  // 0: a hole
    }
  } else if (const auto existing = disk_.files.find(path); existing != disk_.files.end()) {
    for (std::uint64_t k = 0; k < std::min<std::uint64_t>(existing->second.ids.size(), chunks); ++k) {
      hashes.push_back(hash_of_id(existing->second.ids[k]));
    }
  }
  for (std::size_t first = 0; first < hashes.size();) {
    const std::size_t count = 1 + random_.below(hashes.size() - first);
    receiver.on_found(index, first, std::span{hashes}.subspan(first, count));
    first += count;
  }
}

bool Exchange::store() {
  if (stores_.empty()) return false;
  const auto at = stores_.begin() + static_cast<std::ptrdiff_t>(random_.below(stores_.size()));
  const UnitRecord record = *at;
  stores_.erase(at);
  if (is_final(receiver.state())) return true;
  const std::string path{receiver.entries()[record.file].path};
  const std::uint64_t id = source_.at(path).ids.at(record.chunk);
  JETWAY_ASSERT(hash_of_id(id) == record.hash);
  disk_.partials[path][record.chunk] = id;
  if (receiver.on_chunk_stored(record)) commit(record.file);
  return true;
}

void Exchange::commit(EntryIndex index) {
  const Entry entry = receiver.entries()[index];
  const std::string path{entry.path};
  ModelFile file{.type = EntryType::File, .size = entry.size, .ids = {}, .link_target = {}};
  for (const auto& [chunk, id] : disk_.partials.at(path)) file.ids.push_back(id);
  disk_.partials.erase(path);
  disk_.files[path] = file;
  receiver.on_committed(index);
}

bool Exchange::finish() {
  if (!is_ready_to_finish_) return false;
  is_ready_to_finish_ = false;
  receiver.on_durable();
  return true;
}

}  // namespace jetway::transfer::test
