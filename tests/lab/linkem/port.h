#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <linux/if_packet.h>

#include "tests/lab/linkem/values.h"

namespace jetway::lab {

// An interface of this network namespace, read through a memory-mapped AF_PACKET ring (TPACKET_V2: no system
// call and an exact timestamp for each frame; V3's blocks would add milliseconds to a lone one).
class Port {
 public:
  // Throws std::runtime_error. `slots`: received frames that may wait in the ring.
  Port(const std::string& interface, unsigned slots);
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port();

  int descriptor() const { return descriptor_; }
  unsigned frame_bytes_max() const { return slot_bytes_; }

  // The next received frame, which stays where it is until release(); nullptr when there is none.
  tpacket2_hdr* next();
  void release(tpacket2_hdr* frame);

  // Frames that the kernel could not put into a full ring, since reset_drops().
  std::uint64_t drops();
  void reset_drops();
  // After "ip link set down", say; the kernel binds us again on "up".
  void clear_error() const;

 private:
  void open_ring(unsigned slots);
  void bind_to(int interface_index);

  std::string interface_;
  int descriptor_ = -1;
  std::span<std::uint8_t> ring_;
  unsigned slots_ = 0;
  unsigned slot_bytes_ = 0;
  unsigned next_ = 0;
  std::uint64_t drops_ = 0;
};

}  // namespace jetway::lab
