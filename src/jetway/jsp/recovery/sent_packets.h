#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "jetway/jsp/frame.h"
#include "jetway/jsp/sent_packet.h"

namespace jetway::jsp {

// Packets of one packet number space in the order of their numbers: those on the way, or those lost a short
// while ago. A ring of packets with a bit for each that says whether it is still there, so that an ACK that
// repeats a hundred thousand numbers costs no more than what is new in it. Numbers may be left out. Grows to
// the most packets there ever were between the oldest and the newest, and then allocates no more.
class SentPackets {
 public:
  bool is_empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  // The oldest and the newest that are there; not empty.
  const SentPacket& front() const { return slot(begin_); }
  const SentPacket& back() const { return slot(end_ - 1); }

  // Each number once. Costs most when `packet` is not the newest: one step for each that is newer.
  void add(const SentPacket& packet) {
    if (end_ - begin_ == packets_.size()) grow();
    slot(end_) = packet;
    mark(end_);
    ++end_;
    ++count_;
    if (end_ - begin_ > 1 && slot(end_ - 2).number > packet.number) sort_last();
  }

  // Calls visit(packet) for each in `range`, oldest first, and takes it out.
  template <class Visit>
  void take(const PacketRange& range, Visit&& visit) {
    if (is_empty() || range.last < front().number) return;
    for (std::uint64_t i = next_present(lower_bound(range.first)); i < end_ && slot(i).number <= range.last;
         i = next_present(i + 1)) {
      visit(static_cast<const SentPacket&>(slot(i)));
      remove(i);
    }
    trim();
  }

  // Calls visit(packet, follows) for each from the oldest on, as long as `is_wanted(packet)`, and takes it
  // out. `follows`: none between it and the one before has been taken out earlier.
  template <class IsWanted, class Visit>
  void take_while(IsWanted&& is_wanted, Visit&& visit) {
    std::uint64_t previous = begin_;
    for (std::uint64_t i = begin_; i < end_ && is_wanted(static_cast<const SentPacket&>(slot(i)));
         i = next_present(i + 1)) {
      visit(static_cast<const SentPacket&>(slot(i)), i <= previous + 1);
      previous = i;
      remove(i);
    }
    trim();
  }

  void drop_oldest() {
    remove(begin_);
    trim();
  }

  // Calls visit(packet), which may change what is not its number, for each in `range`, oldest first.
  template <class Visit>
  void for_each(const PacketRange& range, Visit&& visit) {
    for (std::uint64_t i = next_present(lower_bound(range.first)); i < end_ && slot(i).number <= range.last;
         i = next_present(i + 1)) {
      visit(slot(i));
    }
  }

  // Calls visit(packet) for the `count` oldest.
  template <class Visit>
  void for_oldest(std::size_t count, Visit&& visit) const {
    for (std::uint64_t i = begin_; i < end_ && count > 0; i = next_present(i + 1), --count) visit(slot(i));
  }

  // The same for the `count` oldest of which is_wanted(packet); visit(packet) may change what is not its
  // number.
  template <class IsWanted, class Visit>
  void for_oldest(std::size_t count, IsWanted&& is_wanted, Visit&& visit) {
    for (std::uint64_t i = begin_; i < end_ && count > 0; i = next_present(i + 1)) {
      if (!is_wanted(static_cast<const SentPacket&>(slot(i)))) continue;
      visit(slot(i));
      --count;
    }
  }

  void clear();  // and gives its memory back

  void check_invariants() const;

 private:
  SentPacket& slot(std::uint64_t index) { return packets_[index & (packets_.size() - 1)]; }
  const SentPacket& slot(std::uint64_t index) const { return packets_[index & (packets_.size() - 1)]; }

  bool is_present(std::uint64_t index) const {
    const std::uint64_t position = index & (packets_.size() - 1);
    return (present_[position / 64] >> (position % 64) & 1) != 0;
  }
  void mark(std::uint64_t index) {
    const std::uint64_t position = index & (packets_.size() - 1);
    present_[position / 64] |= std::uint64_t{1} << (position % 64);
  }
  void unmark(std::uint64_t index) {
    const std::uint64_t position = index & (packets_.size() - 1);
    present_[position / 64] &= ~(std::uint64_t{1} << (position % 64));
  }
  void remove(std::uint64_t index) {
    unmark(index);
    --count_;
  }

  // The first index from `from` on with a packet; end_ or above if there is none.
  std::uint64_t next_present(std::uint64_t from) const {
    while (from < end_) {
      const std::uint64_t position = from & (packets_.size() - 1);
      const std::uint64_t word = present_[position / 64] >> (position % 64);
      if (word != 0) return from + static_cast<std::uint64_t>(std::countr_zero(word));
      from += std::min<std::uint64_t>(64 - position % 64, packets_.size() - position);
    }
    return end_;
  }

  // The first index whose number is `number` or above, whether its packet is there or not.
  std::uint64_t lower_bound(PacketNumber number) const;
  // So that the oldest and the newest are there.
  void trim();
  void sort_last();
  void grow();

  std::vector<SentPacket> packets_;     // a power of two
  std::vector<std::uint64_t> present_;  // a bit for each
  std::uint64_t begin_ = 0;             // indices that only rise; where they point to wraps around
  std::uint64_t end_ = 0;
  std::size_t count_ = 0;
};

}  // namespace jetway::jsp
