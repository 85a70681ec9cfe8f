#pragma once

#include <cstdint>
#include <optional>

#include "tests/jsp_sim/jsp_host.h"

namespace jetway::sim {

// Sends on one stream as fast as it may, for ever.
class BulkSender final : public JspApplication {
 public:
  explicit BulkSender(const session::StreamOptions& options = {.priority = session::Priority::Bulk})
      : options_(options) {}

  void handle_event(const Now&, JspConnection&, const session::EngineEvent&) override {}
  void handle_event(const Now&, JspConnection&, const session::Event& event) override {
    if (std::holds_alternative<session::StreamWritable>(event)) is_full_ = false;
  }
  bool act(const Now&, JspConnection& connection) override {
    if (is_full_ || !connection.is_admitted() || connection.session().is_closed()) return false;
    if (!stream_) stream_ = connection.session().open_stream(session::Direction::OneWay, options_).value();
    while (connection.session().write(*stream_, buffer_).value_or(0) == buffer_.size()) {
    }
    is_full_ = true;
    return true;
  }
  std::optional<TimePoint> next_action() override { return std::nullopt; }

 private:
  session::StreamOptions options_;
  std::optional<session::StreamId> stream_;
  Bytes buffer_ = Bytes(64 * 1024);
  bool is_full_ = false;
};

// Reads all that comes on any stream.
class BulkReader final : public JspApplication {
 public:
  explicit BulkReader(std::uint64_t& bytes) : bytes_(bytes) {}

  void handle_event(const Now&, JspConnection&, const session::EngineEvent&) override {}
  void handle_event(const Now&, JspConnection&, const session::Event& event) override {
    if (const auto* const readable = std::get_if<session::StreamReadable>(&event)) readable_ = readable->id;
  }
  bool act(const Now&, JspConnection& connection) override {
    if (!readable_ || connection.session().is_closed()) return false;
    while (true) {
      const auto result = connection.session().read(*readable_, buffer_);
      if (!result || result->is_nothing()) break;
      bytes_ += result->bytes;
    }
    readable_.reset();
    return true;
  }
  std::optional<TimePoint> next_action() override { return std::nullopt; }

 private:
  std::uint64_t& bytes_;
  std::optional<session::StreamId> readable_;
  Bytes buffer_ = Bytes(256 * 1024);
};

}  // namespace jetway::sim
