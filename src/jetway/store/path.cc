#include "jetway/store/path.h"

namespace jetway::store {
namespace {

std::unexpected<StoreError> unsafe(std::string_view path, std::string_view reason) {
  return std::unexpected(
      StoreError{.code = StoreErrc::UnsafePath, .path = std::string{path}, .reason = reason});
}

// Takes the part before the first '/' off `rest`.
std::string_view take_component(std::string_view& rest) {
  const std::size_t end = rest.find('/');
  const std::string_view component = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return component;
}

}  // namespace

StoreResult<void> check_path(std::string_view path) {
  if (path.empty()) return unsafe(path, "refused: an empty path");
  if (path.size() > kMaxPathBytes) return unsafe(path.substr(0, kMaxNameBytes), "refused: path too long");
  if (path.contains('\0')) return unsafe(path, "refused: a path with a NUL byte");
  if (path.front() == '/') return unsafe(path, "refused: an absolute path");
  if (path.back() == '/') return unsafe(path, "refused: a path that ends in '/'");
  std::size_t depth = 0;
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view component = take_component(rest);
    if (component.empty()) return unsafe(path, "refused: a path with an empty component");
    if (component == ".") return unsafe(path, "refused: a path with a '.' component");
    if (component == "..") return unsafe(path, "refused: a path with a '..' component");
    if (component.size() > kMaxNameBytes) return unsafe(path, "refused: a name longer than 255 bytes");
    if (++depth > kMaxPathDepth) return unsafe(path, "refused: a path deeper than 256 folders");
  }
  return {};
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool link_stays_inside(std::string_view path, std::string_view target) {
  if (target.empty() || target.size() >= kMaxPathBytes || target.contains('\0')) return false;
  if (target.front() == '/') return false;
  std::size_t height = 0;  // folders that may still be climbed
  for (const char byte : path) height += byte == '/' ? 1 : 0;
  bool has_name = false;
  for (std::string_view rest = target; !rest.empty();) {
    const std::string_view component = take_component(rest);
    if (component.empty() || component == ".") continue;
    if (component != "..") {
      has_name = true;
      continue;
    }
    if (has_name || height == 0) return false;
    --height;
  }
  return true;
}

}  // namespace jetway::store
