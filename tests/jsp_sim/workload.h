#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "jetway/base/random.h"
#include "tests/jsp_sim/jsp_host.h"

namespace jetway::sim {

// What one side sends on one stream, and how it ends.
struct StreamPlan {
  enum class End : std::uint8_t { Finish, Reset };

  session::Direction direction = session::Direction::OneWay;
  session::StreamOptions options{};
  std::uint64_t bytes = 0;
  std::size_t piece_bytes = 4096;  // a write() at most
  Duration start{0};               // after admission
  Duration pause{0};               // between writes
  End end = End::Finish;
  std::optional<std::uint64_t> peer_stops_at;  // the reader has enough after so many bytes
  std::uint64_t answer_bytes = 0;              // of a two-way stream, in the other direction
};

struct MessagePlan {
  Duration start{0};
  std::size_t bytes = 0;
  session::StreamOptions options{};
};

struct DatagramPlan {
  Duration start{0};
  std::size_t bytes = 0;
};

// What one side has to say; rising by start each.
struct SidePlan {
  std::vector<StreamPlan> streams;
  std::vector<MessagePlan> messages;
  std::vector<DatagramPlan> datagrams;
  std::size_t read_bytes = 4096;  // a read() at most
  // Begins before admission, as far as it may.
  bool is_early = false;
};

// What both sides have done, each seen from where it should show: one for a whole run. Fails (throws
// WorkloadError) as soon as something arrives that was not sent so.
class Ledger {
 public:
  // One direction of a stream.
  struct Flow {
    std::uint64_t key = 0;
    std::uint64_t planned = 0;
    std::uint64_t written = 0;
    std::uint64_t read = 0;  // what was given up counts as read
    bool is_reliable = true;
    bool is_finished = false;  // by the writer
    bool is_reset = false;     // by the writer, or because the reader wanted no more
    bool is_opened = false;    // the reader was told of it
    bool is_two_way = false;
    bool is_at_end = false;  // the reader has seen the end, or the reset, or has stopped
    std::optional<std::uint64_t> stop_at;

    // A one-way stream that was given up before any of it arrived is nobody's business.
    bool is_over() const { return is_at_end || (is_reset && !is_opened && !is_two_way); }
  };
  struct Message {
    std::size_t bytes = 0;
    bool is_reliable = true;
    bool is_received = false;
  };

  // Streams by their ID and who writes.
  Flow& flow(session::Role writer, session::StreamId id) { return flows_[index(writer)][id]; }
  bool has_flow(session::Role writer, session::StreamId id) const {
    return flows_[index(writer)].contains(id);
  }
  std::uint64_t add_message(session::Role writer, std::size_t bytes, bool is_reliable);
  void withdraw_message(session::Role writer, std::uint64_t key) { messages_[index(writer)].erase(key); }
  void on_message(session::Role writer, ByteView message);
  std::uint64_t add_datagram(session::Role writer);
  void on_datagram(session::Role writer, ByteView datagram);
  void on_read(session::Role writer, session::StreamId id, const session::ReadResult& result, ByteView bytes);

  // All that was promised has arrived.
  bool is_complete() const { return missing().empty(); }
  // What has not, for people; empty when there is nothing.
  std::string missing() const;

  // When the two sides have planned so many; sides that have not begun are not complete.
  std::array<std::size_t, 2> streams_left{};
  std::array<std::size_t, 2> messages_left{};
  std::array<std::size_t, 2> datagrams_left{};
  std::array<std::uint64_t, 2> datagrams_received{};

 private:
  static std::size_t index(session::Role role) { return role == session::Role::Dialer ? 0 : 1; }

  std::array<std::map<session::StreamId, Flow>, 2> flows_;
  std::array<std::map<std::uint64_t, Message>, 2> messages_;
  std::array<std::map<std::uint64_t, bool>, 2> datagrams_;  // received?
  std::uint64_t next_key_ = 1;
};

class WorkloadError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Carries out one side's plan on one connection, and reads all that comes.
class Worker final : public JspApplication {
 public:
  Worker(session::Role role, SidePlan plan, Ledger& ledger, std::uint64_t seed);

  void handle_event(const Now& now, JspConnection& connection, const session::EngineEvent& event) override;
  void handle_event(const Now& now, JspConnection& connection, const session::Event& event) override;
  bool act(const Now& now, JspConnection& connection) override;
  std::optional<TimePoint> next_action() override { return next_action_; }

 private:
  struct Sending {
    session::StreamId id;
    StreamPlan plan;
    TimePoint next_write{};
    bool is_done = false;
    bool is_full = false;  // waits for StreamWritable
  };
  struct Reading {
    session::StreamId id;
    std::optional<std::uint64_t> stop_at;
    bool is_readable = true;
  };

  void start(const Now& now);
  bool open_streams(const Now& now, session::Session& session);
  bool write(const Now& now, session::Session& session, Sending& sending);
  bool write_piece(const Now& now, session::Session& session, Sending& sending, Ledger::Flow& flow);
  bool read(session::Session& session, Reading& reading);
  bool send_messages(const Now& now, session::Session& session);
  bool send_datagrams(const Now& now, session::Session& session);
  void plan_at(TimePoint at);
  session::Role peer() const;
  std::size_t side() const { return role_ == session::Role::Dialer ? 0 : 1; }

  session::Role role_;
  SidePlan plan_;
  Ledger& ledger_;
  SeededRandom random_;
  std::optional<TimePoint> started_at_;
  std::optional<TimePoint> next_action_;
  std::size_t next_stream_ = 0;
  std::size_t next_message_ = 0;
  std::size_t next_datagram_ = 0;
  bool is_waiting_for_streams_ = false;
  std::vector<Sending> sending_;
  std::vector<Reading> reading_;
  Bytes buffer_;
};

}  // namespace jetway::sim
