#include "jetway/transport/dialing.h"

#include <algorithm>
#include <format>
#include <optional>
#include <utility>

#include "jetway/base/text.h"
#include "jetway/io/wait_list.h"

namespace jetway::transport {

namespace {

// One candidate was refused: another that has heard nothing by then will not either.
constexpr std::chrono::seconds kPatienceAfterRefusal{2};

struct Runner {
  std::shared_ptr<DialProgress> progress = std::make_shared<DialProgress>();
  std::optional<TransportError> error;
};

struct DialRace {
  explicit DialRace(io::EventLoop& owner) : loop(owner), changed(owner) {}

  std::size_t running() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(runners, [](const auto& runner) { return !runner->error; }));
  }
  bool has_heard() const {
    return std::ranges::any_of(runners, [](const auto& runner) {
      return !runner->error && runner->progress->core && runner->progress->core->has_heard();
    });
  }
  bool is_over() const { return winner || verdict; }
  // The losers; what they find out later is of no interest.
  void give_up_others() {
    for (const auto& runner : runners) {
      runner->progress->is_given_up = true;
      const auto& core = runner->progress->core;
      if (core && core != winner) core->abort();
    }
  }

  io::EventLoop& loop;
  io::WaitList changed;
  std::vector<std::shared_ptr<Runner>> runners;
  std::shared_ptr<io::ConnectionCore> winner;
  std::optional<TransportError> verdict;  // the peer's own word
  std::optional<TimePoint> give_up_at;
};

bool is_peers_word(const TransportError& error) {
  return error.handshake || error.code == TransportErrc::Refused;
}

io::Task<void> run(std::shared_ptr<DialRace> race, std::shared_ptr<Runner> runner, Candidate candidate) {
  Dialed dialed = co_await candidate.dial(runner->progress);
  if (dialed && !race->is_over()) {
    race->winner = *std::move(dialed);
  } else if (dialed) {
    (*dialed)->abort();
  } else {
    if (!race->is_over() && is_peers_word(dialed.error())) race->verdict = dialed.error();
    if (dialed.error().code == TransportErrc::ConnectFailed && !race->give_up_at) {
      race->give_up_at = race->loop.now().engine + kPatienceAfterRefusal;
    }
    runner->error = std::move(dialed.error());
  }
  race->changed.notify_all();
}

// The last candidate is the one that gets through where the others do not: its code is what it comes to.
TransportError sum_of(const std::vector<std::shared_ptr<Runner>>& runners) {
  TransportError sum = *runners.back()->error;
  sum.detail.clear();
  for (const auto& runner : runners) {
    if (!sum.detail.empty()) sum.detail += "; ";
    sum.detail += runner->error->detail;
  }
  return sum;
}

// Until the race is over, nobody runs any more, or `deadline`.
io::Task<void> wait_until(std::shared_ptr<DialRace> race, TimePoint deadline) {
  while (!race->is_over() && race->running() > 0) {
    const TimePoint next = std::min(deadline, race->give_up_at.value_or(kNever));
    const TimePoint now = race->loop.now().engine;
    if (now >= deadline) co_return;
    if (now >= next) {  // refused here, and silence there
      race->give_up_at.reset();
      if (!race->has_heard()) {
        for (const auto& runner : race->runners) {
          if (runner->error || !runner->progress->core) continue;
          runner->progress->is_given_up = true;
          runner->progress->core->abort();
        }
      }
      continue;
    }
    if (next == kNever) {
      co_await race->changed.wait();
    } else {
      co_await race->changed.wait_until(next);
    }
  }
}

}  // namespace

io::Task<Dialed> race(io::EventLoop* loop, std::vector<Candidate> candidates) {
  const auto race = std::make_shared<DialRace>(*loop);
  std::ranges::stable_sort(candidates, {}, &Candidate::delay);
  const TimePoint begin = loop->now().engine;
  for (Candidate& candidate : candidates) {
    co_await wait_until(race, begin + candidate.delay);
    if (!race->is_over() && race->has_heard()) co_await wait_until(race, kNever);
    if (race->is_over()) break;
    const auto& runner = race->runners.emplace_back(std::make_shared<Runner>());
    loop->spawn(run(race, runner, std::move(candidate)));
  }
  co_await wait_until(race, kNever);
  race->give_up_others();
  if (race->winner) co_return race->winner;
  if (race->verdict) co_return std::unexpected(*std::move(race->verdict));
  co_return std::unexpected(sum_of(race->runners));
}

io::Task<std::expected<io::Connection, TransportError>> admission_of(std::shared_ptr<io::ConnectionCore> core,
                                                                     std::string name) {
  auto connection = co_await io::ConnectionCore::admitted(std::move(core));
  if (!connection) co_return std::unexpected(to_error(connection.error(), name));
  co_return *std::move(connection);
}

TransportError to_error(const io::ConnectFailure& failure, const std::string& name) {
  using By = session::CloseReason::By;
  const session::CloseReason& reason = failure.reason;
  const auto error = [&](TransportErrc code, std::string_view text) {
    return TransportError{
        .code = code, .detail = std::format("{}: {}", name, text), .handshake = failure.handshake};
  };
  if (failure.handshake) return error(TransportErrc::HandshakeFailed, failure.handshake->reason);
  const std::string text = escape_text(reason.text);
  switch (reason.by) {
    case By::Peer:
      if (reason.code == std::to_underlying(session::ProtocolCode::Refused)) {
        return error(TransportErrc::Refused,
                     text.empty() ? "the peer refused us" : "the peer refused us: " + text);
      }
      return error(TransportErrc::Lost, text.empty() ? "the peer closed the connection"
                                                     : "the peer closed the connection: " + text);
    case By::PipeClosed:
      return error(TransportErrc::Lost, text);
    case By::IdleTimeout:
    case By::Us:  // not admitted in time: nobody else closes a connection that has not been handed out
      return error(TransportErrc::Timeout, text);
    case By::Error:
      return error(TransportErrc::HandshakeFailed, text);
  }
  std::unreachable();
}

}  // namespace jetway::transport
