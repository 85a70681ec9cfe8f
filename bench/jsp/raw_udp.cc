// What UDP can carry on this machine without a protocol: UDP_SEGMENT and UDP_GRO, every datagram sealed and
// opened with the packet keys of Jetway, and only so much of a window that the receiver is not overrun.
//
//   raw_udp serve --address A --port P --cpu C         prints {"port": ...}, and at the end a line of figures
//   raw_udp send --address A --port P --size N --seconds S --aead aes --cpu C
//
// One JSON object on each line. The figures of `send` are those of both ends.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "bench/ends/measure.h"
#include "bench/jsp/bench_socket.h"
#include "jetway/base/bytes.h"
#include "jetway/crypto/packet_keys.h"

namespace jetway::bench {
namespace {

// In clear before what is sealed, and its associated data.
struct Header {
  std::uint64_t number = 0;
};
constexpr std::size_t kOverheadBytes = sizeof(Header) + crypto::kTagBytes;

constexpr std::size_t kGroupBytes = 65'507;
constexpr std::size_t kGroupSegments = 64;
constexpr int kSystemBufferBytes = 4 << 20;
constexpr std::size_t kBuffers = 16;
constexpr std::size_t kBufferBytes = 65'536 + 1536;
// Sent and not reported; the receiver reports often enough for it.
constexpr std::uint64_t kWindowBytes = 1'500'000;
constexpr std::uint64_t kReportBytes = kWindowBytes / 8;
// After such a silence what was not reported is lost.
constexpr int kSilenceMicroseconds = 20'000;

// A datagram of so many bytes: the run is over. The first one of all names the AEAD and is longer.
constexpr std::size_t kEndBytes = 1;

struct Report {
  std::uint64_t bytes = 0;  // that came, of datagrams
  std::uint64_t payload_bytes = 0;
  std::uint64_t datagrams = 0;
  std::uint64_t refused = 0;  // that could not be opened
  double wall_seconds = 0;
  double cpu_seconds = 0;
  std::uint32_t is_last = 0;
  std::uint32_t is_coalesced = 0;
};

struct Options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  std::size_t size = 1452;
  double seconds = 5;
  std::string aead = "aes";
  int cpu = -1;
  bool has_offloads = true;
};

std::optional<crypto::PacketKeys> make_keys(std::string_view aead) {
  const std::array<std::byte, crypto::kKeyBytes> key{};
  const std::array<std::byte, 12> iv{};
  if (aead == "aes") return crypto::PacketKeys(crypto::Suite::Aes256Gcm, key, iv);
  if (aead == "chacha") return crypto::PacketKeys(crypto::Suite::ChaCha20Poly1305, key, iv);
  return std::nullopt;
}

void set_up(int descriptor) {
  const int family = BenchAddress::local_of(descriptor).any.sa_family;
  set_option(descriptor, SOL_SOCKET, SO_RCVBUF, kSystemBufferBytes);
  set_option(descriptor, SOL_SOCKET, SO_SNDBUF, kSystemBufferBytes);
  if (family == AF_INET) set_option(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  if (family == AF_INET6) set_option(descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
}

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::system_category(), what); }

// ---- receiving ----

class Receiver {
 public:
  explicit Receiver(const Options& options)
      : descriptor_(bound_socket(SOCK_DGRAM, BenchAddress::of(options.address, options.port))),
        memory_(kBuffers * kBufferBytes) {
    set_up(descriptor_);
    if (options.has_offloads) set_option(descriptor_, IPPROTO_UDP, UDP_GRO, 1);
    std::printf("{\"port\": %u}\n", BenchAddress::local_of(descriptor_).port());
    std::fflush(stdout);
  }

  Report run() {
    while (report_.is_last == 0) {
      const std::size_t count = receive();
      for (std::size_t i = 0; i < count; ++i) take(i);
      if (report_.bytes - reported_bytes_ >= kReportBytes || report_.is_last != 0) tell();
    }
    // The last word might be lost.
    for (int i = 0; i < 3; ++i) tell();
    return report_;
  }

 private:
  std::size_t receive() {
    for (std::size_t i = 0; i < kBuffers; ++i) {
      parts_[i] = {.iov_base = memory_.data() + i * kBufferBytes, .iov_len = 65'535};
      msghdr& header = headers_[i].msg_hdr;
      header = {};
      header.msg_iov = &parts_[i];
      header.msg_iovlen = 1;
      header.msg_control = controls_[i].bytes.data();
      header.msg_controllen = controls_[i].bytes.size();
      header.msg_name = &remotes_[i];
      header.msg_namelen = sizeof remotes_[i];
    }
    const int count = ::recvmmsg(descriptor_, headers_.data(), kBuffers, MSG_WAITFORONE, nullptr);
    if (count < 0) fail("recvmmsg");
    return static_cast<std::size_t>(count);
  }

  void take(std::size_t index) {
    msghdr& header = headers_[index].msg_hdr;
    const MutableBytes bytes(memory_.data() + index * kBufferBytes, headers_[index].msg_len);
    if (!is_started_) return start(index);
    if (bytes.size() == kEndBytes) return finish();
    std::size_t segment = bytes.size();
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
         control = CMSG_NXTHDR(&header, control)) {
      if (control->cmsg_level != IPPROTO_UDP || control->cmsg_type != UDP_GRO) continue;
      int size = 0;
      std::memcpy(&size, CMSG_DATA(control), sizeof size);
      segment = static_cast<std::size_t>(size);
      report_.is_coalesced = 1;
    }
    for (std::size_t at = 0; at < bytes.size(); at += segment) {
      open(bytes.subspan(at, std::min(segment, bytes.size() - at)));
    }
    report_.bytes += bytes.size();
  }

  // The first datagram says how the others are sealed.
  void start(std::size_t index) {
    is_started_ = true;
    peer_ = remotes_[index];
    peer_size_ = headers_[index].msg_hdr.msg_namelen;
    start_ = Reading::now();
    keys_ = make_keys(as_text({memory_.data() + index * kBufferBytes, headers_[index].msg_len}));
  }

  void open(MutableBytes datagram) {
    ++report_.datagrams;
    if (datagram.size() <= kOverheadBytes) return;
    Header header;
    std::memcpy(&header, datagram.data(), sizeof header);
    if (keys_ &&
        !keys_->open(header.number, datagram.first(sizeof header), datagram.subspan(sizeof header))) {
      ++report_.refused;
      return;
    }
    report_.payload_bytes += datagram.size() - kOverheadBytes;
  }

  void finish() {
    const Usage usage = between(start_, Reading::now());
    report_.wall_seconds = usage.wall_seconds;
    report_.cpu_seconds = usage.cpu_seconds;
    report_.is_last = 1;
  }

  void tell() {
    reported_bytes_ = report_.bytes;
    ::sendto(descriptor_, &report_, sizeof report_, 0, reinterpret_cast<sockaddr*>(&peer_), peer_size_);
  }

  struct Control {
    alignas(cmsghdr) std::array<std::byte, 64> bytes;
  };
  int descriptor_;
  std::vector<std::byte> memory_;
  std::array<mmsghdr, kBuffers> headers_{};
  std::array<iovec, kBuffers> parts_{};
  std::array<Control, kBuffers> controls_{};
  std::array<sockaddr_storage, kBuffers> remotes_{};
  bool is_started_ = false;
  sockaddr_storage peer_{};
  socklen_t peer_size_ = 0;
  std::optional<crypto::PacketKeys> keys_;
  Reading start_;
  Report report_;
  std::uint64_t reported_bytes_ = 0;
};

// ---- sending ----

class Sender {
 public:
  explicit Sender(const Options& options)
      : descriptor_(connected_socket(SOCK_DGRAM, BenchAddress::of(options.address, options.port))),
        options_(options),
        keys_(make_keys(options.aead)),
        source_(kGroupBytes, std::byte{0x5a}),
        group_(kGroupBytes) {
    set_up(descriptor_);
    const timeval silence{.tv_sec = 0, .tv_usec = kSilenceMicroseconds};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    segments_ = std::clamp<std::size_t>(kGroupBytes / options.size, 1, kGroupSegments);
  }

  void run() {
    send(as_bytes(options_.aead), 0);
    const Reading start = Reading::now();
    Reading now = start;
    while (now.wall - start.wall < options_.seconds) {
      for (int turn = 0; turn < 64; ++turn) send_group();
      now = Reading::now();
    }
    usage_ = between(start, now);
    const std::array<std::byte, kEndBytes> end{};
    for (int attempt = 0; attempt < 100 && report_.is_last == 0; ++attempt) {
      send(end, 0);
      static_cast<void>(hear(0));
    }
  }

  const Report& report() const { return report_; }
  const Usage& usage() const { return usage_; }
  std::uint64_t sent_bytes() const { return sent_bytes_; }

 private:
  void send_group() {
    std::size_t size = 0;
    for (std::size_t i = 0; i < segments_; ++i, size += options_.size) {
      seal(MutableBytes(group_).subspan(size, options_.size));
    }
    while (sent_bytes_ + size - (report_.bytes + lost_bytes_) > kWindowBytes) {
      if (hear(0)) continue;
      lost_bytes_ = sent_bytes_ - report_.bytes;
    }
    if (options_.has_offloads) {
      send(ByteView(group_).first(size), segments_ > 1 ? options_.size : 0);
    } else {
      for (std::size_t at = 0; at < size; at += options_.size) {
        send(ByteView(group_).subspan(at, options_.size), 0);
      }
    }
    sent_bytes_ += size;
  }

  void seal(MutableBytes datagram) {
    const Header header{.number = number_++};
    std::memcpy(datagram.data(), &header, sizeof header);
    if (!keys_) return;
    const ByteView payload = ByteView(source_).first(datagram.size() - kOverheadBytes);
    keys_->seal(header.number, datagram.first(sizeof header), {&payload, 1}, datagram.subspan(sizeof header));
  }

  // Waits, unless told not to, for a report; false: there is none.
  bool hear(int flags) {
    Report report;
    const ssize_t size = ::recv(descriptor_, &report, sizeof report, flags);
    if (size != sizeof report) return false;
    if (report.bytes >= report_.bytes) report_ = report;
    return true;
  }

  void send(ByteView bytes, std::size_t segment_bytes) {
    iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(std::uint16_t))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (segment_bytes > 0) {
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      cmsghdr* const message = CMSG_FIRSTHDR(&header);
      message->cmsg_level = IPPROTO_UDP;
      message->cmsg_type = UDP_SEGMENT;
      message->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
      const auto value = static_cast<std::uint16_t>(segment_bytes);
      std::memcpy(CMSG_DATA(message), &value, sizeof value);
    }
    if (::sendmsg(descriptor_, &header, 0) < 0 && errno != ECONNREFUSED) fail("sendmsg");
  }

  int descriptor_;
  Options options_;
  std::optional<crypto::PacketKeys> keys_;
  std::vector<std::byte> source_;
  std::vector<std::byte> group_;
  std::size_t segments_ = 1;
  std::uint64_t number_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t lost_bytes_ = 0;
  Report report_;
  Usage usage_;
};

// ---- the programs ----

void print(const Options& options, const char* role, const Report& report, double sender_cpu_seconds,
           std::uint64_t sent_bytes) {
  const double gigabytes = static_cast<double>(report.payload_bytes) * 1e-9;
  const double cpu_seconds = report.cpu_seconds + sender_cpu_seconds;
  std::printf(
      "{\"role\": \"%s\", \"size\": %zu, \"aead\": \"%s\", \"coalesced\": %s, "
      "\"payload_bytes\": %llu, \"datagrams\": %llu, \"refused\": %llu, \"seconds\": %.4f, "
      "\"gbit_s\": %.4f, \"receiver_cpu_s_gb\": %.5f, \"sender_cpu_s_gb\": %.5f, "
      "\"cpu_s_gb\": %.5f, \"lost_bytes\": %lld}\n",
      role, options.size, options.aead.c_str(), report.is_coalesced != 0 ? "true" : "false",
      static_cast<unsigned long long>(report.payload_bytes),
      static_cast<unsigned long long>(report.datagrams), static_cast<unsigned long long>(report.refused),
      report.wall_seconds, gigabytes * 8 / report.wall_seconds, report.cpu_seconds / gigabytes,
      sender_cpu_seconds / gigabytes, cpu_seconds / gigabytes,
      static_cast<long long>(sent_bytes) - static_cast<long long>(report.bytes));
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("What UDP can carry without a protocol");
  app.require_subcommand(1);
  CLI::App* const serve = app.add_subcommand("serve");
  CLI::App* const send = app.add_subcommand("send");
  for (CLI::App* const command : {serve, send}) {
    command->add_option("--address", options.address);
    command->add_option("--port", options.port);
    command->add_option("--cpu", options.cpu);
    command->add_flag("--offloads,!--no-offloads", options.has_offloads, "UDP_SEGMENT and UDP_GRO");
  }
  send->add_option("--size", options.size, "of a datagram's payload")
      ->check(CLI::Range(kOverheadBytes + 1, kGroupBytes));
  send->add_option("--seconds", options.seconds);
  send->add_option("--aead", options.aead)->check(CLI::IsMember({"aes", "chacha", "none"}));
  CLI11_PARSE(app, argc, argv);
  if (options.cpu >= 0) pin_to_core(options.cpu);
  if (serve->parsed()) {
    Receiver receiver(options);
    const Report report = receiver.run();
    print(options, "serve", report, 0, report.bytes);
  } else {
    Sender sender(options);
    sender.run();
    if (sender.report().is_last == 0) throw std::runtime_error("no word from the receiver");
    print(options, "send", sender.report(), sender.usage().cpu_seconds, sender.sent_bytes());
  }
  return 0;
}

}  // namespace
}  // namespace jetway::bench

int main(int argc, char** argv) {
  try {
    return jetway::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "raw_udp: %s\n", error.what());
    return 1;
  }
}
