#include "jetway/io/udp_steering.h"

#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "jetway/base/assert.h"
#include "jetway/jsp/connection_id.h"

namespace jetway::io {

namespace {

// docs/protocol/jsp.md section 2.
constexpr std::uint8_t kProtocolMask = 0b1100'0000;
constexpr std::uint8_t kProtocolBits = 0b1000'0000;
constexpr std::uint8_t kLongBit = 0b0010'0000;
constexpr std::uint8_t kTypeMask = 0b0001'1000;
constexpr std::uint8_t kHandshakeBits = 0b0001'0000;
constexpr std::uint8_t kFromDialerBit = 0b0000'0100;
constexpr std::uint8_t kIdBytes = jsp::ConnectionId::kMaxBytes;

constexpr std::size_t kShortIdOffset = 1;
constexpr std::size_t kLongIdLengthOffset = 3;
constexpr std::size_t kLongIdOffset = 4;

// Fibonacci hashing: the high half of the product is the good one.
constexpr std::uint32_t kMultiplier = 0x9e37'79b1;
constexpr unsigned kHashShift = 16;

std::uint32_t word_at(const IpEndpoint& endpoint, std::size_t offset) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < sizeof word; ++i) word = word << 8 | endpoint.address[offset + i];
  return word;
}

std::size_t shard_by_address(const IpEndpoint& remote, std::size_t shards) {
  std::uint32_t hash = remote.port;
  for (std::size_t offset = remote.is_v4() ? 12 : 0; offset < remote.address.size(); offset += 4) {
    hash = (hash * kMultiplier) ^ word_at(remote, offset);
  }
  return (hash * kMultiplier >> kHashShift) % shards;
}

}  // namespace

std::optional<std::size_t> shard_named_by(ByteView datagram, std::size_t shards) {
  const auto byte = [datagram](std::size_t offset) {
    return offset < datagram.size() ? std::to_integer<std::uint8_t>(datagram[offset]) : std::uint8_t{0};
  };
  if (datagram.size() <= kShortIdOffset || (byte(0) & kProtocolMask) != kProtocolBits) return std::nullopt;
  if ((byte(0) & kLongBit) == 0) return byte(kShortIdOffset) % shards;
  // Towards a dialer the ID is always one that we gave; towards a listener from the second flight on, of
  // which Handshake packets are for certain.
  const bool is_ours = (byte(0) & kFromDialerBit) == 0 || (byte(0) & kTypeMask) == kHandshakeBits;
  if (!is_ours || byte(kLongIdLengthOffset) != kIdBytes || datagram.size() <= kLongIdOffset) {
    return std::nullopt;
  }
  return byte(kLongIdOffset) % shards;
}

std::size_t shard_of(ByteView datagram, const IpEndpoint& remote, std::size_t shards) {
  JETWAY_ASSERT(shards > 0);
  const auto named = shard_named_by(datagram, shards);
  return named ? *named : shard_by_address(remote, shards);
}

// ---- the program ----

namespace {

// What the program sees: the payload at offset 0, the IP header at SKF_NET_OFF. A load beyond the end makes
// it return 0.
constexpr std::uint32_t kIpHeader = static_cast<std::uint32_t>(SKF_NET_OFF);
constexpr std::uint32_t kV4Source = kIpHeader + 12;
constexpr std::uint32_t kV6NextHeader = kIpHeader + 6;
constexpr std::uint32_t kV6Source = kIpHeader + 8;
constexpr std::uint32_t kV6Payload = kIpHeader + 40;

// Classic BPF, with jumps to places that are named later.
class Program {
 public:
  using Label = std::size_t;

  void add(unsigned code, std::uint32_t operand = 0) {
    code_.push_back({static_cast<std::uint16_t>(code), 0, 0, operand});
  }
  // Goes on behind unless `comparison` of the accumulator with `operand` is as expected; else to `label`.
  void jump_unless(unsigned comparison, std::uint32_t operand, Label label) {
    jumps_.push_back({code_.size(), label, false});
    add(BPF_JMP | comparison | BPF_K, operand);
  }
  void jump_if(unsigned comparison, std::uint32_t operand, Label label) {
    jumps_.push_back({code_.size(), label, true});
    add(BPF_JMP | comparison | BPF_K, operand);
  }
  Label new_label() {
    places_.push_back(0);
    return places_.size() - 1;
  }
  void place(Label label) { places_[label] = code_.size(); }

  std::vector<sock_filter> finish() {
    for (const Jump& jump : jumps_) {
      const auto distance = static_cast<std::uint8_t>(places_[jump.label] - jump.at - 1);
      (jump.is_on_true ? code_[jump.at].jt : code_[jump.at].jf) = distance;
    }
    return std::move(code_);
  }

 private:
  struct Jump {
    std::size_t at;
    Label label;
    bool is_on_true;
  };
  std::vector<sock_filter> code_;
  std::vector<Jump> jumps_;
  std::vector<std::size_t> places_;
};

void add_return_modulo(Program& program, std::size_t shards) {
  program.add(BPF_ALU | BPF_MOD | BPF_K, static_cast<std::uint32_t>(shards));
  program.add(BPF_RET | BPF_A);
}

// Hash in A: times the multiplier, XOR the word at `offset`.
void add_hash_word(Program& program, std::uint32_t offset) {
  program.add(BPF_ALU | BPF_MUL | BPF_K, kMultiplier);
  program.add(BPF_MISC | BPF_TAX);
  program.add(BPF_LD | BPF_W | BPF_ABS, offset);
  program.add(BPF_ALU | BPF_XOR | BPF_X);
}

void add_hash_end(Program& program, std::size_t shards) {
  program.add(BPF_ALU | BPF_MUL | BPF_K, kMultiplier);
  program.add(BPF_ALU | BPF_RSH | BPF_K, kHashShift);
  add_return_modulo(program, shards);
}

void add_shard_by_address(Program& program, std::size_t shards) {
  const auto is_v6 = program.new_label();
  const auto has_extensions = program.new_label();
  const auto has_port = program.new_label();
  program.add(BPF_LD | BPF_B | BPF_ABS, kIpHeader);
  program.add(BPF_ALU | BPF_RSH | BPF_K, 4);
  program.jump_unless(BPF_JEQ, 4, is_v6);
  program.add(BPF_LDX | BPF_B | BPF_MSH, kIpHeader);  // X: the header's length
  program.add(BPF_LD | BPF_H | BPF_IND, kIpHeader);   // the source port behind it
  add_hash_word(program, kV4Source);
  add_hash_end(program, shards);

  program.place(is_v6);
  program.add(BPF_LD | BPF_B | BPF_ABS, kV6NextHeader);
  program.jump_unless(BPF_JEQ, IPPROTO_UDP, has_extensions);
  program.add(BPF_LD | BPF_H | BPF_ABS, kV6Payload);
  program.jump_if(BPF_JGE, 0, has_port);
  program.place(has_extensions);
  program.add(BPF_LD | BPF_IMM, 0);
  program.place(has_port);
  for (std::uint32_t word = 0; word < 4; ++word) add_hash_word(program, kV6Source + 4 * word);
  add_hash_end(program, shards);
}

// The same decisions as shard_of(), in the same order.
std::vector<sock_filter> steering_program(std::size_t shards) {
  Program program;
  const auto is_long = program.new_label();
  const auto is_ours = program.new_label();
  const auto by_address = program.new_label();
  const auto load_size = [&] { program.add(BPF_LD | BPF_W | BPF_LEN); };
  load_size();
  program.jump_unless(BPF_JGT, kShortIdOffset, by_address);
  program.add(BPF_LD | BPF_B | BPF_ABS, 0);
  program.add(BPF_ALU | BPF_AND | BPF_K, kProtocolMask);
  program.jump_unless(BPF_JEQ, kProtocolBits, by_address);
  program.add(BPF_LD | BPF_B | BPF_ABS, 0);
  program.jump_if(BPF_JSET, kLongBit, is_long);
  program.add(BPF_LD | BPF_B | BPF_ABS, kShortIdOffset);
  add_return_modulo(program, shards);

  program.place(is_long);
  program.jump_unless(BPF_JSET, kFromDialerBit, is_ours);
  program.add(BPF_ALU | BPF_AND | BPF_K, kTypeMask);
  program.jump_unless(BPF_JEQ, kHandshakeBits, by_address);
  program.place(is_ours);
  load_size();
  program.jump_unless(BPF_JGT, kLongIdOffset, by_address);
  program.add(BPF_LD | BPF_B | BPF_ABS, kLongIdLengthOffset);
  program.jump_unless(BPF_JEQ, kIdBytes, by_address);
  program.add(BPF_LD | BPF_B | BPF_ABS, kLongIdOffset);
  add_return_modulo(program, shards);

  program.place(by_address);
  add_shard_by_address(program, shards);
  return program.finish();
}

}  // namespace

std::error_code steer_by_connection_id(int descriptor, std::size_t shards) {
  JETWAY_ASSERT(shards > 0);
  std::vector<sock_filter> code = steering_program(shards);
  const sock_fprog program{.len = static_cast<unsigned short>(code.size()), .filter = code.data()};
  if (::setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0)
    return {};
  return {errno, std::system_category()};
}

}  // namespace jetway::io
