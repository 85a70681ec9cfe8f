#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "jetway/base/time.h"

namespace jetway::session {

// The counters of one connection at one moment; bytes and packets since the start or the last reset().
struct CountersSnapshot {
  // Packets and their bytes as they are on the pipe: counted by the engine below.
  std::uint64_t packets_sent = 0;
  std::uint64_t packets_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t packets_lost = 0;

  // Stream content (as compressed), first transmissions and new data only.
  std::uint64_t stream_bytes_sent = 0;
  std::uint64_t stream_bytes_received = 0;
  std::uint64_t stream_bytes_retransmitted = 0;
  std::uint64_t stream_bytes_given_up = 0;  // of ours, on streams that are not reliable

  std::uint64_t messages_sent = 0;
  std::uint64_t messages_received = 0;
  std::uint64_t messages_given_up = 0;  // of those sent
  std::uint64_t datagrams_sent = 0;
  std::uint64_t datagrams_received = 0;
  std::uint64_t datagrams_dropped = 0;  // because a queue was full, ours in either direction

  // What went through compression on the way out: before and after.
  std::uint64_t compression_raw_bytes = 0;
  std::uint64_t compression_stored_bytes = 0;

  // Smoothed; nullopt before the first measurement. Not touched by reset().
  std::optional<Duration> rtt;
};

// One number that its connection counts and anybody reads, from any thread. Only the connection's own thread
// adds, so that no locked instruction is needed.
class Counter {
 public:
  void add(std::uint64_t count) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  void reset() { value_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

// The counters of a connection while it lives. Each is exact; two of them read together may be a packet
// apart.
struct Counters {
  Counter packets_sent, packets_received, bytes_sent, bytes_received, packets_lost;
  Counter stream_bytes_sent, stream_bytes_received, stream_bytes_retransmitted, stream_bytes_given_up;
  Counter messages_sent, messages_received, messages_given_up;
  Counter datagrams_sent, datagrams_received, datagrams_dropped;
  Counter compression_raw_bytes, compression_stored_bytes;
  std::atomic<Duration::rep> rtt_nanoseconds = -1;  // negative: not measured

  CountersSnapshot snapshot() const;
  void reset();
};

}  // namespace jetway::session
