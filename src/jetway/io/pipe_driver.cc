#include "jetway/io/pipe_driver.h"

#include <algorithm>
#include <utility>

#include "jetway/io/log.h"

namespace jetway::io {

namespace {

// What one turn of a driving coroutine moves at most before others have theirs.
constexpr int kReadsPerTurn = 8;
constexpr int kSendsPerTurn = 8;

}  // namespace

PipeDriver::PipeDriver(EventLoop& loop, Pipe pipe, const PipeConfig& config)
    : loop_(loop),
      socket_(std::move(pipe.socket)),
      engine_(std::move(pipe.engine)),
      names_(std::move(pipe.names)),
      measure_(pipe.measure),
      dependencies_(std::move(pipe.dependencies)),
      config_(config),
      timer_(loop, [this] { on_timer(); }),
      transmit_capacity_(engine_.min_transmit_bytes()),
      output_wanted_(loop),
      read_over_(loop) {}

std::shared_ptr<ConnectionCore> PipeDriver::start(EventLoop& loop, Pipe pipe, const PipeConfig& config,
                                                  const ReceiveLimits& limits) {
  auto own = std::make_unique<PipeDriver>(loop, std::move(pipe), config);
  PipeDriver* const driver = own.get();
  auto core = std::make_shared<ConnectionCore>(loop, std::move(own), limits);
  driver->core_ = core.get();
  core->settle();
  loop.spawn(read_loop(core, driver));
  loop.spawn(write_loop(core, driver));
  return core;
}

// ---- from the pipe ----

Task<void> PipeDriver::read_loop([[maybe_unused]] Core core, PipeDriver* pipe) {
  while (pipe->socket_.is_open() && !pipe->is_read_over_) {
    co_await pipe->socket_.readable();
    if (pipe->socket_.is_open()) pipe->receive_some();
  }
}

void PipeDriver::receive_some() {
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    if (engine_.is_closed()) return discard_some();
    const MutableBytes room = engine_.prepare_receive();
    const auto received = socket_.receive(room);
    if (!received) return on_pipe_failed(received.error().message());
    if (*received == Socket::kWouldBlock) return;
    if (*received == 0) return on_read_end();
    engine_.handle_received(loop_.now(), *received);
    core_->settle();
    if (*received < room.size()) return;  // that was all there is
  }
}

// All is said; only the end of what the peer sends is waited for.
void PipeDriver::discard_some() {
  const auto received = socket_.receive(engine_.prepare_receive());
  if (!received || *received == 0) on_read_end();
}

void PipeDriver::on_read_end() {
  is_read_over_ = true;
  engine_.handle_pipe_closed(loop_.now());
  core_->settle();
  read_over_.notify_all();
}

// ---- to the pipe ----

Task<void> PipeDriver::write_loop(Core core, PipeDriver* pipe) {
  for (;;) {
    switch (pipe->send_some()) {
      case Sent::More:
        co_await pipe->loop_.yield();
        break;
      case Sent::WouldBlock: {
        const auto patience =
            core->is_connected() ? pipe->config_.stalled_timeout : pipe->config_.linger_timeout;
        if (!co_await pipe->socket_.writable(pipe->loop_.now().engine + patience)) {
          pipe->on_pipe_failed("the peer takes nothing any more");
        }
        break;
      }
      case Sent::Failed:
        co_return pipe->finish();
      case Sent::All:
        if (pipe->engine_.is_closed()) {
          co_await pipe->linger();
          co_return pipe->finish();
        }
        co_await pipe->output_wanted_.wait();
        break;
    }
  }
}

// Seals and sends until there is nothing more, or for one turn.
PipeDriver::Sent PipeDriver::send_some() {
  for (int turn = 0; turn < kSendsPerTurn; ++turn) {
    if (!socket_.is_open()) return Sent::Failed;
    if (unsent_begin_ == unsent_end_) {
      if (!engine_.wants_to_send()) return Sent::All;
      seal_some();
      core_->settle();
      if (unsent_end_ == 0) continue;
    }
    const auto sent = socket_.send({transmit_.get() + unsent_begin_, unsent_end_ - unsent_begin_});
    if (!sent) {
      on_pipe_failed(sent.error().message());
      return Sent::Failed;
    }
    if (*sent == Socket::kWouldBlock) return Sent::WouldBlock;
    unsent_begin_ += *sent;
  }
  return Sent::More;
}

// Fills the transmit buffer. It starts with room for one packet, which is all that most connections need, and
// has its full size once that was not enough: a multiple of the largest packet, so that none is cut short to
// fit.
void PipeDriver::seal_some() {
  const std::size_t packet_bytes = engine_.min_transmit_bytes();
  const std::size_t full_bytes =
      std::max<std::size_t>(1, config_.transmit_buffer_bytes / packet_bytes) * packet_bytes;
  const bool is_more_needed = unsent_end_ > transmit_capacity_ / 2;
  if (is_more_needed && transmit_capacity_ < full_bytes) {
    transmit_capacity_ = full_bytes;
    transmit_.reset();
  }
  if (!transmit_) transmit_ = std::make_unique_for_overwrite<std::byte[]>(transmit_capacity_);
  unsent_begin_ = 0;
  unsent_end_ = engine_.poll_transmit(loop_.now(), {transmit_.get(), transmit_capacity_});
}

// ---- progress, and the end ----

void PipeDriver::on_progress() {
  while (auto event = engine_.poll_event()) core_->on_engine_event(*event);
  if (engine_.wants_to_send() || engine_.is_closed()) output_wanted_.notify_all();
  arm_timer();
}

void PipeDriver::on_timer() {
  // The deadline may have moved on since the timer was set: then it is only set again.
  const Now now = loop_.now();
  if (const auto deadline = engine_.next_timeout(); deadline && *deadline <= now.engine) {
    engine_.handle_timeout(now);
  }
  core_->settle();
}

void PipeDriver::arm_timer() {
  if (is_finished_) return;
  const auto deadline = engine_.next_timeout();
  if (deadline && (!timer_.deadline() || *deadline < *timer_.deadline())) timer_.set(*deadline);
}

// After our goodbye the peer closes its end. Closing ours while something of the peer's is unread would take
// the goodbye back (a TCP reset drops what is on the way).
Task<void> PipeDriver::linger() {
  if (core_->close_reason()->by == session::CloseReason::By::Peer) co_return;
  socket_.shutdown_send();
  const TimePoint deadline = loop_.now().engine + config_.linger_timeout;
  while (!is_read_over_ && socket_.is_open() && loop_.now().engine < deadline) {
    co_await read_over_.wait_until(deadline);
  }
}

void PipeDriver::on_pipe_failed(std::string_view text) {
  kLog.debug("{} {}: {}", names_.transport, names_.remote_address, text);
  engine_.handle_pipe_closed(loop_.now(), text);
  core_->settle();
  finish();
}

void PipeDriver::abort() {
  if (!is_finished_) on_pipe_failed("given up");
}

void PipeDriver::finish() {
  if (std::exchange(is_finished_, true)) return;
  last_statistics_ = path_statistics();
  socket_.close();
  timer_.cancel();
  dependencies_.reset();
  transmit_.reset();
  output_wanted_.notify_all();
  read_over_.notify_all();
  core_->on_driver_done();
}

session::PathStatistics PipeDriver::path_statistics() const {
  if (!socket_.is_open()) return last_statistics_;
  session::PathStatistics statistics =
      measure_ == nullptr ? session::PathStatistics{} : measure_(socket_.descriptor());
  if (!statistics.rtt) statistics.rtt = engine_.session().rtt();
  return statistics;
}

}  // namespace jetway::io
