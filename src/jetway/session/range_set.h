#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace jetway::session {

// Bytes [begin, end) of a stream.
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::uint64_t size() const { return end - begin; }
  bool operator==(const Range&) const = default;
};

// A set of offsets as the fewest ranges that hold them, in order. Few ranges are expected (none on a pipe
// that does not lose), so they stand in a vector.
class RangeSet {
 public:
  void add(Range range);
  void remove(Range range);
  // Removes everything below `offset`.
  void remove_below(std::uint64_t offset) { remove({0, offset}); }
  bool contains(std::uint64_t offset) const;
  // End of the range that contains `offset`; `offset` itself when none does.
  std::uint64_t end_of(std::uint64_t offset) const;

  bool is_empty() const { return ranges_.empty(); }
  std::size_t size() const { return ranges_.size(); }
  const Range& front() const { return ranges_.front(); }
  const std::vector<Range>& ranges() const { return ranges_; }
  void clear() { ranges_.clear(); }

 private:
  std::vector<Range> ranges_;  // disjoint, not touching, rising
};

}  // namespace jetway::session
