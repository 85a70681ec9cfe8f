#include "jetway/jsp/fec/fec.h"

#include <algorithm>
#include <span>

#include "jetway/base/assert.h"

namespace jetway::jsp {

namespace {
// A symbol that found no room in so many packets will find none: the path's packets have become smaller.
constexpr std::uint32_t kRefusalsMax = 4;
// A group is closed when its packets have so many bytes: a receiver has room for several of them.
constexpr std::size_t kGroupBytesMax = 256 * 1024;
}  // namespace

static_assert(session::FrameSource<Fec>);

Fec::Fec(const FecConfig& config)
    : protects_(config.protects), decoder_config_(config.decoder), controller_(config.controller) {}

// ---- what we send ----

std::optional<FecSourceFrame> Fec::mark() const {
  return is_protecting() ? std::optional{sending_->encoder.next_source()} : std::nullopt;
}

bool Fec::on_packet_built(TimePoint now, PathId path, PacketNumber number,
                          const std::array<ByteView, 2>& frames, const session::PacketContent& content) {
  const std::size_t bytes = frames[0].size() + frames[1].size();
  if (!is_protecting() || !content.is_worth_protecting() || bytes == 0 || bytes > kFecFramesMaxBytes) {
    return false;
  }
  controller_.on_source(now);
  FecEncoder& encoder = sending_->encoder;
  const bool is_first = !encoder.has_open_group();
  if (is_first) {
    sending_->group_began = now;
    sending_->group_bytes = 0;
  }
  encoder.add_source(path, number, frames, is_first ? controller_.shape() : FecShape{});
  sending_->last_source = now;
  sending_->group_bytes += bytes;
  ++statistics_.packets_protected;
  // The repair follows at once when the next packet would come too late for this group, or would be too much.
  if (!expects_more(now) || sending_->group_bytes >= kGroupBytesMax) encoder.close_group();
  if (!encoder.has_open_group()) sending_->group_began.reset();
  return true;
}

bool Fec::expects_more(TimePoint now) const {
  return now + controller_.source_gap() <= *sending_->group_began + controller_.group_duration();
}

std::optional<TimePoint> Fec::next_timeout() const {
  if (!sending_ || !sending_->group_began) return std::nullopt;
  return std::min(*sending_->group_began + controller_.group_duration(),
                  sending_->last_source + controller_.linger());
}

void Fec::handle_timeout(TimePoint now) {
  if (now < next_timeout().value_or(kNever)) return;
  sending_->encoder.close_group();
  sending_->group_began.reset();
}

session::SendInterest Fec::send_interest() const {
  using enum session::SendInterest;
  const auto repairs = sending_ && sending_->encoder.waiting() > 0 ? NewData : None;
  return std::max(repairs, receiving_ ? receiving_->delivery.send_interest() : None);
}

void Fec::write_frames(TimePoint, wire::PacketWriter& packet, std::uint64_t record) {
  if (receiving_) write_recovered(packet, record);
  if (sending_) write_repair(packet);
}

void Fec::write_repair(wire::PacketWriter& packet) {
  const auto repair = sending_->encoder.front();
  if (!repair) return;
  const Frame frame{*repair};
  const std::size_t bytes = frame_size(frame);
  if (bytes > packet.remaining()) {
    if (++sending_->refusals < kRefusalsMax) return;
  } else {
    encode_frame(packet.frames(), frame);
    ++statistics_.repairs_sent;
    statistics_.repair_bytes_sent += bytes;
  }
  sending_->refusals = 0;
  sending_->encoder.pop_front();
}

void Fec::on_packet_acked(std::uint64_t record) {
  controller_.on_packet_acked(record);
  if (receiving_ && receiving_->delivery.on_packet_acked(record)) receiving_->recovered_count = 0;
}

void Fec::on_packet_lost(std::uint64_t record) {
  controller_.on_packet_lost(record);
  if (!sending_ && protects_ && controller_.is_on()) sending_ = std::make_unique<Sending>();
  if (receiving_) receiving_->delivery.on_packet_lost(record);
}

void Fec::release_memory() {
  if (sending_) sending_->encoder.release_memory();
  if (receiving_) receiving_->decoder.release_memory();
}

// ---- what comes ----

FecDecoder& Fec::decoder() {
  if (!receiving_) receiving_ = std::make_unique<Receiving>(decoder_config_);
  return receiving_->decoder;
}

session::Checked<bool> Fec::on_source(const FecSourceFrame& mark, PathId path, PacketNumber number,
                                      ByteView frames) {
  return decoder().add_source(mark, path, number, frames);
}

session::Checked<void> Fec::on_repair(const FecRepairFrame& repair) { return decoder().add_repair(repair); }

std::optional<RepairedPacket> Fec::poll_repaired() {
  const auto repaired = receiving_ ? receiving_->decoder.poll_repaired() : std::nullopt;
  if (!repaired) return std::nullopt;
  ++statistics_.packets_repaired;
  note_recovered(repaired->path, repaired->number);
  return repaired;
}

void Fec::note_recovered(PathId path, PacketNumber number) {
  auto& [decoder, recovered, count, delivery] = *receiving_;
  if (count == kRecoveredMax) {
    std::shift_left(recovered.begin(), recovered.end(), 1);
    --count;
  }
  recovered[count++] = {path, number};
  delivery.request();
}

void Fec::write_recovered(wire::PacketWriter& packet, std::uint64_t record) {
  if (!receiving_->delivery.is_wanted()) return;
  std::array<Recovered, kRecoveredMax> list = receiving_->recovered;
  const std::span<Recovered> said = std::span{list}.first(receiving_->recovered_count);
  // By path, the largest number first, as ranges stand in a frame.
  std::ranges::sort(said, [](const Recovered& a, const Recovered& b) {
    return a.path != b.path ? a.path < b.path : a.number > b.number;
  });
  for (auto next = said.begin(); next != said.end();) {
    const PathId path = next->path;
    std::array<PacketRange, kRecoveredMax> ranges{};
    std::size_t count = 0;
    for (; next != said.end() && next->path == path; ++next) {
      if (count > 0 && next->number + 1 >= ranges[count - 1].first) {
        ranges[count - 1].first = next->number;
      } else {
        ranges[count++] = {next->number, next->number};
      }
    }
    const Frame frame{RecoveredFrame{.path = path, .ranges = PacketRanges{ranges}.first(count)}};
    if (frame_size(frame) > packet.remaining()) return;
    encode_frame(packet.frames(), frame);
  }
  receiving_->delivery.on_sent(record);
}

void Fec::check_invariants() const {
  if (receiving_) receiving_->decoder.check_invariants();
  if (!sending_) return;
  sending_->encoder.check_invariants();
  JETWAY_ASSERT(sending_->encoder.has_open_group() == sending_->group_began.has_value());
}

}  // namespace jetway::jsp
