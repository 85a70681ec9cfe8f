#include "jetway/jsp/connection_ids.h"

#include <algorithm>
#include <array>

#include "jetway/crypto/secret.h"

namespace jetway::jsp {

using session::fault;
using session::ProtocolCode;
using session::SendInterest;

namespace {

template <class Items>
SendInterest interest_of(const Items& items) {
  SendInterest interest = SendInterest::None;
  for (const auto& item : items) interest = std::max(interest, item.delivery.send_interest());
  return interest;
}

}  // namespace

ConnectionId random_connection_id(RandomSource& random) {
  return ConnectionId{random.make<std::array<std::byte, ConnectionId::kMaxBytes>>()};
}

ConnectionId random_connection_id(RandomSource& random, std::uint8_t shard) {
  auto bytes = random.make<std::array<std::byte, ConnectionId::kMaxBytes>>();
  bytes[0] = static_cast<std::byte>(shard);
  return ConnectionId{bytes};
}

// ---- LocalIds ----

LocalIds::LocalIds(const ConnectionId& first) : is_without_ids_(first.is_empty()) {
  if (is_without_ids_) return;
  issued_.push_back({.sequence = 0, .path = 0, .id = first});
  of_path(0).next_sequence = 1;
}

LocalIds::OfPath& LocalIds::of_path(PathId path) {
  JETWAY_ASSERT(path < kPathIdMax);
  if (of_paths_.size() <= path) of_paths_.resize(path + 1);
  return of_paths_[path];
}

std::optional<PathId> LocalIds::path_of(const ConnectionId& id) const {
  for (const Issued& issued : issued_) {
    if (issued.id == id) return issued.path;
  }
  return std::nullopt;
}

void LocalIds::issue(PathId path, ConnectionIdSource& source) {
  const Issued issued{.sequence = of_path(path).next_sequence++, .path = path, .id = source.make_id()};
  issued_.push_back(issued);
  Announcement& announcement = announcements_.emplace_back();
  announcement.frame = {.path = path,
                        .sequence = issued.sequence,
                        .retire_prior_to = 0,
                        .id = issued.id,
                        .reset_token = source.reset_token(issued.id)};
  announcement.delivery.request();
  routing_.push_back(ConnectionIdIssued{issued.id});
}

void LocalIds::provide(PathId path_end, ConnectionIdSource& source) {
  if (is_without_ids_) return;
  for (PathId path = 0; path < std::min(path_end, kPathIdMax); ++path) {
    if (of_path(path).is_given_up) continue;
    const std::ptrdiff_t wanted = path == 0 ? 2 : 1;
    auto count = std::ranges::count(issued_, path, &Issued::path);
    for (; count < wanted && issued_.size() < kTotalMax; ++count) issue(path, source);
  }
}

void LocalIds::give_up_path(PathId path) {
  if (is_without_ids_) return;
  of_path(path).is_given_up = true;
  // The peer need not hear of its IDs any more.
  std::erase_if(announcements_, [&](const Announcement& each) { return each.frame.path == path; });
}

void LocalIds::retire_path(PathId path) {
  give_up_path(path);
  std::erase_if(issued_, [&](const Issued& issued) {
    if (issued.path != path) return false;
    routing_.push_back(ConnectionIdRetired{issued.id});
    return true;
  });
}

void LocalIds::retire_all() {
  for (const Issued& issued : issued_) routing_.push_back(ConnectionIdRetired{issued.id});
  issued_.clear();
  announcements_.clear();
}

session::Checked<void> LocalIds::handle(const RetireConnectionIdFrame& frame, ConnectionIdSource& source) {
  const bool was_issued =
      frame.path < of_paths_.size() && frame.sequence < of_paths_[frame.path].next_sequence;
  if (!was_issued) return fault(ProtocolCode::ConnectionIds, "retires a connection ID that was never issued");
  const auto found = std::ranges::find_if(issued_, [&](const Issued& issued) {
    return issued.path == frame.path && issued.sequence == frame.sequence;
  });
  if (found == issued_.end()) return {};
  routing_.push_back(ConnectionIdRetired{found->id});
  std::erase_if(announcements_, [&](const Announcement& each) { return each.frame.id == found->id; });
  issued_.erase(found);
  if (!of_path(frame.path).is_given_up) issue(frame.path, source);
  return {};
}

SendInterest LocalIds::send_interest() const { return interest_of(announcements_); }

void LocalIds::write_frames(TimePoint, wire::PacketWriter& packet, std::uint64_t record) {
  for (Announcement& each : announcements_) {
    if (!each.delivery.is_wanted()) continue;
    if (frame_size(each.frame) > packet.remaining()) return;
    encode_frame(packet.frames(), each.frame);
    each.delivery.on_sent(record);
  }
}

void LocalIds::on_packet_acked(std::uint64_t record) {
  std::erase_if(announcements_, [&](Announcement& each) { return each.delivery.on_packet_acked(record); });
}
void LocalIds::on_packet_lost(std::uint64_t record) {
  for (Announcement& each : announcements_) each.delivery.on_packet_lost(record);
}

std::optional<RoutingEvent> LocalIds::poll_routing_event() {
  if (routing_.empty()) return std::nullopt;
  return routing_.pop_front();
}

void LocalIds::release_memory() {
  issued_.shrink_to_fit();
  announcements_.shrink_to_fit();
  of_paths_.shrink_to_fit();
  routing_.release_memory();
}

// ---- RemoteIds ----

void RemoteIds::set_first(const ConnectionId& id) {
  known_.clear();
  is_without_ids_ = id.is_empty();
  if (is_without_ids_) return;
  known_.push_back({.path = 0, .sequence = 0, .id = id, .token = std::nullopt, .is_in_use = true});
  of_path(0).seen.add({0, 1});
}

void RemoteIds::set_first_reset_token(const ResetToken& token) {
  for (Known& known : known_) {
    if (known.path == 0 && known.sequence == 0) known.token = token;
  }
}

RemoteIds::OfPath& RemoteIds::of_path(PathId path) {
  if (of_paths_.size() <= path) of_paths_.resize(path + 1);
  return of_paths_[path];
}

std::size_t RemoteIds::count_of(PathId path) const {
  return static_cast<std::size_t>(std::ranges::count(known_, path, &Known::path));
}

std::optional<ConnectionId> RemoteIds::current(PathId path) const {
  if (is_without_ids_) return ConnectionId{};
  std::optional<ConnectionId> spare;
  for (const Known& known : known_) {
    if (known.path != path) continue;
    if (known.is_in_use) return known.id;
    if (!spare) spare = known.id;
  }
  return spare;
}

bool RemoteIds::rotate(PathId path) {
  if (is_without_ids_) return false;
  const auto spare = std::ranges::find_if(
      known_, [&](const Known& known) { return known.path == path && !known.is_in_use; });
  if (spare == known_.end()) return false;
  spare->is_in_use = true;
  const std::uint64_t sequence = spare->sequence;
  for (std::size_t i = 0; i < known_.size(); ++i) {
    if (known_[i].path == path && known_[i].is_in_use && known_[i].sequence != sequence) {
      retire(i);
      break;
    }
  }
  return true;
}

void RemoteIds::retire(std::size_t index) {
  Retiring retiring{.frame = {.path = known_[index].path, .sequence = known_[index].sequence},
                    .delivery = {}};
  retiring.delivery.request();
  retiring_.push_back(retiring);
  known_.erase(known_.begin() + static_cast<std::ptrdiff_t>(index));
}

void RemoteIds::retire_path(PathId path) {
  std::erase_if(known_, [&](const Known& known) { return known.path == path; });
  std::erase_if(retiring_, [&](const Retiring& retiring) { return retiring.frame.path == path; });
}

session::Checked<void> RemoteIds::handle(const NewConnectionIdFrame& frame) {
  if (is_without_ids_) return fault(ProtocolCode::ProtocolViolation, "a connection ID from a peer without");
  if (frame.path >= kPathIdMax || frame.retire_prior_to > frame.sequence || frame.id.is_empty()) {
    return fault(ProtocolCode::FrameEncoding, "NEW_CONNECTION_ID contradicts itself");
  }
  for (const Known& known : known_) {
    const bool is_same = known.path == frame.path && known.sequence == frame.sequence;
    if (is_same != (known.id == frame.id))
      return fault(ProtocolCode::ProtocolViolation, "a connection ID has two meanings");
  }
  OfPath& of_this = of_path(frame.path);
  if (of_this.seen.contains(frame.sequence)) return {};
  of_this.seen.add({frame.sequence, frame.sequence + 1});
  of_this.retire_prior_to = std::max(of_this.retire_prior_to, frame.retire_prior_to);
  known_.push_back({.path = frame.path,
                    .sequence = frame.sequence,
                    .id = frame.id,
                    .token = frame.reset_token,
                    .is_in_use = count_of(frame.path) == 0});
  retire_unwanted(frame.path);
  if (count_of(frame.path) > kPerPathMax || known_.size() > kTotalMax || retiring_.size() > kTotalMax ||
      of_this.seen.size() > kTotalMax) {
    return fault(ProtocolCode::ConnectionIds, "more connection IDs than we take");
  }
  return {};
}

// What the peer wants back is given up, the one in use last: it is exchanged for another where there is one.
void RemoteIds::retire_unwanted(PathId path) {
  const std::uint64_t prior_to = of_path(path).retire_prior_to;
  const auto is_unwanted = [&](const Known& known) {
    return known.path == path && known.sequence < prior_to;
  };
  for (std::size_t i = known_.size(); i-- > 0;) {
    if (is_unwanted(known_[i]) && !known_[i].is_in_use) retire(i);
  }
  if (std::ranges::any_of(known_, is_unwanted)) rotate(path);
}

bool RemoteIds::is_reset_token(ByteView token) const {
  bool is_found = false;
  for (const Known& known : known_) {
    if (known.token) is_found |= crypto::equal_in_constant_time(*known.token, token);
  }
  return is_found;
}

SendInterest RemoteIds::send_interest() const { return interest_of(retiring_); }

void RemoteIds::write_frames(TimePoint, wire::PacketWriter& packet, std::uint64_t record) {
  for (Retiring& retiring : retiring_) {
    if (!retiring.delivery.is_wanted()) continue;
    if (frame_size(retiring.frame) > packet.remaining()) return;
    encode_frame(packet.frames(), retiring.frame);
    retiring.delivery.on_sent(record);
  }
}

void RemoteIds::on_packet_acked(std::uint64_t record) {
  std::erase_if(retiring_, [&](Retiring& retiring) { return retiring.delivery.on_packet_acked(record); });
}
void RemoteIds::on_packet_lost(std::uint64_t record) {
  for (Retiring& retiring : retiring_) retiring.delivery.on_packet_lost(record);
}

void RemoteIds::release_memory() {
  known_.shrink_to_fit();
  retiring_.shrink_to_fit();
  of_paths_.shrink_to_fit();
}

}  // namespace jetway::jsp
