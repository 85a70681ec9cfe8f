#include "jetway/framed/unsealed_pipe.h"

#include <algorithm>
#include <utility>

#include "jetway/wire/frame.h"
#include "jetway/wire/packet.h"

namespace jetway::framed {

namespace {

// Two messages of the largest size each way: an Init, and the Init that answers a Retry.
constexpr std::size_t kReceivedMaxBytes = 2 * crypto::kHandshakeMessageMaxBytes;
// Header of the packet, type, offset and length of a CRYPTO frame: less than this.
constexpr std::size_t kOverheadBytes = 64;

std::unexpected<crypto::HandshakeError> malformed(std::string_view reason) {
  return std::unexpected(crypto::HandshakeError{crypto::HandshakeErrc::Malformed, reason, std::nullopt});
}

std::size_t write_packet(const wire::Frame& frame, MutableBytes out) {
  const std::size_t payload_bytes = wire::frame_size(frame);
  const auto header = wire::encode_packet_header({.flags = {}, .payload_bytes = payload_bytes});
  wire::Writer writer{out};
  writer.bytes(header);
  wire::encode_frame(writer, frame);
  return writer.size();
}

}  // namespace

UnsealedPipe::UnsealedPipe(crypto::Handshake handshake) : handshake_(std::move(handshake)) { take_output(); }

std::expected<std::optional<UnsealedClose>, crypto::HandshakeError> UnsealedPipe::handle_payload(
    WallTime now, ByteView payload) {
  wire::Reader in{payload};
  for (wire::skip_padding(in); !in.is_empty(); wire::skip_padding(in)) {
    const auto frame = wire::decode_frame(in);
    if (!frame) return malformed(frame.error().reason);
    if (const auto* close = std::get_if<wire::ConnectionCloseFrame>(&*frame)) {
      return UnsealedClose{close->error_code};
    }
    const auto* crypto = std::get_if<wire::CryptoFrame>(&*frame);
    if (crypto == nullptr) return malformed("a frame that has to be sealed is not");
    if (auto done = handle_crypto(now, crypto->offset, crypto->data); !done) {
      return std::unexpected(done.error());
    }
  }
  return std::nullopt;
}

std::expected<void, crypto::HandshakeError> UnsealedPipe::handle_crypto(WallTime now, std::uint64_t offset,
                                                                        ByteView data) {
  if (offset != received_bytes_) return malformed("CRYPTO frames are out of order");
  received_bytes_ += data.size();
  if (received_bytes_ > kReceivedMaxBytes) return malformed("the handshake is too long");
  auto done = handshake_.handle_bytes(now, data);
  take_output();
  return done;
}

void UnsealedPipe::take_output() {
  const Bytes more = handshake_.poll_output();
  output_.insert(output_.end(), more.begin(), more.end());
}

void UnsealedPipe::close(std::uint64_t code) {
  output_.resize(sent_);
  close_code_ = code;
}

std::size_t UnsealedPipe::poll_packet(MutableBytes out) {
  if (sent_ < output_.size()) {
    const ByteView data = ByteView{output_}.subspan(sent_);
    const ByteView part = data.first(std::min(data.size(), out.size() - kOverheadBytes));
    const std::size_t written = write_packet(wire::CryptoFrame{.offset = sent_, .data = part}, out);
    sent_ += part.size();
    return written;
  }
  if (close_code_) {
    return write_packet(
        wire::ConnectionCloseFrame{.error_code = *std::exchange(close_code_, std::nullopt), .reason = {}},
        out);
  }
  return 0;
}

}  // namespace jetway::framed
