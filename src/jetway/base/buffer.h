#pragma once

#include <utility>

#include "jetway/base/bytes.h"

namespace jetway {

// Where a Buffer's memory goes back to. A recycler outlives every buffer it has handed out. recycle() may be
// called on any thread that a buffer was moved to.
class BufferRecycler {
 public:
  virtual void recycle(std::byte* memory, std::size_t capacity) noexcept = 0;

 protected:
  ~BufferRecycler() = default;
};

// A block of memory with one owner, handed along the byte's way instead of being copied: a file is read into
// it, the session holds it while it is sent, and it returns to where it came from when the last byte is gone.
// `size` bytes of `capacity` are in use.
class Buffer {
 public:
  Buffer() = default;
  // From the heap.
  explicit Buffer(std::size_t capacity);
  // Adopts memory that belongs to `recycler`.
  Buffer(std::byte* memory, std::size_t capacity, BufferRecycler& recycler)
      : memory_(memory), capacity_(capacity), recycler_(&recycler) {}
  static Buffer copy_of(ByteView bytes);

  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(std::move(other)).swap(*this);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  std::byte* data() { return memory_; }
  const std::byte* data() const { return memory_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  // `size` is at most capacity(); the new bytes are whatever was there.
  void resize(std::size_t size);
  // Copies `bytes` behind the used part; they must fit.
  void append(ByteView bytes);

  ByteView view() const { return {memory_, size_}; }
  MutableBytes bytes() { return {memory_, size_}; }
  MutableBytes unused() { return {memory_ + size_, capacity_ - size_}; }

  void swap(Buffer& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(recycler_, other.recycler_);
  }

 private:
  std::byte* memory_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  BufferRecycler* recycler_ = nullptr;  // null: the heap
};

}  // namespace jetway
