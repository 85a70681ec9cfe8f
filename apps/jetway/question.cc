#include "apps/jetway/question.h"

#include <array>
#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace jetway::command {

namespace {

constexpr std::size_t kLineMaxBytes = 256;

void show(std::string_view text) {
  [[maybe_unused]] const ssize_t count = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

std::optional<bool> parse_answer(std::string_view line, DefaultAnswer default_answer) {
  std::string word;
  for (const char c : line) {
    if (c == ' ' || c == '\t' || c == '\r') continue;
    word.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  if (word.empty()) return default_answer == DefaultAnswer::Yes;
  if (word == "y" || word == "yes") return true;
  if (word == "n" || word == "no") return false;
  return std::nullopt;
}

Questioner::Questioner() : cancel_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (::isatty(STDERR_FILENO) == 0) return;
  if (::isatty(STDIN_FILENO) != 0) {
    input_ = STDIN_FILENO;
    return;
  }
  input_ = ::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
  is_input_ours_ = input_ >= 0;
}

Questioner::~Questioner() {
  if (is_input_ours_) ::close(input_);
  if (cancel_event_ >= 0) ::close(cancel_event_);
}

bool Questioner::can_ask() const {
  if (input_ < 0) return false;
  const pid_t foreground = ::tcgetpgrp(input_);
  return foreground < 0 || foreground == ::getpgrp();  // in the background a read would stop us
}

bool Questioner::ask(std::string_view question, DefaultAnswer default_answer,
                     std::chrono::milliseconds timeout) {
  if (!can_ask()) return false;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const std::string_view choices = default_answer == DefaultAnswer::Yes ? " [Y/n] " : " [y/N] ";
  for (;;) {
    show(std::string{question} + std::string{choices});
    const auto line = read_line(deadline);
    if (!line) {
      show("\n");
      return false;
    }
    if (const auto answer = parse_answer(*line, default_answer)) return *answer;
    question = "y or n?";
  }
}

std::optional<std::string> Questioner::read_line(std::chrono::steady_clock::time_point deadline) {
  std::string line;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return std::nullopt;
    std::array<pollfd, 2> waiting = {pollfd{input_, POLLIN, 0}, pollfd{cancel_event_, POLLIN, 0}};
    const int ready = ::poll(waiting.data(), waiting.size(),
                             static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (ready < 0 && errno != EINTR) return std::nullopt;
    if (ready <= 0) continue;
    if (waiting[1].revents != 0) return std::nullopt;
    std::array<char, kLineMaxBytes> block{};
    const ssize_t count = ::read(input_, block.data(), block.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return std::nullopt;
    line.append(block.data(), static_cast<std::size_t>(count));
    if (const auto end = line.find('\n'); end != std::string::npos) return line.substr(0, end);
    if (line.size() > kLineMaxBytes) return std::nullopt;
  }
}

void Questioner::cancel() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t count = ::write(cancel_event_, &one, sizeof one);
}

}  // namespace jetway::command
