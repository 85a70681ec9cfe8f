#include "jetway/node/chunk_pool.h"

#include <algorithm>
#include <mutex>
#include <new>
#include <vector>

#include "jetway/io/wait_list.h"

namespace jetway::node {

// Held by the pool, by each buffer that is out and by each wake-up on its way; deletes itself when the last
// of them lets go.
class ChunkPool::Core final : public BufferRecycler {
 public:
  Core(io::EventLoop& loop, std::size_t buffers, std::size_t buffer_bytes)
      : freed(loop), loop_(loop), unmade_(std::max<std::size_t>(buffers, 1)), buffer_bytes_(buffer_bytes) {}
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // An empty Buffer when there is none.
  Buffer take() {
    const std::lock_guard lock(mutex_);
    std::byte* memory = nullptr;
    if (!free_.empty()) {
      memory = free_.back();  // the last one used is the one that may still be in the cache
      free_.pop_back();
    } else if (unmade_ > 0) {
      memory = static_cast<std::byte*>(::operator new(buffer_bytes_, kAlignment));
      --unmade_;
    } else {
      return {};
    }
    ++holders_;
    return {memory, buffer_bytes_, *this};
  }

  void recycle(std::byte* memory, std::size_t) noexcept override {
    {
      const std::lock_guard lock(mutex_);
      free_.push_back(memory);
      if (waiting_ > 0) {
        ++holders_;
        loop_.post([this] {
          freed.notify_one();
          release();
        });
      }
    }
    release();
  }

  void release() noexcept {
    bool is_last = false;
    {
      const std::lock_guard lock(mutex_);
      is_last = --holders_ == 0;
    }
    if (is_last) delete this;
  }

  // Counts a coroutine that waits; on the loop.
  class Waiting {
   public:
    explicit Waiting(Core& core) : core_(core) { add(1); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { add(-1); }

   private:
    void add(int count) {
      const std::lock_guard lock(core_.mutex_);
      core_.waiting_ += count;
    }
    Core& core_;
  };

  io::WaitList freed;
  bool is_closed = false;

 private:
  static constexpr std::align_val_t kAlignment{4096};

  ~Core() {
    for (std::byte* memory : free_) ::operator delete(memory, kAlignment);
  }

  io::EventLoop& loop_;
  std::mutex mutex_;
  std::vector<std::byte*> free_;
  std::size_t unmade_;
  std::size_t buffer_bytes_;
  std::size_t holders_ = 1;
  int waiting_ = 0;
};

ChunkPool::ChunkPool(io::EventLoop& loop, std::size_t buffers, std::size_t buffer_bytes)
    : core_(new Core(loop, buffers, buffer_bytes)) {}

ChunkPool::~ChunkPool() { core_->release(); }

io::Task<Buffer> ChunkPool::acquire() {
  Core& core = *core_;
  for (;;) {
    const Core::Waiting waiting(core);
    if (core.is_closed) co_return Buffer{};
    if (Buffer buffer = core.take(); buffer.capacity() > 0) co_return buffer;
    co_await core.freed.wait();
  }
}

void ChunkPool::close() {
  core_->is_closed = true;
  core_->freed.notify_all();
}

}  // namespace jetway::node
