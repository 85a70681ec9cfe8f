#include "jetway/node/paths.h"

#include <cerrno>
#include <cstring>
#include <format>
#include <string_view>

#include <sys/stat.h>

#include "jetway/base/text.h"

namespace jetway::node {

namespace {

NodeResult<std::filesystem::path> base_directory(const Environment& environment, std::string_view variable,
                                                 std::string_view below_home) {
  if (const auto value = environment.find(variable); value && value->starts_with('/')) {
    return std::filesystem::path{*value} / "jetway";
  }
  const auto home = environment.find("HOME");
  if (!home || !home->starts_with('/')) {
    return std::unexpected(NodeError{NodeErrc::NoHome,
                                     "HOME is not set, so there is no place for keys and settings",
                                     std::format("set HOME or {} to an absolute path", variable)});
  }
  return std::filesystem::path{*home} / below_home / "jetway";
}

}  // namespace

NodeResult<Paths> find_paths(const Environment& environment) {
  Paths paths;
  struct Place {
    std::filesystem::path& path;
    std::string_view variable;
    std::string_view below_home;
  };
  for (const Place& place : {Place{paths.config, "XDG_CONFIG_HOME", ".config"},
                             Place{paths.state, "XDG_STATE_HOME", ".local/state"},
                             Place{paths.data, "XDG_DATA_HOME", ".local/share"}}) {
    auto found = base_directory(environment, place.variable, place.below_home);
    if (!found) return std::unexpected(std::move(found.error()));
    place.path = std::move(*found);
  }
  return paths;
}

NodeResult<void> make_private_directory(const std::filesystem::path& directory) {
  struct stat status{};
  if (::stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  if (directory.has_parent_path() && directory.parent_path() != directory) {
    if (auto parent = make_private_directory(directory.parent_path()); !parent) return parent;
  }
  if (::mkdir(directory.c_str(), 0700) == 0) return {};
  const int error = errno;
  if (error == EEXIST && ::stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  return std::unexpected(NodeError{
      NodeErrc::Io,
      std::format("cannot make the folder {}: {}", escape_text(directory.native()), std::strerror(error)),
      "make it yourself, or point HOME or the XDG variables elsewhere"});
}

}  // namespace jetway::node
