#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "jetway/base/time.h"
#include "jetway/session/types.h"

namespace jetway::session {

// Limits and manners of one connection. What is said to the peer is marked (advertised).
struct SessionConfig {
  // Bytes the peer may send on one stream before we grant more, at first (advertised). It grows while the
  // application reads as fast as it comes, up to stream_window_max_bytes: worst-case memory of a stream.
  std::uint64_t stream_window_bytes = 1 << 20;
  std::uint64_t stream_window_max_bytes = 16 << 20;

  // The same for all streams together (advertised): the worst-case receive memory of a connection.
  std::uint64_t connection_window_bytes = 4 << 20;
  std::uint64_t connection_window_max_bytes = 64 << 20;

  // Streams that the peer may have open at a time (advertised); 0 refuses all.
  std::uint64_t streams_two_way_max = 128;
  std::uint64_t streams_one_way_max = 256;

  // Bytes that write() takes per stream before the peer has them; more is back-pressure. On a long fat path
  // it grows to twice what the path may have on its way, up to send_buffer_max_bytes.
  std::uint64_t send_buffer_bytes = 4 << 20;
  std::uint64_t send_buffer_max_bytes = 16 << 20;

  // The largest datagram and message that we take (advertised). 0: none. Messages: at most 16 MiB.
  std::uint64_t datagram_max_bytes = 64 * 1024;
  std::uint64_t message_max_bytes = 16 << 20;
  // Datagrams that wait for the application or for sending; the oldest goes when there are more.
  std::size_t datagram_queue_max = 256;

  // Shares of the classes media, chat and bulk when all want to send; system comes first always.
  std::array<std::uint32_t, 3> class_weights = {8, 4, 1};

  // Algorithms we can undo, best first (advertised); units and messages below the threshold go as they are.
  std::vector<Compression> compression = {Compression::Zstd, Compression::Lz4};
  std::size_t compression_threshold_bytes = 512;

  // What the connection starts with; Session::set_network_status() says when it changes.
  NetworkStatus network = NetworkStatus::Unknown;
  bool is_background = false;

  // Silence after which a PING goes out, in the foreground and in the background; zero: never. It keeps the
  // mappings of NATs alive, at the price of a packet each way.
  std::chrono::milliseconds keepalive{5'000};
  std::chrono::milliseconds keepalive_background{30'000};
  // Silence after which the connection is given up (advertised; the smaller of both holds); zero: never.
  std::chrono::milliseconds idle_timeout{120'000};
};

// With values that would contradict each other or the protocol brought into range.
SessionConfig in_range(SessionConfig config);

}  // namespace jetway::session
