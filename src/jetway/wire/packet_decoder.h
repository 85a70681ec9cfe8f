#pragma once

#include <expected>
#include <optional>

#include "jetway/base/bytes.h"
#include "jetway/wire/packet.h"

namespace jetway::wire {

struct Packet {
  PacketHeader header;
  PacketHeaderBytes header_bytes;  // exactly as received: the associated data of the seal
  MutableBytes payload;            // may be opened in place; valid until the next call of prepare()
};

// Cuts a byte pipe into packets, without copying what arrives: the pipe reads straight into prepare(), says
// with commit() how much came, and poll() hands out the packets that are whole, in place.
//
//   MutableBytes room = decoder.prepare();
//   decoder.commit(pipe.read(room));
//   while (auto packet = decoder.poll()) ...   // error: the pipe is beyond repair
//
// Memory: one buffer, at first of `read_ahead_bytes`; it grows to hold one packet where the limit allows
// larger ones, and the part of a packet that is there is moved to the front when room runs short.
class PacketDecoder {
 public:
  explicit PacketDecoder(std::size_t max_payload_bytes, std::size_t read_ahead_bytes = 256 * 1024);

  // Room for at least one more byte. Invalidates packets handed out before. Poll until nothing comes first.
  MutableBytes prepare();
  void commit(std::size_t count);

  // The next whole packet; nullopt: more bytes are needed. An error is final.
  std::expected<std::optional<Packet>, PacketError> poll();

  // A smaller or larger limit from the next packet on (small until the peer is authenticated).
  void set_max_payload_bytes(std::size_t max_payload_bytes) { max_payload_bytes_ = max_payload_bytes; }

  // More room for each read from now on; memory that is there already is not given back.
  void set_read_ahead_bytes(std::size_t read_ahead_bytes) { read_ahead_bytes_ = read_ahead_bytes; }

  // Bytes received that belong to no whole packet yet: not 0 at the end of the pipe means it was cut.
  std::size_t buffered_bytes() const { return end_ - begin_; }

 private:
  std::size_t max_payload_bytes_;
  std::size_t read_ahead_bytes_;
  Bytes memory_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace jetway::wire
