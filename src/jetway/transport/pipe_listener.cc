#include "jetway/transport/pipe_listener.h"

#include <cerrno>
#include <deque>
#include <system_error>
#include <utility>

#include <sys/socket.h>

#include "jetway/crypto/init_filter.h"
#include "jetway/crypto/system_random.h"
#include "jetway/io/connection_core.h"
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
         PipeListenerHooks hooks)
      : loop_(loop),
        socket_(std::move(socket)),
        local_address_(std::move(local_address)),
        config_(config),
        hooks_(std::move(hooks)),
        filter_(config.init_filter, random_),
        changed_(loop) {}

  static io::Task<void> accept_loop(std::shared_ptr<Shared> shared);
  static io::Task<std::optional<io::Connection>> next(std::shared_ptr<Shared> shared);
  void close();
  const Address& local_address() const { return local_address_; }

 private:
  // A peer that has authenticated itself and was not handed out yet.
  struct Ready {
    io::Connection connection;
    std::shared_ptr<io::ConnectionCore> core;
  };
  // One of connections_max, held until the pipe is closed.
  class Slot {
   public:
    explicit Slot(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) { ++shared_->open_; }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() { --shared_->open_; }

   private:
    std::shared_ptr<Shared> shared_;
  };

  static io::Task<void> authenticate(std::shared_ptr<Shared> shared, std::shared_ptr<io::ConnectionCore> core,
                                     std::string name);
  static io::Task<void> count_until_decided(std::shared_ptr<Shared> shared,
                                            std::shared_ptr<io::ConnectionCore> core);
  int accept_some();
  void start(int descriptor);
  void log_full();

  io::EventLoop& loop_;
  io::Socket socket_;
  Address local_address_;
  TransportConfig config_;
  PipeListenerHooks hooks_;
  crypto::SystemRandom random_;
  crypto::InitFilter filter_;

  bool is_closed_ = false;
  std::size_t open_ = 0;        // connections, those in the handshake included
  std::size_t unadmitted_ = 0;  // handed out and not decided about
  std::deque<Ready> ready_;     // bounded by connections_max
  io::WaitList changed_;
  bool is_full_logged_ = false;
};

io::Task<void> PipeListener::Shared::accept_loop(std::shared_ptr<Shared> shared) {
  while (!shared->is_closed_) {
    co_await shared->socket_.readable();
    if (shared->is_closed_) co_return;
    const int error = shared->accept_some();
    if (error == 0) continue;
    kLog.warn("{}: cannot accept connections now: {}; trying again in {} ms",
              shared->local_address_.to_text(), std::system_category().message(error), kPause.count());
    co_await shared->changed_.wait_until(shared->loop_.now().engine + kPause);
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
  if (open_ >= config_.connections_max) return log_full();
  is_full_logged_ = false;
  std::string name = hooks_.on_accepted(descriptor);
  io::PipeNames names{
      .transport = hooks_.transport, .local_address = local_address_.to_text(), .remote_address = name};
  auto engine = framed::Connection::listener(config_.framed, random_, filter_, as_bytes(name), loop_.now());
  auto core = io::ConnectionCore::start(loop_, std::move(socket), std::move(engine), std::move(names),
                                        pipe_config(config_), std::make_shared<Slot>(shared_from_this()));
  loop_.spawn(authenticate(shared_from_this(), std::move(core), std::move(name)));
}

void PipeListener::Shared::log_full() {
  if (std::exchange(is_full_logged_, true)) return;  // once until there is room again
  kLog.warn("{}: {} connections are open, more are turned away", local_address_.to_text(), open_);
}

io::Task<void> PipeListener::Shared::authenticate(std::shared_ptr<Shared> shared,
                                                  std::shared_ptr<io::ConnectionCore> core,
                                                  std::string name) {
  auto connection = co_await io::ConnectionCore::authenticated(core);
  if (!connection) {
    kLog.info("{}", to_error(connection.error(), name).detail);
    co_return;
  }
  if (shared->is_closed_) {
    connection->refuse("the listener is closing");
    co_return;
  }
  shared->ready_.push_back({.connection = *std::move(connection), .core = std::move(core)});
  shared->changed_.notify_all();
}

io::Task<void> PipeListener::Shared::count_until_decided(std::shared_ptr<Shared> shared,
                                                         std::shared_ptr<io::ConnectionCore> core) {
  co_await io::ConnectionCore::decided(std::move(core));
  --shared->unadmitted_;
}

io::Task<std::optional<io::Connection>> PipeListener::Shared::next(std::shared_ptr<Shared> shared) {
  for (;;) {
    while (!shared->is_closed_ && shared->ready_.empty()) co_await shared->changed_.wait();
    if (shared->is_closed_) co_return std::nullopt;
    Ready next = std::move(shared->ready_.front());
    shared->ready_.pop_front();
    if (!next.connection.is_connected()) continue;
    // Whoever decides at once has had its turn after this; what is left are peers that wait for a person.
    if (shared->unadmitted_ >= shared->config_.unadmitted_max) co_await shared->loop_.yield();
    if (shared->unadmitted_ >= shared->config_.unadmitted_max) {
      kLog.warn("{}: refused, {} peers wait to be admitted already", next.connection.info().remote_address,
                shared->unadmitted_);
      next.connection.refuse("too many peers wait to be admitted");
      continue;
    }
    ++shared->unadmitted_;
    shared->loop_.spawn(count_until_decided(shared, next.core));
    co_return std::move(next.connection);
  }
}

void PipeListener::Shared::close() {
  if (std::exchange(is_closed_, true)) return;
  socket_.close();
  for (Ready& waiting : ready_) waiting.connection.refuse("the listener is closing");
  ready_.clear();
  changed_.notify_all();
  if (hooks_.on_closed) hooks_.on_closed();
}

// ---- PipeListener ----

PipeListener::PipeListener(io::EventLoop& loop, io::Socket socket, Address local_address,
                           const TransportConfig& config, PipeListenerHooks hooks)
    : shared_(std::make_shared<Shared>(loop, std::move(socket), std::move(local_address), config,
                                       std::move(hooks))) {
  loop.spawn(Shared::accept_loop(shared_));
}

PipeListener::~PipeListener() { shared_->close(); }
io::Task<std::optional<io::Connection>> PipeListener::accept() { return Shared::next(shared_); }
void PipeListener::close() { shared_->close(); }
Address PipeListener::local_address() const { return shared_->local_address(); }

}  // namespace jetway::transport
