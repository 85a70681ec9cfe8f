#include "tests/sim/trace.h"

#include <array>
#include <cstdlib>
#include <format>

namespace jetway::sim {

namespace {

constexpr std::size_t kTraceEvents = 4000;
constexpr std::array<std::string_view, 4> kEcnNames{"", " ECT1", " ECT0", " CE"};

}  // namespace

std::string_view to_text(TraceKind kind) {
  switch (kind) {
    case TraceKind::Sent:
      return "sent";
    case TraceKind::Delivered:
      return "delivered";
    case TraceKind::Dropped:
      return "dropped";
    case TraceKind::Marked:
      return "marked";
    case TraceKind::Duplicated:
      return "duplicated";
    case TraceKind::Corrupted:
      return "corrupted";
    case TraceKind::Reordered:
      return "reordered";
    case TraceKind::Translated:
      return "translated";
    case TraceKind::SendFailed:
      return "send failed";
    case TraceKind::Note:
      return "note";
  }
  return "";
}

std::string_view to_text(DropReason reason) {
  switch (reason) {
    case DropReason::None:
      return "";
    case DropReason::QueueFull:
      return "queue full";
    case DropReason::CoDel:
      return "CoDel";
    case DropReason::RandomLoss:
      return "random loss";
    case DropReason::BurstLoss:
      return "burst loss";
    case DropReason::TooLarge:
      return "larger than the MTU";
    case DropReason::LinkDown:
      return "link down";
    case DropReason::EcnCapable:
      return "ECN-capable";
    case DropReason::Tap:
      return "taken by the test";
    case DropReason::NoMapping:
      return "no mapping";
    case DropReason::NoRoute:
      return "no route";
    case DropReason::NoHost:
      return "nobody has this address";
    case DropReason::HostDown:
      return "host or interface down";
    case DropReason::Count:
      break;
  }
  return "";
}

std::size_t trace_events_from_environment() {
  const char* const text = std::getenv("JETWAY_TRACE");
  if (text == nullptr) return 0;
  const std::size_t count = std::strtoull(text, nullptr, 10);
  return count == 1 ? kTraceEvents : count;
}

void Trace::record(TimePoint now, std::string_view place, TraceKind kind, const Packet& packet,
                   DropReason reason) {
  mix(static_cast<std::uint64_t>(now.time_since_epoch().count()));
  mix(packet.id << 24 ^ packet.size << 8 ^ static_cast<std::uint64_t>(kind) << 4 ^
      static_cast<std::uint64_t>(reason));
  if (!is_on()) return;
  keep({.at = now,
        .place = place,
        .kind = kind,
        .reason = reason,
        .ecn = packet.ecn,
        .id = packet.id,
        .size = packet.size,
        .source = packet.source,
        .destination = packet.destination,
        .text = {}});
}

void Trace::note(TimePoint now, std::string_view place, std::string text) {
  if (!is_on()) return;
  Entry entry;
  entry.at = now;
  entry.place = place;
  entry.text = std::move(text);
  keep(std::move(entry));
}

void Trace::keep(Entry entry) {
  if (ring_.size() < events_max_) {
    ring_.push_back(std::move(entry));
    return;
  }
  ring_[next_] = std::move(entry);
  next_ = (next_ + 1) % ring_.size();
  ++dropped_entries_;
}

// The finalizer of splitmix64 over what there was and what is new.
void Trace::mix(std::uint64_t value) {
  std::uint64_t z = (fingerprint_ ^ value) + 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  fingerprint_ = z ^ (z >> 31);
}

std::string Trace::line(const Entry& entry) {
  const double seconds = std::chrono::duration<double>(entry.at.time_since_epoch()).count();
  const std::string head = std::format("{:13.6f} {:<12} ", seconds, entry.place);
  if (entry.kind == TraceKind::Note) return head + entry.text + "\n";
  std::string text = std::format("{}{:<11} #{} {} bytes{} {} > {}", head, sim::to_text(entry.kind), entry.id,
                                 entry.size, kEcnNames[static_cast<std::size_t>(entry.ecn)],
                                 entry.source.to_text(), entry.destination.to_text());
  if (entry.reason != DropReason::None) text += std::format(": {}", sim::to_text(entry.reason));
  return text + "\n";
}

std::string Trace::to_text() const {
  std::string text;
  if (dropped_entries_ > 0) text += std::format("({} earlier events)\n", dropped_entries_);
  for (std::size_t i = 0; i < ring_.size(); ++i) text += line(ring_[(next_ + i) % ring_.size()]);
  return text;
}

}  // namespace jetway::sim
