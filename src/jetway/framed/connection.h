#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>

#include "jetway/base/bytes.h"
#include "jetway/base/random.h"
#include "jetway/base/time.h"
#include "jetway/crypto/handshake.h"
#include "jetway/session/engine_event.h"
#include "jetway/session/session.h"

namespace jetway::framed {

struct FramedConfig {
  crypto::HandshakeConfig handshake;  // transport_parameters are filled in from `session`
  session::SessionConfig session;

  // Payload of a data packet we send: larger ones cost memory on both sides, smaller ones a seal, a header
  // and a tag each. At most 16 MiB.
  std::size_t packet_payload_bytes = 64 * 1024;
  // What we take from an authenticated peer; before that 64 KiB.
  std::size_t packet_payload_max_bytes = std::size_t{16} << 20;
  // What is read from the pipe at once.
  std::size_t read_ahead_bytes = 256 * 1024;

  // From the first byte (or the dial) to the end of the handshake.
  std::chrono::milliseconds handshake_timeout{5'000};
  // How long an authenticated peer may wait to be admitted.
  std::chrono::milliseconds admission_timeout{60'000};
  // How long a close may take to leave; starts again with every packet that goes before it.
  std::chrono::milliseconds close_timeout{1'000};

  // Key update after so many bytes sealed under one key, far below every suite's limit.
  std::uint64_t key_update_bytes = std::uint64_t{64} << 30;
};

using session::Closed;
using session::HandshakeFailed;
using session::PeerAuthenticated;
using Event = session::EngineEvent;

// The framed engine (docs/protocol/packet.md): handshake, seal and session over any reliable byte pipe.
// Sans-IO; the five calls of every engine. `random` and `filter` are borrowed.
class Connection {
 public:
  static Connection dialer(FramedConfig config, RandomSource& random, Now now);
  static Connection listener(FramedConfig config, RandomSource& random, crypto::InitFilter& filter,
                             ByteView peer_address, Now now);
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // --- inputs ---

  // Bytes from the pipe, without a copy: the pipe reads into prepare_receive(), then handle_received() with
  // the count. handle_bytes() is the same for bytes that are elsewhere.
  MutableBytes prepare_receive();
  void handle_received(Now now, std::size_t count);
  void handle_bytes(Now now, ByteView bytes);
  // The pipe is at its end or has failed; `text` says how where there is more to say.
  void handle_pipe_closed(Now now, std::string_view text = {});
  void handle_timeout(Now now);

  // --- commands ---

  void admit(Now now);
  void refuse(Now now, std::string_view reason);
  // Orderly: what was written before is sent first, unless it is an error.
  void close(Now now, std::uint64_t code, std::string_view reason);
  session::Session& session();
  const session::Session& session() const;

  // --- outputs ---

  // Whole packets into `out` (at least one packet long: min_transmit_bytes()); the number of bytes, 0 when
  // there is nothing to send now.
  std::size_t poll_transmit(Now now, MutableBytes out);
  std::size_t min_transmit_bytes() const;
  bool wants_to_send() const;
  std::optional<Event> poll_event();
  std::optional<TimePoint> next_timeout() const;

  bool is_established() const;         // handshake done
  bool is_closed() const;              // Closed has been reported and nothing is left to send
  const crypto::PeerId& peer() const;  // after PeerAuthenticated
  crypto::Suite suite() const;
  crypto::KeyExchange key_exchange() const;

 private:
  class State;
  explicit Connection(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace jetway::framed
