#include "tests/jsp_sim/hostile_peer.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "jetway/jsp/parameters.h"
#include "jetway/session/parameters.h"
#include "jetway/session/session.h"

namespace jetway::sim {

namespace {

constexpr std::size_t kDatagramBytes = 1200;
constexpr Duration kProbeTimeout = std::chrono::seconds(1);

void fill_up(wire::PacketWriter& packet) {
  std::ranges::fill(packet.frames().reserve(packet.remaining()), std::byte{0});
}

}  // namespace

HostilePeer::HostilePeer(Host& host, jsp::JspConfig config, const IpEndpoint& listener, std::uint64_t seed)
    : host_(host), config_(std::move(config)), listener_(listener), random_(seed) {
  start();
  host_.set_node(this);
}

HostilePeer::~HostilePeer() { host_.set_node(nullptr); }

void HostilePeer::start() {
  const session::Session session(session::Role::Dialer, config_.session, host_.now().engine);
  jsp::Parameters parameters;
  parameters.session = session::encode_parameters(session.local_parameters());
  parameters.datagram_max_bytes = config_.datagram_max_bytes;
  parameters.paths_max = config_.paths_max;
  config_.handshake.transport_parameters = jsp::encode_parameters(parameters);
  handshake_.emplace(crypto::Handshake::dialer(config_.handshake, random_, host_.now().wall));
  client_random_ = handshake_->init_random();
  destination_ = jsp::ConnectionId{random_.make<std::array<std::byte, jsp::ConnectionId::kMaxBytes>>()};
  const jsp::PacketSecrets secrets = jsp::derive_initial_secrets(client_random_, destination_);
  initial_sealer_.emplace(crypto::Suite::Aes256Gcm, secrets.dialer);
  initial_opener_.emplace(crypto::Suite::Aes256Gcm, secrets.listener);
  if (const auto* const early = handshake_->early_secret())
    early_sealer_.emplace(early->suite, early->traffic);
  initial_.write(handshake_->poll_output());
  go_on(host_.now());
}

// All that the handshake has to say goes at once, a datagram per packet.
void HostilePeer::go_on(const Now&) {
  const auto write_from = [this](jsp::CryptoStream& stream) {
    return [this, &stream](wire::PacketWriter& packet) {
      stream.write_frames(host_.now().engine, packet, record_++);
      return !packet.is_empty();
    };
  };
  while (initial_.send_interest() != session::SendInterest::None) {
    send_handshake(jsp::PacketType::Initial, *initial_sealer_, next_initial_, write_from(initial_));
  }
  if (!handshake_ || !handshake_->is_complete()) return;
  confirming_.write(handshake_->poll_output());
  const crypto::HandshakePacketSecrets& secrets = *handshake_->handshake_packet_secrets();
  jsp::Sealer sealer(secrets.suite, secrets.dialer);
  while (confirming_.send_interest() != session::SendInterest::None) {
    send_handshake(jsp::PacketType::Handshake, sealer, next_confirming_, write_from(confirming_));
  }
  crypto::HandshakeResult result = handshake_->take_result();
  keys_.emplace(result.suite, std::move(result.send_secret), std::move(result.receive_secret));
  handshake_.reset();
}

void HostilePeer::send_handshake(jsp::PacketType type, jsp::Sealer& sealer, jsp::PacketNumber& number,
                                 const std::function<bool(wire::PacketWriter&)>& write) {
  jsp::LongHeader header;
  header.type = type;
  header.is_from_dialer = true;
  header.destination = destination_;
  header.number = number++;
  if (type == jsp::PacketType::Initial) header.client_random = client_random_;
  Bytes out(kDatagramBytes);
  const jsp::HeaderLayout layout = jsp::encode_header(out, header);
  const std::size_t room = out.size() - layout.overhead_bytes();
  wire::PacketWriter packet{MutableBytes{out}.subspan(layout.header_bytes, room), room};
  if (!write(packet)) return;
  fill_up(packet);
  const auto parts = packet.parts();
  out.resize(sealer.seal(header.number, layout, parts, out));
  queue_.push_back(std::move(out));
}

void HostilePeer::send_initial(const std::function<void(wire::Writer&)>& write_frames) {
  send_handshake(jsp::PacketType::Initial, *initial_sealer_, next_initial_, [&](wire::PacketWriter& packet) {
    write_frames(packet.frames());
    return true;
  });
  host_.wake();
}

void HostilePeer::send_early(const std::function<void(wire::Writer&)>& write_frames) {
  if (!early_sealer_) throw std::runtime_error("the hostile peer has no ticket");
  send_handshake(jsp::PacketType::Early, *early_sealer_, next_number_, [&](wire::PacketWriter& packet) {
    write_frames(packet.frames());
    return true;
  });
  host_.wake();
}

void HostilePeer::send(const std::function<void(wire::Writer&)>& write_frames) {
  if (!keys_) throw std::runtime_error("the hostile peer has no keys yet");
  const jsp::PacketNumber number = next_number_++;
  Bytes out(kDatagramBytes);
  const jsp::HeaderLayout layout = jsp::encode_header(
      out, jsp::ShortHeader{.destination = destination_, .number = number, .key_phase = keys_->key_phase()});
  const std::size_t room = out.size() - layout.overhead_bytes();
  wire::PacketWriter packet{MutableBytes{out}.subspan(layout.header_bytes, room), room};
  write_frames(packet.frames());
  const auto parts = packet.parts();
  out.resize(keys_->seal({.path = 0, .number = number, .record = record_++}, layout, parts, out));
  queue_.push_back(std::move(out));
  host_.wake();
}

void HostilePeer::handle_datagram(const Now& now, const jsp::Datagram& datagram) {
  MutableBytes rest = datagram.bytes;
  while (!rest.empty()) {
    const auto header = jsp::decode_packet_header(rest, 0);
    if (!header) return;
    const MutableBytes bytes = rest.first(header->packet_bytes);
    rest = rest.subspan(header->packet_bytes);
    if (header->type == jsp::PacketType::Initial) {
      const jsp::Opened opened = initial_opener_->open(*header, bytes, largest_initial_);
      if (!opened) continue;
      largest_initial_ = std::max(largest_initial_.value_or(0), opened->number);
      destination_ = header->source;
      take_initial(now, opened->payload);
    } else if (header->type == jsp::PacketType::Short && keys_) {
      const jsp::Opened opened = keys_->open(now.engine, kProbeTimeout, open_state_, *header, bytes);
      if (!opened) continue;
      ++packets_received;
      largest_received = std::max(largest_received.value_or(0), opened->number);
    }
  }
}

void HostilePeer::take_initial(const Now& now, ByteView payload) {
  wire::Reader in(payload);
  jsp::RangeBuffer ranges;
  while (in.remaining() > 0) {
    const auto type = jsp::peek_frame_type(in);
    if (!type) return;
    if (*type == 0) {
      in.u8();
      continue;
    }
    const auto frame = jsp::decode_frame(in, ranges);
    if (!frame) return;
    if (const auto* const crypto = std::get_if<jsp::CryptoFrame>(&*frame))
      static_cast<void>(initial_.handle(*crypto));
  }
  if (!handshake_) return;
  const Bytes readable = to_bytes(initial_.readable());
  initial_.consume(readable.size());
  if (!handshake_->handle_bytes(now.wall, readable))
    throw std::runtime_error("the hostile peer's handshake fails");
  go_on(now);
}

std::optional<jsp::Transmit> HostilePeer::poll_transmit(const Now&, MutableBytes out) {
  if (queue_.empty()) return std::nullopt;
  const Bytes bytes = std::move(queue_.front());
  queue_.pop_front();
  ++packets_sent;
  copy_bytes(out, bytes);
  jsp::Transmit transmit;
  transmit.remote = listener_;
  transmit.bytes = transmit.segment_bytes = bytes.size();
  return transmit;
}

}  // namespace jetway::sim
