// What the disk side of a transfer costs per file and per byte. The figures of new files jump with the first
// touch of page-cache memory; compare the ways of one run with each other, not with another day's.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <benchmark/benchmark.h>

#include "jetway/store/chunk_hash.h"
#include "jetway/store/source_tree.h"
#include "jetway/store/state_db.h"
#include "jetway/store/target_tree.h"

namespace jetway::store {
namespace {

// In the working directory, which is on a disk, as /tmp may not be.
class Scratch {
 public:
  Scratch() {
    std::string name = std::filesystem::current_path() / "store-bench-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

constexpr int kFilesPerDirectory = 1000;

// The floor: no atomicity, no metadata.
void plain_write(benchmark::State& state) {
  const Scratch scratch;
  const std::string content(static_cast<std::size_t>(state.range(0)), 'x');
  std::size_t number = 0;
  for (auto _ : state) {
    const std::string path = scratch.path() + "/f" + std::to_string(number++);
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)};
    benchmark::DoNotOptimize(::pwrite(file.fd(), content.data(), content.size(), 0));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void write_small_file(benchmark::State& state, bool has_fallbacks) {
  const Scratch scratch;
  auto tree = TargetTree::open(scratch.path());
  if (!tree) return state.SkipWithError(describe(tree.error()).c_str());
  if (has_fallbacks) tree->use_fallbacks();
  const std::string content(static_cast<std::size_t>(state.range(0)), 'x');
  int number = 0;
  for (auto _ : state) {
    const std::string directory = "d" + std::to_string(number / kFilesPerDirectory);
    if (number % kFilesPerDirectory == 0) benchmark::DoNotOptimize(tree->make_directory(directory));
    auto written = tree->write_small_file(directory + "/f" + std::to_string(number++), as_bytes(content), {},
                                          CollisionPolicy::Rename);
    if (!written) return state.SkipWithError(describe(written.error()).c_str());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void small_file_unnamed(benchmark::State& state) { write_small_file(state, false); }
void small_file_renamed(benchmark::State& state) { write_small_file(state, true); }

void scan_and_open(benchmark::State& state) {
  const Scratch scratch;
  constexpr int kFiles = 1000;
  for (int i = 0; i < kFiles; ++i) std::ofstream{scratch.path() + "/f" + std::to_string(i)} << i;
  for (auto _ : state) {
    auto tree = SourceTree::open({scratch.path()});
    if (!tree) return state.SkipWithError(describe(tree.error()).c_str());
    const SourceBatch batch = tree->next_batch(2 * kFiles);
    for (const SourceEntry& entry : batch.entries) {
      if (entry.type == EntryType::File) benchmark::DoNotOptimize(tree->open(entry));
    }
  }
  state.SetItemsProcessed(state.iterations() * kFiles);
}

void hash_cached_chunks(benchmark::State& state) {
  const Scratch scratch;
  constexpr std::uint64_t kChunks = 64;
  const std::string path = scratch.path() + "/file";
  std::ofstream{path} << std::string(kChunks * kChunkGridBytes, 'x');
  const File file{Descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)}, path};
  for (auto _ : state) benchmark::DoNotOptimize(hash_chunks(file, 0, kChunks));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kChunks * kChunkGridBytes));
}

// A batch of 64 chunks of one large file.
void record_chunks(benchmark::State& state) {
  const Scratch scratch;
  auto opened = StateDb::open(scratch.path());
  if (!opened) return state.SkipWithError(describe(opened.error()).c_str());
  TransferRecord transfer;
  transfer.peer = Bytes(32);
  if (!opened->db.create(transfer)) return state.SkipWithError("cannot create");
  FileProgress file;
  file.path = "file";
  file.state = FileState::Partial;
  std::uint64_t next = 0;
  for (auto _ : state) {
    file.chunks.clear();
    for (int i = 0; i < 64; ++i) file.chunks.push_back({.index = next++, .hash = {}});
    if (!opened->db.record(transfer.id, {&file, 1}, next, {})) return state.SkipWithError("cannot record");
  }
  state.SetItemsProcessed(state.iterations() * 64);
}

// A batch of 256 small files that are complete.
void record_files(benchmark::State& state) {
  const Scratch scratch;
  auto opened = StateDb::open(scratch.path());
  if (!opened) return state.SkipWithError(describe(opened.error()).c_str());
  TransferRecord transfer;
  transfer.peer = Bytes(32);
  if (!opened->db.create(transfer)) return state.SkipWithError("cannot create");
  std::uint64_t next = 0;
  std::vector<FileProgress> files(256);
  for (auto _ : state) {
    for (auto& file : files) {
      file.index = next++;
      file.path = "directory/file" + std::to_string(file.index);
      file.final_path = file.path;
      file.state = FileState::Completed;
    }
    if (!opened->db.record(transfer.id, files, next, {})) return state.SkipWithError("cannot record");
  }
  state.SetItemsProcessed(state.iterations() * 256);
}

// The same number of files for each, so that all find the same directories.
BENCHMARK(plain_write)->Arg(4 << 10)->Arg(64 << 10)->Iterations(1000)->UseRealTime();
BENCHMARK(small_file_unnamed)->Arg(4 << 10)->Arg(64 << 10)->Iterations(1000)->UseRealTime();
BENCHMARK(small_file_renamed)->Arg(4 << 10)->Arg(64 << 10)->Iterations(1000)->UseRealTime();
BENCHMARK(scan_and_open);
BENCHMARK(hash_cached_chunks)->UseRealTime();
BENCHMARK(record_chunks)->UseRealTime();
BENCHMARK(record_files)->UseRealTime();

}  // namespace
}  // namespace jetway::store
