#include "jetway/node/receive_job.h"

#include <array>
#include <deque>
#include <utility>

#include "jetway/io/task_group.h"
#include "jetway/io/wait_list.h"
#include "jetway/node/incoming_transfer.h"

namespace jetway::node {

namespace {

// Transfers that wait for their turn on one connection; more are turned away.
constexpr std::size_t kQueuedMax = 16;

// The streams of one connection, given to its transfers, which are served one after the other.
class ConnectionServer {
 public:
  ConnectionServer(const IncomingTransfer::Shared& shared, io::Connection connection,
                   TransferObserver& observer)
      : shared_(shared),
        connection_(std::move(connection)),
        observer_(observer),
        changed_(shared.loop),
        tasks_(shared.loop) {}

  io::Task<ServeResult> run() {
    tasks_.spawn(accept_streams());
    tasks_.spawn(serve_transfers());
    co_await tasks_.join();
    co_return std::move(result_);
  }

  void stop() {
    is_stopped_ = true;
    if (current_) current_->cancel("interrupted at the receiver");
    changed_.notify_all();
  }

 private:
  io::Task<void> accept_streams() {
    while (auto accepted = co_await connection_.accept_stream()) {
      if (accepted->direction == session::Direction::OneWay) {
        tasks_.spawn(dispatch(std::move(accepted->stream)));
      } else if (queued_.size() < kQueuedMax) {
        queued_.push_back(std::move(accepted->stream));
        changed_.notify_all();
      }  // else it is given up as its handle goes
    }
    is_closed_ = true;
    changed_.notify_all();
  }

  // A data stream begins with the id of its transfer, which is active before any of them is opened.
  io::Task<void> dispatch(io::Stream stream) {
    transfer::TransferId id;
    const auto got = co_await stream.read_full(id);
    if (!got) co_return;
    if (current_ && got->bytes == id.size() && current_->takes_streams_of(id)) {
      current_->take_stream(std::move(stream));
    } else {
      stream.stop(kStreamUnknownTransfer);
    }
  }

  io::Task<void> serve_transfers() {
    for (;;) {
      while (queued_.empty() && !is_closed_ && !is_stopped_) co_await changed_.wait();
      if (is_stopped_) co_return co_await connection_.close(0, "the receiver stops");
      if (queued_.empty()) co_return;
      current_.emplace(shared_, connection_, std::move(queued_.front()), observer_);
      queued_.pop_front();
      const auto outcome = co_await current_->run();
      current_.reset();
      if (outcome) {
        ++result_.completed;
        observer_.on_completed(*outcome);
      } else {
        if (result_.failed++ == 0) result_.first_failure = outcome.error();
        observer_.on_failed(outcome.error());
      }
    }
  }

  IncomingTransfer::Shared shared_;
  io::Connection connection_;
  TransferObserver& observer_;
  std::deque<io::Stream> queued_;
  std::optional<IncomingTransfer> current_;
  bool is_closed_ = false;
  bool is_stopped_ = false;
  ServeResult result_;
  io::WaitList changed_;
  io::TaskGroup tasks_;
};

}  // namespace

class Receiver::Impl {
 public:
  Impl(io::EventLoop& loop, store::StateDb& state, ReceiveOptions options)
      : options_(std::move(options)),
        state_(loop, state),
        jobs_(options_.state_directory.string()),
        shared_{.loop = loop, .options = options_, .state = state_, .jobs = jobs_} {}

  io::Task<ServeResult> serve(io::Connection connection, TransferObserver& observer) {
    const auto server = std::make_shared<ConnectionServer>(shared_, std::move(connection), observer);
    const std::stop_callback on_stop(options_.stop, [&loop = shared_.loop, weak = std::weak_ptr(server)] {
      loop.post([weak] {
        if (const auto running = weak.lock()) running->stop();
      });
    });
    co_return co_await server->run();
  }

 private:
  ReceiveOptions options_;
  StateGate state_;
  RunningJobs jobs_;
  IncomingTransfer::Shared shared_;
};

Receiver::Receiver(io::EventLoop& loop, store::StateDb& state, ReceiveOptions options)
    : impl_(std::make_unique<Impl>(loop, state, std::move(options))) {}
Receiver::~Receiver() = default;

io::Task<ServeResult> Receiver::serve(io::Connection connection, TransferObserver& observer) {
  return impl_->serve(std::move(connection), observer);
}

}  // namespace jetway::node
