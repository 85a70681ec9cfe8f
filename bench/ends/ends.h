#pragma once

#include <cstddef>
#include <cstdint>

#include "bench/ends/jetway_end.h"
#include "bench/ends/measure.h"

namespace jetway::bench {

inline constexpr std::size_t kBlockBytes = 256 * 1024;  // what the application writes and reads at once
inline constexpr std::size_t kMessageBytes = 64;

// Memory to memory over one stream of one connection. The client's usage is from the first byte until the
// server has said that it has all of them, the server's from the first byte to the last.
BothReports bulk_over_jetway(const Layout& layout, const JetwayOptions& options, std::size_t total_bytes);
BothReports bulk_over_tls(const Layout& layout, std::size_t total_bytes);
// The same with both ends on one event loop. Its usage is that of both.
EndReport bulk_over_jetway_in_one_thread(const Layout& layout, const JetwayOptions& options,
                                         std::size_t total_bytes);

// Mutually authenticated connections (Ed25519, X25519 and ML-KEM-768), one after the other: made and closed.
BothReports handshakes_of_jetway(const Layout& layout, const JetwayOptions& options, int count);
BothReports handshakes_of_tls(const Layout& layout, int count);

// Messages of kMessageBytes, each sent when the answer to the one before has come; round trips at the client.
BothReports round_trips_over_jetway(const Layout& layout, const JetwayOptions& options, int count);
// Messages at a steady pace, one way; how late each comes, at the server (one clock serves both ends).
struct Pace {
  int count = 1000;
  int per_second = 100;
};
BothReports steady_messages_over_jetway(const Layout& layout, const JetwayOptions& options, Pace pace);

// Connections one after the other, each for one question and its answer of kMessageBytes: from the wish for
// the connection to the first byte of the answer, at the client. With options.uses_tickets the question is
// early data.
BothReports first_answers_over_jetway(const Layout& layout, const JetwayOptions& options, int count);

// Connections that are made, stay, and say nothing; what each takes of memory, at both ends.
BothReports idle_connections(const Layout& layout, const JetwayOptions& options, int count);

}  // namespace jetway::bench
