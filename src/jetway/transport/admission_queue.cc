#include "jetway/transport/admission_queue.h"

#include <utility>

#include "jetway/transport/dialing.h"
#include "jetway/transport/log.h"

namespace jetway::transport {

class AdmissionQueue::Slot {
 public:
  explicit Slot(std::shared_ptr<AdmissionQueue> queue) : queue_(std::move(queue)) { ++queue_->open_; }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() { --queue_->open_; }

 private:
  std::shared_ptr<AdmissionQueue> queue_;
};

AdmissionQueue::AdmissionQueue(io::EventLoop& loop, const TransportConfig& config)
    : loop_(loop),
      connections_max_(config.connections_max),
      unadmitted_max_(config.unadmitted_max),
      changed_(loop) {}

std::shared_ptr<const void> AdmissionQueue::take_slot(const std::string& where) {
  if (open_ >= connections_max_) {
    if (!std::exchange(is_full_logged_, true)) {  // once until there is room again
      kLog.warn("{}: {} connections are open, more are turned away", where, open_);
    }
    return nullptr;
  }
  is_full_logged_ = false;
  return std::make_shared<Slot>(shared_from_this());
}

void AdmissionQueue::add(std::shared_ptr<io::ConnectionCore> core, std::string name) {
  loop_.spawn(authenticate(shared_from_this(), std::move(core), std::move(name)));
}

io::Task<void> AdmissionQueue::authenticate(std::shared_ptr<AdmissionQueue> queue,
                                            std::shared_ptr<io::ConnectionCore> core, std::string name) {
  auto connection = co_await io::ConnectionCore::authenticated(core);
  if (!connection) {
    kLog.info("{}", to_error(connection.error(), name).detail);
    co_return;
  }
  if (queue->is_closed_) {
    connection->refuse("the listener is closing");
    co_return;
  }
  queue->ready_.push_back({.connection = *std::move(connection), .core = std::move(core)});
  queue->changed_.notify_all();
}

io::Task<void> AdmissionQueue::count_until_decided(std::shared_ptr<AdmissionQueue> queue,
                                                   std::shared_ptr<io::ConnectionCore> core) {
  co_await io::ConnectionCore::decided(std::move(core));
  --queue->unadmitted_;
}

io::Task<std::optional<io::Connection>> AdmissionQueue::next(std::shared_ptr<AdmissionQueue> queue) {
  for (;;) {
    while (!queue->is_closed_ && queue->ready_.empty()) co_await queue->changed_.wait();
    if (queue->is_closed_) co_return std::nullopt;
    Ready next = queue->ready_.pop_front();
    if (!next.connection.is_connected()) continue;
    // Whoever decides at once has had its turn after this; what is left are peers that wait for a person.
    if (queue->unadmitted_ >= queue->unadmitted_max_) co_await queue->loop_.yield();
    if (queue->unadmitted_ >= queue->unadmitted_max_) {
      kLog.warn("{}: refused, {} peers wait to be admitted already", next.connection.info().remote_address,
                queue->unadmitted_);
      next.connection.refuse("too many peers wait to be admitted");
      continue;
    }
    ++queue->unadmitted_;
    queue->loop_.spawn(count_until_decided(queue, next.core));
    co_return std::move(next.connection);
  }
}

void AdmissionQueue::close() {
  if (std::exchange(is_closed_, true)) return;
  while (!ready_.empty()) ready_.pop_front().connection.refuse("the listener is closing");
  changed_.notify_all();
}

}  // namespace jetway::transport
