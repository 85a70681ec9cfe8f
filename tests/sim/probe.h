#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/datagram_node.h"
#include "tests/sim/host.h"

namespace jetway::sim {

// A node for tests of the network itself: sends what it is told, remembers what it got.
class Probe final : public DatagramNode {
 public:
  struct Received {
    Now at;
    IpEndpoint local;
    IpEndpoint remote;
    jsp::Ecn ecn = jsp::Ecn::NotCapable;
    Bytes bytes;
  };
  struct Failure {
    Now at;
    SendError error;
  };

  explicit Probe(Host& host) : host_(host) { host.set_node(this); }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  ~Probe() override { host_.set_node(nullptr); }

  // Now, as far as the host can.
  void send(const jsp::Transmit& transmit, ByteView bytes) {
    queue_.emplace_back(transmit, to_bytes(bytes));
    host_.wake();
  }
  void send(const IpEndpoint& remote, ByteView bytes, jsp::Ecn ecn = jsp::Ecn::NotCapable) {
    send({.local = {}, .remote = remote, .ecn = ecn, .bytes = bytes.size(), .segment_bytes = bytes.size()},
         bytes);
  }
  // `count` datagrams of so many bytes at once.
  void send_many(const IpEndpoint& remote, std::size_t count, std::size_t bytes,
                 jsp::Ecn ecn = jsp::Ecn::NotCapable) {
    for (std::size_t i = 0; i < count; ++i) send(remote, Bytes(bytes, static_cast<std::byte>(i)), ecn);
  }
  void set_timeout(std::optional<TimePoint> at) {
    timeout_ = at;
    host_.wake();
  }

  void handle_datagram(const Now& now, const jsp::Datagram& datagram) override {
    received.push_back({.at = now,
                        .local = datagram.local,
                        .remote = datagram.remote,
                        .ecn = datagram.ecn,
                        .bytes = to_bytes(datagram.bytes)});
  }
  std::optional<jsp::Transmit> poll_transmit(const Now&, MutableBytes out) override {
    ++polls;
    if (queue_.empty()) return std::nullopt;
    const auto [transmit, bytes] = std::move(queue_.front());
    queue_.pop_front();
    copy_bytes(out, bytes);
    return transmit;
  }
  std::optional<TimePoint> next_timeout() override { return timeout_; }
  void handle_timeout(const Now& now) override {
    timeouts.push_back(now);
    timeout_.reset();
  }
  void handle_send_error(const Now& now, const jsp::Transmit&, SendError error) override {
    failures.push_back({.at = now, .error = error});
  }

  std::vector<Received> received;
  std::vector<Failure> failures;
  std::vector<Now> timeouts;
  std::uint64_t polls = 0;

 private:
  Host& host_;
  std::deque<std::pair<jsp::Transmit, Bytes>> queue_;
  std::optional<TimePoint> timeout_;
};

}  // namespace jetway::sim
