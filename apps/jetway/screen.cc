#include "apps/jetway/screen.h"

#include <cerrno>
#include <format>

#include <sys/ioctl.h>
#include <unistd.h>

namespace jetway::command {

namespace {
constexpr std::string_view kEraseLine = "\r\033[K";
constexpr std::size_t kWaitingMaxBytes = 64 * 1024;
}  // namespace

Screen::~Screen() {
  set_status("");
  flush();
}

LineStyle Screen::style() const {
  LineStyle style{80, options_.has_unicode, options_.has_color};
  winsize size{};
  if (::ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) style.width = size.ws_col;
  style.width -= style.width > 1 ? 1 : 0;  // a full last column would wrap on some terminals
  return style;
}

void Screen::print(std::string_view lines) {
  std::string output = status_.empty() ? "" : std::string{kEraseLine};
  output += waiting_;
  waiting_.clear();
  output += lines;
  output += '\n';
  write_all(output + status_);
}

void Screen::print_later(std::string_view line) {
  waiting_ += line;
  waiting_ += '\n';
  if (waiting_.size() >= kWaitingMaxBytes) flush();
}

void Screen::flush() {
  if (waiting_.empty()) return;
  write_all((status_.empty() ? "" : std::string{kEraseLine}) + waiting_ + status_);
  waiting_.clear();
}

void Screen::set_status(std::string line) {
  if (!options_.is_terminal || holders_ > 0 || line == status_) return;
  status_ = std::move(line);
  write_all(std::string{kEraseLine} + status_);
}

void Screen::hold() {
  set_status("");
  ++holders_;
}

void Screen::release() { --holders_; }

std::string Screen::emphasized(std::string_view text) const { return colored("1", text); }
std::string Screen::alarming(std::string_view text) const { return colored("1;31", text); }
std::string Screen::faint(std::string_view text) const { return colored("2", text); }

std::string Screen::colored(std::string_view code, std::string_view text) const {
  return options_.has_color ? std::format("\033[{}m{}\033[0m", code, text) : std::string{text};
}

// What cannot be written (a closed pipe) is lost: it is not worth ending a transfer for.
void Screen::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace jetway::command
