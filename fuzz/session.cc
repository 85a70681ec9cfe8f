// Bytes become a sequence of operations on a session, some by its application and some by its peer, who may
// do anything; its invariants hold after each. Packets are acknowledged, lost or forgotten in any order.
#include "jetway/session/session.h"

#include <algorithm>
#include <deque>

#include "jetway/session/stream_context.h"
#include "jetway/wire/frame.h"
#include "jetway/wire/reader.h"

using namespace jetway;
using namespace jetway::session;

namespace {

struct Input {
  wire::Reader in;
  std::uint64_t below(std::uint64_t bound) { return in.u16() % bound; }
  ByteView some() { return in.bytes(std::min<std::size_t>(in.u8(), in.remaining())); }
};

SessionConfig small_limits() {
  SessionConfig config;
  config.stream_window_bytes = 500;
  config.stream_window_max_bytes = 2'000;
  config.connection_window_bytes = 1'000;
  config.connection_window_max_bytes = 4'000;
  config.streams_two_way_max = 4;
  config.streams_one_way_max = 4;
  config.message_max_bytes = 1'000;
  config.datagram_queue_max = 4;
  config.compression_threshold_bytes = 16;
  return config;
}

class Fuzzed {
 public:
  explicit Fuzzed(Role role) : session_(role, small_limits(), now_) {
    PeerParameters peer = session_.local_parameters();
    session_.on_established(now_, peer);
    if (role == Role::Listener) {
      session_.admit(now_);
    } else {
      const std::byte admitted[] = {std::byte{0x40}, std::byte{0x42}};
      (void)session_.handle_frames(now_, admitted);
    }
  }

  void operate(Input& input) {
    const StreamId id = input.below(20);
    switch (input.below(20)) {
      case 0:
        (void)session_.handle_frames(now_, input.some());
        break;
      case 1:
        hand_in(wire::StreamFrame{id, input.below(600), input.below(4) == 0, input.some()});
        break;
      case 2:
        hand_in(wire::StreamFrame{id, 0, input.below(4) == 0, input.some()});
        break;
      case 3:
        hand_in(wire::ResetStreamFrame{id, 1, input.below(600)});
        break;
      case 4:
        hand_in(wire::StopSendingFrame{id, 2});
        break;
      case 5:
        hand_in(wire::MaxDataFrame{input.below(60'000)});
        break;
      case 6:
        hand_in(wire::MaxStreamDataFrame{id, input.below(60'000)});
        break;
      case 7:
        (void)session_.open_stream(input.below(2) == 0 ? Direction::TwoWay : Direction::OneWay,
                                   options(input));
        break;
      case 8:
        (void)session_.write(id, input.some());
        break;
      case 9:
        (void)session_.finish(id);
        break;
      case 10:
        input.below(2) == 0 ? (void)session_.reset(id, 3) : (void)session_.stop(id, 4);
        break;
      case 11:
        read(id, input);
        break;
      case 12:
        (void)session_.send_message(input.some(), options(input));
        break;
      case 13:
        transmit();
        break;
      case 14:
        settle(input);
        break;
      case 16:
        hand_in(wire::StreamGapFrame{id, input.below(600)});
        break;
      case 17: {  // the beginning of a stream that may have gaps
        const std::byte preamble = encode_preamble({.delivery = delivery(input).mode});
        hand_in(wire::StreamFrame{id, 0, false, {&preamble, 1}});
        break;
      }
      case 18:
        (void)session_.set_delivery(id, delivery(input));
        break;
      case 19:
        (void)session_.send_message(input.some(), {.delivery = delivery(input)});
        break;
      default:
        now_ += std::chrono::milliseconds{input.below(60'000)};
        (void)session_.handle_timeout(now_);
    }
    while (session_.poll_event()) {
    }
    session_.check_invariants();
  }

 private:
  static StreamOptions options(Input& input) {
    return {.priority = static_cast<Priority>(input.below(4)),
            .compression = static_cast<Compression>(input.below(3))};
  }
  static DeliveryOptions delivery(Input& input) {
    return {.mode = static_cast<DeliveryMode>(input.below(3)),
            .deadline = std::chrono::milliseconds{input.below(3) * 1'000},
            .tries_max = static_cast<std::uint8_t>(input.below(4))};
  }

  void hand_in(const wire::Frame& frame) {
    Bytes payload(wire::frame_size(frame));
    wire::Writer out{payload};
    wire::encode_frame(out, frame);
    (void)session_.handle_frames(now_, payload);
  }

  void read(StreamId id, Input& input) {
    Bytes& out = reads_[id];
    if (posted_[id]) {
      (void)session_.take_posted_read(id);
      posted_[id] = false;
    } else if (input.below(2) == 0) {
      out.resize(input.below(300));
      posted_[id] = session_.post_read(id, out).has_value();
    } else {
      out.resize(input.below(300));
      (void)session_.read(id, out);
    }
  }

  void transmit() {
    Bytes scratch(200);
    wire::PacketWriter packet{scratch, scratch.size()};
    session_.write_frames(now_, packet, next_packet_);
    in_flight_.push_back(next_packet_++);
  }

  void settle(Input& input) {
    if (in_flight_.empty()) return;
    const auto which = in_flight_.begin() + static_cast<std::ptrdiff_t>(input.below(in_flight_.size()));
    const std::uint64_t number = *which;
    in_flight_.erase(which);
    input.below(2) == 0 ? session_.on_packet_acked(now_, number) : session_.on_packet_lost(now_, number);
  }

  TimePoint now_{std::chrono::hours{1}};
  Session session_;
  Bytes reads_[20];
  bool posted_[20] = {};
  std::uint64_t next_packet_ = 0;
  std::deque<std::uint64_t> in_flight_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Fuzzed fuzzed{data[0] % 2 == 0 ? Role::Listener : Role::Dialer};
  Input input{wire::Reader{std::as_bytes(std::span{data, size}).subspan(1)}};
  while (!input.in.is_empty()) fuzzed.operate(input);
  return 0;
}
