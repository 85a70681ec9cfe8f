#include "tests/lab/linkem/direction.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cmath>
#include <cstring>

#include <linux/if_ether.h>

namespace jetway::lab {

namespace {

constexpr std::uint64_t kTolerableLatenessUs = 1000;

constexpr auto kCountNames = std::to_array<const char*>(
    {"in", "in_bytes", "out", "out_bytes", "duplicated", "corrupted", "reordered", "drop_loss", "drop_burst",
     "drop_queue", "drop_mtu", "drop_outage", "drop_oversize", "drop_memory", "drop_send", "no_checksum",
     "queue_max_bytes", "flight_max_frames"});

// splitmix64
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111eb;
  return x ^ (x >> 31U);
}

}  // namespace

Direction::Direction(std::string_view name, int descriptor, FramePool& pool)
    : name_(name), descriptor_(descriptor), pool_(pool) {
  static_assert(kCountNames.size() == kCounts);
}

void Direction::reset(std::uint64_t seed, Nanoseconds now) {
  key_ = mix(seed * 2 + (name_ == "ba" ? 1 : 0));
  epoch_ = now;
  frame_number_ = 0;
  is_in_burst_ = false;
  outage_begin_ = outage_end_ = 0;
  counts_ = {};
  lateness_ = {};
}

void Direction::drop(Frame* frame, Count why) {
  add(why);
  pool_.give_back(frame);
}

void Direction::handle_frame(std::span<const std::uint8_t> frame, Nanoseconds at, Nanoseconds now) {
  at = std::clamp(at, std::min(last_arrival_, now), now);  // never backwards, never ahead
  last_arrival_ = at;
  add(Count::In);
  count(Count::InBytes) += frame.size();
  if (parameters_.mtu != 0 && frame.size() > parameters_.mtu + ETH_HLEN) return add(Count::DropMtu);
  advance(at);
  const auto queued_then = static_cast<double>(queued_bytes_ + frame.size());
  if (!queue_.empty() && queued_then > parameters_.queue_limit_bytes()) return add(Count::DropQueue);
  Frame* const copy = pool_.take();
  if (copy == nullptr) return add(Count::DropMemory);
  copy->arrival = at;
  copy->bytes = static_cast<std::uint32_t>(frame.size());
  std::ranges::copy(frame, copy->data());
  queue_.push_back(copy);
  queued_bytes_ += frame.size();
  advance(at);
  count(Count::QueueMaxBytes) = std::max(count(Count::QueueMaxBytes), queued_bytes_);
}

void Direction::advance(Nanoseconds until) {
  while (!queue_.empty()) {
    Frame* const frame = queue_.front();
    Nanoseconds start = std::max(frame->arrival, free_at_);
    bool is_out = is_out_at(start);
    if (is_out && parameters_.outage_holds) {
      start = outage_end_;
      is_out = false;
    }
    if (start > until) return;
    queue_.pop_front();
    queued_bytes_ -= frame->bytes;
    free_at_ = start + parameters_.serialization_time(frame->bytes);
    if (is_out) {
      drop(frame, Count::DropOutage);
    } else {
      put_on_wire(frame, free_at_);
    }
  }
}

bool Direction::send_due(Nanoseconds now) {
  std::size_t due_count = 0;
  for (; due_count < kBatch; ++due_count) {
    const Nanoseconds due = flight_.due();
    if (due > now) break;
    Frame* const frame = frames_[due_count] = flight_.pop();
    lateness_.add(now - due);
    parts_[due_count] = {.iov_base = frame->data(), .iov_len = frame->bytes};
    messages_[due_count] = {};
    messages_[due_count].msg_hdr.msg_iov = &parts_[due_count];
    messages_[due_count].msg_hdr.msg_iovlen = 1;
  }
  for (std::size_t done = 0; done < due_count;) {
    const int sent = ::sendmmsg(descriptor_, &messages_[done], static_cast<unsigned>(due_count - done), 0);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {  // the interface is down, or its peer gone
      add(Count::DropSend);
      ++done;
    }
    for (int i = 0; i < sent; ++i, ++done) {
      add(Count::Out);
      count(Count::OutBytes) += frames_[done]->bytes;
    }
  }
  for (std::size_t i = 0; i < due_count; ++i) pool_.give_back(frames_[i]);
  return due_count > 0;
}

// A queued frame need not be looked at before it could be due.
Nanoseconds Direction::next_event() const {
  Nanoseconds next = flight_.due();
  if (queue_.empty()) return next;
  Nanoseconds start = std::max(queue_.front()->arrival, free_at_);
  if (parameters_.outage_holds && is_out_at(start)) start = outage_end_;
  if (start < kNever) next = std::min(next, start + parameters_.delay_min());
  return next;
}

void Direction::begin_outage(Nanoseconds begin, Nanoseconds end) {
  advance(begin);
  outage_begin_ = begin;
  outage_end_ = end;
}

void Direction::end_outage(Nanoseconds at) {
  advance(at);
  outage_end_ = std::min(outage_end_, at);
}

// Randomness is a hash of seed, direction, frame number and purpose: the fate of the n-th frame does not
// depend on which other impairments are on.
std::uint64_t Direction::draw(Draw what, std::uint64_t number) const {
  constexpr std::uint64_t kDraws = static_cast<std::uint64_t>(Draw::Jitter) + 1;
  return mix(key_ ^ mix(number * kDraws + static_cast<std::uint64_t>(what)));
}

double Direction::chance(Draw what, std::uint64_t number) const {
  return static_cast<double>(draw(what, number) >> 11U) * 0x1p-53;
}

bool Direction::happens(Draw what, double probability) const {
  return probability > 0 && chance(what, frame_number_) < probability;
}

bool Direction::is_lost_in_burst() {
  if (parameters_.burst_begin == 0 && parameters_.loss_outside_burst == 0) return false;
  if (happens(Draw::BurstState, is_in_burst_ ? parameters_.burst_end : parameters_.burst_begin)) {
    is_in_burst_ = !is_in_burst_;
  }
  return happens(Draw::BurstLoss, is_in_burst_ ? parameters_.loss_in_burst : parameters_.loss_outside_burst);
}

// Within +-jitter: independent for each frame, or wandering from one random offset to the next.
Nanoseconds Direction::jitter_at(Nanoseconds at) const {
  const auto offset = [&](std::uint64_t number) { return 2 * chance(Draw::Jitter, number) - 1; };
  const auto amplitude = static_cast<double>(parameters_.jitter);
  if (parameters_.jitter_period == 0) return static_cast<Nanoseconds>(amplitude * offset(frame_number_));
  const double periods = static_cast<double>(std::max<Nanoseconds>(0, at - epoch_)) /
                         static_cast<double>(parameters_.jitter_period);
  const double whole = std::floor(periods);
  const double part = periods - whole;
  const auto number = static_cast<std::uint64_t>(whole);
  return static_cast<Nanoseconds>(amplitude * (offset(number) * (1 - part) + offset(number + 1) * part));
}

void Direction::put_on_wire(Frame* frame, Nanoseconds sent) {
  ++frame_number_;
  if (happens(Draw::Loss, parameters_.loss)) return drop(frame, Count::DropLoss);
  if (is_lost_in_burst()) return drop(frame, Count::DropBurst);
  if (frame->bytes > ETH_HLEN && happens(Draw::Corrupt, parameters_.corrupt)) {  // sparing the MAC header
    const std::uint64_t bit = draw(Draw::CorruptBit, frame_number_) % ((frame->bytes - ETH_HLEN) * 8);
    frame->data()[ETH_HLEN + bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    add(Count::Corrupted);
  }
  Nanoseconds due = sent + parameters_.delay;
  if (parameters_.jitter > 0) due = std::max(sent, due + jitter_at(sent));
  if (happens(Draw::Reorder, parameters_.reorder)) {
    due += parameters_.reorder_by;
    add(Count::Reordered);
  } else if (!parameters_.may_overtake) {
    due = last_due_ = std::max(due, last_due_);
  }
  if (happens(Draw::Duplicate, parameters_.duplicate)) duplicate(frame, due);
  flight_.push(due, frame);
  count(Count::FlightMaxFrames) = std::max<std::uint64_t>(count(Count::FlightMaxFrames), flight_.size());
}

void Direction::duplicate(Frame* frame, Nanoseconds due) {
  Frame* const copy = pool_.take();
  if (copy == nullptr) return;
  copy->arrival = frame->arrival;
  copy->bytes = frame->bytes;
  std::memcpy(copy->data(), frame->data(), frame->bytes);
  flight_.push(due, copy);
  add(Count::Duplicated);
}

void Direction::report(std::FILE* out) const {
  std::fprintf(out, "linkem %s", std::string(name_).c_str());
  for (std::size_t i = 0; i < kCounts; ++i) std::fprintf(out, " %s=%" PRIu64, kCountNames[i], counts_[i]);
  std::fprintf(out, " held=%zu late_us_p50=%" PRIu64 " late_us_p99=%" PRIu64 " late_us_max=%" PRId64 "\n",
               frames_held(), lateness_.quantile_us(0.5), lateness_.quantile_us(0.99), lateness_.max_us());
}

bool Direction::was_late() const { return lateness_.quantile_us(0.99) > kTolerableLatenessUs; }

}  // namespace jetway::lab
