#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/stat.h>

#include <gtest/gtest.h>

namespace jetway::store {

// A real directory of one test, removed with everything in it. JETWAY_TEST_DIR is a folder of the build.
class TempDir {
 public:
  TempDir() {
    std::filesystem::create_directories(JETWAY_TEST_DIR);
    std::string name = JETWAY_TEST_DIR "/store-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    for (std::filesystem::recursive_directory_iterator at{path_, ignored}, end; at != end;
         at.increment(ignored)) {
      if (at->is_directory(ignored) && !at->is_symlink(ignored)) ::chmod(at->path().c_str(), 0700);
    }
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  // The full path of what is in it.
  std::string operator/(std::string_view name) const { return path_ + '/' + std::string{name}; }

  void make_directory(std::string_view name) const { std::filesystem::create_directories(*this / name); }
  void make_link(std::string_view name, std::string_view target) const {
    std::filesystem::create_symlink(target, *this / name);
  }
  void write(std::string_view name, std::string_view content) const {
    std::ofstream{*this / name, std::ios::binary} << content;
  }
  std::string read(std::string_view name) const {
    std::ifstream file{*this / name, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  bool has(std::string_view name) const {
    return std::filesystem::symlink_status(*this / name).type() != std::filesystem::file_type::not_found;
  }
  // The names in a directory.
  std::set<std::string> names(std::string_view name = ".") const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator{*this / name}) {
      names.insert(entry.path().filename());
    }
    return names;
  }

 private:
  std::string path_;
};

// Shows the error of a result that was expected to be good.
#define ASSERT_STORED(result) ASSERT_TRUE((result).has_value()) << ::jetway::store::describe((result).error())
#define EXPECT_STORED(result) EXPECT_TRUE((result).has_value()) << ::jetway::store::describe((result).error())

template <class Result>
auto code_of(const Result& result) {
  EXPECT_FALSE(result.has_value());
  return result.has_value() ? static_cast<decltype(result.error().code)>(0xff) : result.error().code;
}

}  // namespace jetway::store
