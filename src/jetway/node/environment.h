#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace jetway::node {

// The variables a program was started with, as a value, so that everything that reads them can be tested.
class Environment {
 public:
  Environment() = default;
  explicit Environment(std::map<std::string, std::string, std::less<>> variables)
      : variables_(std::move(variables)) {}
  static Environment of_process();

  // nullopt when it is not set or empty, which means the same to all that we read.
  std::optional<std::string_view> find(std::string_view name) const;
  const std::map<std::string, std::string, std::less<>>& variables() const { return variables_; }

 private:
  std::map<std::string, std::string, std::less<>> variables_;
};

}  // namespace jetway::node
