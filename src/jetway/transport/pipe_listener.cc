#include "jetway/transport/pipe_listener.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/socket.h>

#include "jetway/crypto/init_filter.h"
#include "jetway/crypto/system_random.h"
#include "jetway/io/pipe_driver.h"
#include "jetway/io/wait_list.h"
#include "jetway/transport/log.h"
#include "jetway/transport/pipe_dialer.h"
#include "jetway/transport/socket_address.h"

namespace jetway::transport {

namespace {

constexpr int kAcceptsPerTurn = 32;
// How long nothing is accepted after the system had no descriptor or memory for a connection.
constexpr std::chrono::milliseconds kPause{200};

bool is_out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

// Lives as long as the listener or one of its connections does.
class PipeListener::Shared : public std::enable_shared_from_this<PipeListener::Shared> {
 public:
  Shared(io::EventLoop& loop, io::Socket socket, Address local_address, const TransportConfig& config,
         PipeListenerHooks hooks, std::shared_ptr<AdmissionQueue> queue)
      : loop_(loop),
        socket_(std::move(socket)),
        local_address_(std::move(local_address)),
        config_(config),
        hooks_(std::move(hooks)),
        queue_(std::move(queue)),
        filter_(config.init_filter, random_),
        closed_(loop) {}

  static io::Task<void> accept_loop(std::shared_ptr<Shared> shared);
  void close();
  const Address& local_address() const { return local_address_; }
  const std::shared_ptr<AdmissionQueue>& queue() const { return queue_; }

 private:
  int accept_some();
  void start(int descriptor);

  io::EventLoop& loop_;
  io::Socket socket_;
  Address local_address_;
  TransportConfig config_;
  PipeListenerHooks hooks_;
  std::shared_ptr<AdmissionQueue> queue_;
  crypto::SystemRandom random_;
  crypto::InitFilter filter_;
  bool is_closed_ = false;
  io::WaitList closed_;
};

io::Task<void> PipeListener::Shared::accept_loop(std::shared_ptr<Shared> shared) {
  while (!shared->is_closed_) {
    co_await shared->socket_.readable();
    if (shared->is_closed_) co_return;
    const int error = shared->accept_some();
    if (error == 0) continue;
    kLog.warn("{}: cannot accept connections now: {}; trying again in {} ms",
              shared->local_address_.to_text(), std::system_category().message(error), kPause.count());
    co_await shared->closed_.wait_until(shared->loop_.now().engine + kPause);
  }
}

// 0, or the errno that asks for a pause.
int PipeListener::Shared::accept_some() {
  for (int turn = 0; turn < kAcceptsPerTurn; ++turn) {
    const int descriptor = ::accept4(socket_.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      start(descriptor);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (is_out_of_resources(errno)) return errno;
    // Anything else is about one connection that has gone already (accept(2), "Error handling").
  }
  return 0;
}

void PipeListener::Shared::start(int descriptor) {
  io::Socket socket(loop_, descriptor);
  auto slot = queue_->take_slot(local_address_.to_text());
  if (!slot) return;
  std::string name = hooks_.on_accepted(descriptor);
  io::PipeNames names{
      .transport = hooks_.transport, .local_address = local_address_.to_text(), .remote_address = name};
  auto engine =
      framed::Connection::listener(framed_config(config_), random_, filter_, as_bytes(name), loop_.now());
  io::Pipe pipe{.socket = std::move(socket),
                .engine = std::move(engine),
                .names = std::move(names),
                .measure = hooks_.measure,
                .dependencies = shared_from_this()};
  auto core = io::PipeDriver::start(loop_, std::move(pipe), pipe_config(config_), receive_limits(config_));
  core->keep(std::move(slot));
  queue_->add(std::move(core), std::move(name));
}

void PipeListener::Shared::close() {
  if (std::exchange(is_closed_, true)) return;
  socket_.close();
  queue_->close();
  closed_.notify_all();
  if (hooks_.on_closed) hooks_.on_closed();
}

// ---- PipeListener ----

PipeListener::PipeListener(io::EventLoop& loop, io::Socket socket, Address local_address,
                           const TransportConfig& config, PipeListenerHooks hooks,
                           std::shared_ptr<AdmissionQueue> queue)
    : shared_(std::make_shared<Shared>(loop, std::move(socket), std::move(local_address), config,
                                       std::move(hooks), std::move(queue))) {
  loop.spawn(Shared::accept_loop(shared_));
}

PipeListener::~PipeListener() { shared_->close(); }
io::Task<std::optional<io::Connection>> PipeListener::accept() {
  return AdmissionQueue::next(shared_->queue());
}
void PipeListener::close() { shared_->close(); }
Address PipeListener::local_address() const { return shared_->local_address(); }

}  // namespace jetway::transport
