#include "tests/lab/linkem/port.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace jetway::lab {

namespace {

constexpr int kSendBufferBytes = 64 << 20;
constexpr unsigned kSlotBytesMin = 2048;
constexpr unsigned kSlotHeaderBytes = 128;  // room for tpacket2_hdr and alignment
constexpr unsigned kBlockBytes = 1U << 18;

void require(bool is_true, const std::string& interface, const char* what) {
  if (!is_true) throw std::runtime_error(interface + ": " + what + ": " + std::strerror(errno));
}

int mtu_of(int descriptor, const std::string& interface) {
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  require(::ioctl(descriptor, SIOCGIFMTU, &request) == 0, interface, "interface");
  return request.ifr_mtu;
}

template <class T>
bool set_option(int descriptor, int level, int name, const T& value) {
  return ::setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

}  // namespace

Port::Port(const std::string& interface, unsigned slots) : interface_(interface) {
  descriptor_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  require(descriptor_ >= 0, interface_, "AF_PACKET socket");
  const auto mtu = static_cast<unsigned>(mtu_of(descriptor_, interface_));
  slot_bytes_ = kSlotBytesMin;
  while (slot_bytes_ < mtu + kSlotHeaderBytes) slot_bytes_ *= 2;

  const int on = 1;
  const int version = TPACKET_V2;
  require(set_option(descriptor_, SOL_PACKET, PACKET_VERSION, version), interface_, "ring version");
  set_option(descriptor_, SOL_PACKET, PACKET_IGNORE_OUTGOING, on);
  set_option(descriptor_, SOL_PACKET, PACKET_QDISC_BYPASS, on);
  set_option(descriptor_, SOL_SOCKET, SO_SNDBUFFORCE, kSendBufferBytes);
  open_ring(slots);
  bind_to(static_cast<int>(::if_nametoindex(interface_.c_str())));
}

Port::~Port() {
  if (!ring_.empty()) ::munmap(ring_.data(), ring_.size());
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Port::open_ring(unsigned slots) {
  tpacket_req request{};
  request.tp_frame_size = slot_bytes_;
  request.tp_block_size = std::max(slot_bytes_, kBlockBytes);
  const unsigned slots_per_block = request.tp_block_size / slot_bytes_;
  request.tp_block_nr = std::max(1U, slots / slots_per_block);
  request.tp_frame_nr = slots_ = request.tp_block_nr * slots_per_block;
  require(set_option(descriptor_, SOL_PACKET, PACKET_RX_RING, request), interface_, "receive ring");
  const std::size_t bytes = std::size_t{request.tp_block_size} * request.tp_block_nr;
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor_, 0);
  require(memory != MAP_FAILED, interface_, "mapping the receive ring");
  ring_ = {static_cast<std::uint8_t*>(memory), bytes};
}

void Port::bind_to(int interface_index) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = interface_index;
  require(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, interface_,
          "bind");
}

tpacket2_hdr* Port::next() {
  auto* const frame = reinterpret_cast<tpacket2_hdr*>(ring_.data() + std::size_t{next_} * slot_bytes_);
  const bool is_ours = (__atomic_load_n(&frame->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0;
  return is_ours ? frame : nullptr;
}

void Port::release(tpacket2_hdr* frame) {
  __atomic_store_n(&frame->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  if (++next_ == slots_) next_ = 0;
}

std::uint64_t Port::drops() {
  tpacket_stats statistics{};  // reading clears the kernel's counter
  socklen_t size = sizeof statistics;
  if (::getsockopt(descriptor_, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) == 0) {
    drops_ += statistics.tp_drops;
  }
  return drops_;
}

void Port::reset_drops() {
  drops();
  drops_ = 0;
}

void Port::clear_error() const {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size);
}

}  // namespace jetway::lab
