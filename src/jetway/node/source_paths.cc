#include "jetway/node/source_paths.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "jetway/crypto/hash.h"
#include "jetway/transfer/safe_path.h"

namespace jetway::node {

namespace {

namespace fs = std::filesystem;

std::string_view without_slashes(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// Resolves the folders on the way but not the last name, which may be a link that the user means as such.
// "link/" keeps its slash: it means the folder behind the link.
std::string canonical_root(const fs::path& given) {
  std::string text = given.string();
  const fs::path path{without_slashes(text)};
  const fs::path name = path.filename();
  const bool has_name = !name.empty() && name != "." && name != "..";
  std::error_code error;
  const fs::path folder = has_name && path.has_parent_path() ? path.parent_path() : fs::path{"."};
  const fs::path resolved = fs::canonical(has_name ? folder : path, error);
  if (error) return text;
  if (!has_name) return resolved.string();
  return (resolved / name).string() + (text.ends_with('/') ? "/" : "");
}

}  // namespace

std::string top_name(std::string_view root) {
  const std::string_view path = without_slashes(root);
  if (path == "/") return "root";
  return std::string{path.substr(path.rfind('/') + 1)};
}

std::vector<std::string> canonical_roots(const std::vector<fs::path>& paths) {
  std::vector<std::string> roots;
  roots.reserve(paths.size());
  for (const fs::path& path : paths) roots.push_back(canonical_root(path));
  std::ranges::stable_sort(roots, [](const std::string& a, const std::string& b) {
    return transfer::compare_paths(top_name(a), top_name(b)) < 0;
  });
  const auto repeated = std::ranges::unique(roots);
  roots.erase(repeated.begin(), repeated.end());
  return roots;
}

transfer::JobKey job_key_of(const std::vector<std::string>& roots) {
  crypto::Blake3 hasher;
  hasher.update(as_bytes("jetway send job 1"));
  for (const std::string& root : roots) {
    hasher.update(as_bytes(root));
    hasher.update(as_bytes(std::string_view{"\0", 1}));  // paths have none
  }
  return hasher.finish().bytes;
}

}  // namespace jetway::node
