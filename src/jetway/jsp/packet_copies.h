#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/jsp/types.h"

namespace jetway::jsp {

// The session's frames of packets that have gone over one path and go over another one too. What arrives
// first counts; nobody waits for a copy: it is not sent again, and when too many wait the oldest are dropped.
class PacketCopies {
 public:
  static constexpr std::size_t kBytesMax = 256 * 1024;

  struct Copy {
    PathId sent_on = 0;
    std::uint64_t record = 0;  // of the packet
    Bytes frames;
  };

  bool is_empty() const { return copies_.empty(); }
  template <class IsWanted>
  bool any(IsWanted&& is_wanted) const {
    return std::ranges::any_of(copies_, std::forward<IsWanted>(is_wanted));
  }
  // The oldest of those that `is_wanted(copy)`; nullopt: none.
  template <class IsWanted>
  std::optional<Copy> take_first(IsWanted&& is_wanted) {
    const auto found = std::ranges::find_if(copies_, std::forward<IsWanted>(is_wanted));
    if (found == copies_.end()) return std::nullopt;
    Copy copy = std::move(*found);
    copies_.erase(found);
    bytes_ -= copy.frames.size();
    return copy;
  }

  void add(PathId sent_on, std::uint64_t record, const std::array<ByteView, 2>& frames) {
    Copy& copy = copies_.emplace_back(Copy{.sent_on = sent_on, .record = record, .frames = {}});
    for (const ByteView part : frames) copy.frames.insert(copy.frames.end(), part.begin(), part.end());
    bytes_ += copy.frames.size();
    while (bytes_ > kBytesMax) {
      bytes_ -= copies_.front().frames.size();
      copies_.erase(copies_.begin());
    }
  }
  void clear() {
    copies_.clear();
    bytes_ = 0;
  }

  // The copy of `original` has gone under a record of its own. Records rise.
  void on_sent(std::uint64_t original, std::uint64_t copy) { sent_.push_back({copy, original}); }
  // A packet has arrived, or is lost: the original, if it was a copy.
  std::optional<std::uint64_t> take_sent(std::uint64_t record) {
    const auto found = std::ranges::lower_bound(sent_, record, {}, &Sent::copy);
    if (found == sent_.end() || found->copy != record) return std::nullopt;
    const std::uint64_t original = found->original;
    sent_.erase(found);
    return original;
  }

 private:
  struct Sent {
    std::uint64_t copy = 0;
    std::uint64_t original = 0;
  };

  std::vector<Copy> copies_;
  std::vector<Sent> sent_;  // on the way
  std::size_t bytes_ = 0;
};

}  // namespace jetway::jsp
