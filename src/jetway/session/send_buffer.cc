#include "jetway/session/send_buffer.h"

#include <algorithm>
#include <utility>

#include "jetway/base/assert.h"

namespace jetway::session {

namespace {
// Small writes share a buffer of this size, so that a stream of many of them does not live in many
// allocations.
constexpr std::size_t kGatherBytes = 4 * 1024;
}  // namespace

void SendBuffer::append_copy(ByteView data) {
  if (data.empty()) return;
  if (!segments_.empty() && segments_.back().is_ours) {
    Buffer& last = segments_.back().buffer;
    const std::size_t count = std::min(last.unused().size(), data.size());
    last.append(data.first(count));
    end_ += count;
    data = data.subspan(count);
  }
  if (data.empty()) return;
  Buffer buffer{std::max(data.size(), kGatherBytes)};
  buffer.append(data);
  segments_.push_back({.begin = end_, .buffer = std::move(buffer), .is_ours = true});
  end_ += data.size();
}

void SendBuffer::append(Buffer&& buffer) {
  const std::size_t size = buffer.size();
  if (size == 0) return;
  segments_.push_back({.begin = end_, .buffer = std::move(buffer), .is_ours = false});
  end_ += size;
}

std::size_t SendBuffer::segment_at(std::uint64_t offset) const {
  JETWAY_ASSERT(offset >= begin_ && offset < end_);
  if (offset < segments_.front().end()) return 0;
  const auto behind = std::ranges::upper_bound(segments_, offset, {}, &Segment::begin);
  return static_cast<std::size_t>(behind - segments_.begin()) - 1;
}

ByteView SendBuffer::contiguous(std::uint64_t offset) const {
  const Segment& segment = segments_[segment_at(offset)];
  return segment.buffer.view().subspan(static_cast<std::size_t>(offset - segment.begin));
}

void SendBuffer::copy(std::uint64_t offset, MutableBytes out) const {
  if (out.empty()) return;
  for (std::size_t i = segment_at(offset); !out.empty(); ++i) {
    const Segment& segment = segments_[i];
    const ByteView from = segment.buffer.view().subspan(static_cast<std::size_t>(offset - segment.begin));
    const std::size_t count = std::min(from.size(), out.size());
    copy_bytes(out, from.first(count));
    out = out.subspan(count);
    offset += count;
  }
}

void SendBuffer::release_until(std::uint64_t offset) {
  JETWAY_ASSERT(offset >= begin_ && offset <= end_);
  begin_ = offset;
  while (!segments_.empty() && segments_.front().end() <= offset) segments_.pop_front();
}

void SendBuffer::clear() {
  segments_.clear();
  begin_ = end_;
}

}  // namespace jetway::session
