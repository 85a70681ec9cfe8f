#include "jetway/transfer/safe_path.h"

#include <algorithm>
#include <format>

#include "jetway/base/text.h"

namespace jetway::transfer {

namespace {

// Calls visit(component) for each part between slashes until it returns false.
template <class Visit>
void for_each_component(std::string_view path, Visit&& visit) {
  for (;;) {
    const std::size_t slash = path.find('/');
    if (!visit(path.substr(0, slash)) || slash == std::string_view::npos) return;
    path.remove_prefix(slash + 1);
  }
}

std::string_view flaw_of_component(std::string_view component) {
  if (component.empty()) return "has an empty part";
  if (component == "." || component == "..") return "contains '.' or '..'";
  if (component.size() > kNameMaxBytes) return "has a name longer than 255 bytes";
  return {};
}

std::string_view flaw_of_path(std::string_view path) {
  if (path.empty()) return "is empty";
  if (path.front() == '/') return "is absolute";
  if (path.size() > kPathMaxBytes) return "is longer than 4095 bytes";
  if (path.contains('\0')) return "contains NUL";
  std::string_view flaw;
  std::size_t depth = 0;
  for_each_component(path, [&](std::string_view component) {
    flaw = flaw_of_component(component);
    if (++depth > kPathMaxDepth) flaw = "is deeper than 256 folders";
    return flaw.empty();
  });
  return flaw;
}

std::string_view flaw_of_link(std::string_view target) {
  if (target.empty()) return "points nowhere";
  if (target.size() > kPathMaxBytes) return "points to something longer than 4095 bytes";
  if (target.contains('\0')) return "points to something with NUL";
  return {};
}

// Why it is not certain that the link stays within the folder.
std::string_view way_out_of_link(std::string_view path, std::string_view target) {
  if (target.front() == '/') return "points to an absolute path";
  auto climbs_left = std::ranges::count(path, '/');
  bool is_descending = false;
  std::string_view flaw;
  for_each_component(target, [&](std::string_view component) {
    if (component.empty() || component == ".") return true;
    if (component != "..") {
      is_descending = true;
    } else if (is_descending) {
      flaw = "climbs ('..') behind a name";
    } else if (climbs_left-- == 0) {
      flaw = "leaves the folder";
    }
    return flaw.empty();
  });
  return flaw;
}

}  // namespace

TransferResult<> check_path(std::string_view path) {
  const std::string_view flaw = flaw_of_path(path);
  if (!flaw.empty())
    return failed(FailureCode::BadName, std::format("{}: the path {}", quote_path(path), flaw));
  return {};
}

TransferResult<> check_link(std::string_view path, std::string_view target, LinkScope scope) {
  std::string_view flaw = flaw_of_link(target);
  if (flaw.empty() && scope == LinkScope::Inside) flaw = way_out_of_link(path, target);
  if (flaw.empty()) return {};
  return failed(FailureCode::BadName,
                std::format("{} -> {}: the link {}", quote_path(path), quote_path(target), flaw));
}

std::strong_ordering compare_paths(std::string_view a, std::string_view b) {
  const auto [at_a, at_b] = std::ranges::mismatch(a, b);
  const bool a_ends = at_a == a.end();
  const bool b_ends = at_b == b.end();
  if (a_ends || b_ends) return b_ends <=> a_ends;  // the folder before what is in it, "a" before "ab"
  if (*at_a == '/') return std::strong_ordering::less;
  if (*at_b == '/') return std::strong_ordering::greater;
  return static_cast<unsigned char>(*at_a) <=> static_cast<unsigned char>(*at_b);
}

std::string_view parent_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

bool is_beneath(std::string_view path, std::string_view folder) {
  if (folder.empty()) return !path.empty();
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

std::string quote_path(std::string_view path) {
  constexpr std::size_t kShown = 160;
  if (path.size() <= 2 * kShown) return std::format("'{}'", escape_text(path));
  return std::format("'{}...{}'", escape_text(path.substr(0, kShown)),
                     escape_text(path.substr(path.size() - kShown)));
}

}  // namespace jetway::transfer
