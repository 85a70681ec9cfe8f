#include "jetway/session/receive_buffer.h"

#include <algorithm>
#include <utility>

#include "jetway/base/assert.h"

namespace jetway::session {

namespace {
constexpr std::size_t kBlockBytes = BlockPool::kBlockBytes;
constexpr Duration kLookEvery = std::chrono::seconds(2);
}  // namespace

BlockPool::Block BlockPool::take() {
  was_used_ = true;
  if (kept_.empty()) return std::make_unique_for_overwrite<std::array<std::byte, kBlockBytes>>();
  Block block = std::move(kept_.back());
  kept_.pop_back();
  return block;
}

void BlockPool::give_back(Block block) {
  if (block && kept_.size() < kKeptMax) kept_.push_back(std::move(block));
}

std::optional<TimePoint> BlockPool::next_timeout() const {
  if (kept_.empty()) return std::nullopt;
  return next_look_;
}

void BlockPool::handle_timeout(TimePoint now) {
  if (kept_.empty() || now < next_look_) return;
  if (!std::exchange(was_used_, false)) kept_ = std::vector<Block>{};
  next_look_ = now + kLookEvery;
}

BlockPool::Block& ReceiveBuffer::block_at(std::uint64_t offset) {
  const std::uint64_t number = offset / kBlockBytes;
  if (blocks_.empty()) first_block_ = begin_ / kBlockBytes;
  const auto index = static_cast<std::size_t>(number - first_block_);
  while (blocks_.size() <= index) blocks_.emplace_back();
  if (!blocks_[index]) blocks_[index] = pool_->take();
  return blocks_[index];
}

bool ReceiveBuffer::insert(std::uint64_t offset, ByteView data) {
  if (offset < begin_) {
    const std::uint64_t old = std::min<std::uint64_t>(begin_ - offset, data.size());
    data = data.subspan(static_cast<std::size_t>(old));
    offset += old;
  }
  if (data.empty()) return true;
  const Range arrived{offset, offset + data.size()};
  // What is held already stays as it is; the gaps before, between and behind it are filled.
  std::uint64_t at = offset;
  const auto& held = received_.ranges();
  for (auto next = std::ranges::upper_bound(held, offset, {}, &Range::end); at < arrived.end; ++next) {
    const std::uint64_t gap_end = next == held.end() ? arrived.end : std::min(next->begin, arrived.end);
    if (at < gap_end) fill(at, data.subspan(static_cast<std::size_t>(at - offset), gap_end - at));
    if (next == held.end()) break;
    at = std::max(at, next->end);
  }
  received_.add(arrived);
  return received_.size() <= kGapsMax;
}

void ReceiveBuffer::fill(std::uint64_t offset, ByteView data) {
  while (!data.empty()) {
    const auto in_block = static_cast<std::size_t>(offset % kBlockBytes);
    const std::size_t count = std::min(kBlockBytes - in_block, data.size());
    copy_bytes(MutableBytes{*block_at(offset)}.subspan(in_block, count), data.first(count));
    data = data.subspan(count);
    offset += count;
  }
}

std::uint64_t ReceiveBuffer::readable_end() const {
  return !received_.is_empty() && received_.front().begin == begin_ ? received_.front().end : begin_;
}

ByteView ReceiveBuffer::front() const {
  const std::uint64_t available = readable_end() - begin_;
  if (available == 0) return {};
  const auto in_block = static_cast<std::size_t>(begin_ % kBlockBytes);
  const std::size_t count = std::min<std::size_t>(kBlockBytes - in_block, available);
  return ByteView{*blocks_.front()}.subspan(in_block, count);
}

void ReceiveBuffer::consume(std::size_t count) {
  begin_ += count;
  received_.remove_below(begin_);
  while (!blocks_.empty() && (first_block_ + 1) * kBlockBytes <= begin_) {
    pool_->give_back(std::move(blocks_.front()));
    blocks_.pop_front();
    ++first_block_;
  }
  if (received_.is_empty()) {
    for (BlockPool::Block& block : blocks_) pool_->give_back(std::move(block));
    blocks_.clear();
  }
}

void ReceiveBuffer::clear() {
  received_.clear();
  for (BlockPool::Block& block : blocks_) pool_->give_back(std::move(block));
  blocks_.clear();
}

}  // namespace jetway::session
