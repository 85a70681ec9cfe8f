#include "jetway/base/buffer.h"

#include "jetway/base/assert.h"

namespace jetway {

Buffer::Buffer(std::size_t capacity)
    : memory_(static_cast<std::byte*>(::operator new(capacity))), capacity_(capacity) {}

Buffer::~Buffer() {
  if (memory_ == nullptr) return;
  if (recycler_ != nullptr) {
    recycler_->recycle(memory_, capacity_);
  } else {
    ::operator delete(memory_);
  }
}

Buffer Buffer::copy_of(ByteView bytes) {
  Buffer buffer(bytes.size());
  buffer.append(bytes);
  return buffer;
}

void Buffer::resize(std::size_t size) {
  JETWAY_ASSERT(size <= capacity_);
  size_ = size;
}

void Buffer::append(ByteView bytes) {
  JETWAY_ASSERT(bytes.size() <= capacity_ - size_);
  copy_bytes(unused(), bytes);
  size_ += bytes.size();
}

}  // namespace jetway
