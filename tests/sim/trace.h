#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jetway/base/time.h"
#include "tests/sim/packet.h"

namespace jetway::sim {

enum class TraceKind : std::uint8_t {
  Sent,
  Delivered,
  Dropped,
  Marked,
  Duplicated,
  Corrupted,
  Reordered,
  Translated,
  SendFailed,
  Note,
};

// Why a packet did not arrive.
enum class DropReason : std::uint8_t {
  None,
  QueueFull,
  CoDel,
  RandomLoss,
  BurstLoss,
  TooLarge,
  LinkDown,
  EcnCapable,  // a middlebox that dislikes ECN
  Tap,         // the test took it
  NoMapping,   // of a NAT
  NoRoute,
  NoHost,
  HostDown,  // suspended, its interface down, or nobody there
  Count,
};

std::string_view to_text(TraceKind kind);
std::string_view to_text(DropReason reason);

// How many events a trace keeps: as many as JETWAY_TRACE says, 4000 where it says 1, else none.
std::size_t trace_events_from_environment();

// What happened, for people: the latest events, a line each. Whether or not it keeps any, it has a
// fingerprint of all of them, so that two runs can be compared.
class Trace {
 public:
  explicit Trace(std::size_t events_max) : events_max_(events_max) {}

  // `place` has to outlive the trace.
  void record(TimePoint now, std::string_view place, TraceKind kind, const Packet& packet,
              DropReason reason = DropReason::None);
  void note(TimePoint now, std::string_view place, std::string text);
  bool is_on() const { return events_max_ > 0; }

  std::uint64_t fingerprint() const { return fingerprint_; }
  // "    12.345678 wifi       dropped      #17 1252 bytes ECT0 10.0.0.1:4717 > 10.0.0.2:4717: random loss"
  std::string to_text() const;

 private:
  struct Entry {
    TimePoint at;
    std::string_view place;
    TraceKind kind = TraceKind::Note;
    DropReason reason = DropReason::None;
    jsp::Ecn ecn = jsp::Ecn::NotCapable;
    std::uint64_t id = 0;
    std::size_t size = 0;
    IpEndpoint source;
    IpEndpoint destination;
    std::string text;
  };

  void keep(Entry entry);
  void mix(std::uint64_t value);
  static std::string line(const Entry& entry);

  std::size_t events_max_;
  std::vector<Entry> ring_;
  std::size_t next_ = 0;
  std::uint64_t dropped_entries_ = 0;
  std::uint64_t fingerprint_ = 0;
};

}  // namespace jetway::sim
