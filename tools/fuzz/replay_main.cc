// Runs a fuzz target over a saved corpus without libFuzzer, so that every build's tests cover it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

void run_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::vector<std::uint8_t> input(content.begin(), content.end());
  std::fprintf(stderr, "%s: %zu bytes\n", path.c_str(), input.size());  // the last line names a crash
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

std::vector<fs::path> corpus_files(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint8_t nothing = 0;
  LLVMFuzzerTestOneInput(&nothing, 0);
  std::size_t count = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& file : corpus_files(argv[i])) {
      run_file(file);
      ++count;
    }
  }
  if (count == 0) {
    std::fputs("no corpus files found\n", stderr);
    return 1;
  }
  std::printf("%zu corpus files replayed\n", count);
  return 0;
}
