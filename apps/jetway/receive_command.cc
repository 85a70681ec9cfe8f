#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <format>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include "apps/jetway/interrupt.h"
#include "apps/jetway/messages.h"
#include "apps/jetway/program.h"
#include "apps/jetway/question.h"
#include "apps/jetway/reachable_host.h"
#include "apps/jetway/reporters.h"
#include "jetway/base/text.h"
#include "jetway/io/semaphore.h"
#include "jetway/io/task_group.h"
#include "jetway/io/wait_list.h"
#include "jetway/node/admission.h"
#include "jetway/node/connection_config.h"
#include "jetway/node/receive_job.h"
#include "jetway/node/shell.h"
#include "jetway/store/state_db.h"
#include "jetway/transport/transport.h"

namespace jetway::command {

namespace {

// How long a person may think about a transfer that is offered.
constexpr std::chrono::minutes kOfferPatience{10};
// After a signal or the one transfer of --once: how long connections may take to end by themselves.
constexpr std::chrono::seconds kClosingGrace{3};

std::optional<Problem> check_target(const std::string& directory) {
  struct stat status{};
  const std::string name = escape_text(directory);
  if (::stat(directory.c_str(), &status) != 0) {
    const bool is_missing = errno == ENOENT;
    return Problem{ExitCode::LocalIo, std::format("cannot receive into {}: {}", name, std::strerror(errno)),
                   is_missing ? std::format("run: mkdir -p {}", node::shell_quoted(directory)) : ""};
  }
  if (!S_ISDIR(status.st_mode)) {
    return Problem{ExitCode::LocalIo, std::format("cannot receive into {}: it is not a folder", name), ""};
  }
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    return Problem{ExitCode::LocalIo, std::format("cannot receive into {}: {}", name, std::strerror(errno)),
                   "name a folder that you may write to: --dir DIR"};
  }
  return std::nullopt;
}

// The --allow list: ids, or names of known peers.
std::expected<std::vector<crypto::PeerId>, Problem> allowed_ids(const std::vector<std::string>& texts,
                                                                const crypto::KnownPeers& known) {
  std::vector<crypto::PeerId> ids;
  for (const std::string& text : texts) {
    const crypto::KnownPeer* named = known.find(text);
    const auto id = named != nullptr ? std::optional{named->peer} : crypto::PeerId::from_text(text);
    if (!id) {
      return std::unexpected(
          Problem{ExitCode::Usage,
                  std::format("--allow {}: neither a peer id nor a name in known_peers", escape_text(text)),
                  "`jetway id` prints the id of a peer"});
    }
    ids.push_back(*id);
  }
  return ids;
}

struct Setup {
  std::shared_ptr<const crypto::Identity> identity;
  node::AdmissionPolicy policy;
  std::vector<transport::Address> addresses;
};

class ReceiveCommand {
 public:
  ReceiveCommand(Program& program, Setup setup, store::StateDb& state)
      : program_(program),
        setup_(std::move(setup)),
        reporters_(program, loop_),
        receiver_(loop_, state, options()),
        connections_(loop_),
        one_question_(loop_, 1),
        ended_(loop_) {
    setup_.policy.can_ask = questioner_.can_ask();
  }

  ExitCode run() { return loop_.run_until_done(receive()); }

 private:
  Reporter& reporter() { return reporters_.active(); }
  const node::ReceiveSettings& settings() const { return program_.config().receive; }

  io::Task<ExitCode> receive() {
    const auto interrupt = std::make_shared<Interrupt>();
    interrupt->on_signal = [this] { end(); };
    loop_.spawn(watch_signals(loop_, interrupt));
    loop_.spawn(tick(loop_, reporter()));
    co_await loop_.sleep(Duration{0});  // signals are caught before anybody hears that we listen
    for (const transport::Address& address : setup_.addresses) {
      if (const auto problem = listen(address)) {
        interrupt->on_signal = nullptr;
        reporter().on_problem(*problem);
        co_return problem->exit_code;
      }
    }
    for (const auto& listener : listeners_) connections_.spawn(accept_from(*listener));

    while (!has_ended_) co_await ended_.wait();
    for (const auto& listener : listeners_) listener->close();
    loop_.spawn(close_after_grace());
    co_await connections_.join();
    interrupt->on_signal = nullptr;
    if (once_result_) co_return *once_result_;
    const bool is_at_rest = interrupt->signal == SIGTERM && !was_cut_ && !settings().once;
    co_return is_at_rest ? ExitCode::Done : ExitCode::Interrupted;
  }

  // Nothing new begins, and what runs is brought to an orderly end.
  void end() {
    has_ended_ = true;
    questioner_.cancel();
    stop_.request_stop();
    ended_.notify_all();
  }

  io::Task<void> close_after_grace() {
    co_await loop_.sleep(kClosingGrace);
    const auto open = open_;
    for (auto [number, connection] : open) co_await connection.close(0, "the receiver ends");
  }

  std::optional<Problem> listen(const transport::Address& address) {
    const auto& transport = transports_.emplace_back(transport::make_transport(address));
    auto listener =
        transport->listen(loop_, address, node::transport_config(program_.config().network, setup_.identity));
    if (!listener) {
      std::string hint;
      if (listener.error().code == transport::TransportErrc::AddressInUse) {
        hint = "another program listens there; choose another port: --listen :4718";
      }
      return Problem{exit_code(listener.error()), listener.error().detail, hint};
    }
    const transport::Address bound = (*listener)->local_address();
    listeners_.push_back(std::move(*listener));
    reporter().on_listening(
        {escape_text(bound.to_text()), setup_.identity->peer_id(), send_command(reachable_address(bound))});
    return std::nullopt;
  }

  std::string send_command(const transport::Address& address) const {
    return std::format(
        "jetway send FILE --to {}",
        node::shell_quoted(std::format("{}@{}", setup_.identity->peer_id().to_text(), address.to_text())));
  }

  io::Task<void> accept_from(transport::Listener& listener) {
    while (auto connection = co_await listener.accept()) connections_.spawn(serve(std::move(*connection)));
  }

  io::Task<void> serve(io::Connection connection) {
    if (!co_await is_admitted(connection)) co_return;
    connection.admit();
    reporter().on_connected(connection.info());
    const auto observer = reporter().observe(Side::Receiver, connection);
    const std::uint64_t number = next_number_++;
    open_.emplace(number, connection);
    const node::ServeResult result = co_await receiver_.serve(connection, *observer);
    open_.erase(number);
    was_cut_ = was_cut_ || (has_ended_ && result.failed > 0);
    const bool has_had_one = result.completed + result.failed > 0;
    if (!settings().once || !has_had_one || has_ended_) co_return;
    once_result_ =
        result.first_failure ? static_cast<ExitCode>(node::exit_code(*result.first_failure)) : ExitCode::Done;
    end();
  }

  io::Task<bool> is_admitted(io::Connection& connection) {
    const io::ConnectionInfo info = connection.info();
    std::string_view reason =
        setup_.policy.only.empty() ? "this peer is not known here" : "this peer is not on the list";
    switch (node::decide_admission(setup_.policy, info.peer)) {
      case node::Admission::Admit:
        co_return true;
      case node::Admission::Refuse:
        break;
      case node::Admission::Ask:
        if (co_await ask(admission_question(info.peer, info.remote_address), DefaultAnswer::No,
                         program_.config().network.admission_timeout)) {
          remember(info.peer);
          co_return true;
        }
        reason = "the person at the receiver said no";
        break;
    }
    connection.refuse(reason);
    reporter().on_peer_refused({info.peer, info.remote_address, reason});
    co_return false;
  }

  // One question at a time; the loop goes on meanwhile.
  io::Task<bool> ask(std::string question, DefaultAnswer default_answer, std::chrono::milliseconds timeout) {
    co_await one_question_.acquire();
    reporter().on_question();
    const bool answer = co_await loop_.offload([this, &question, default_answer, timeout] {
      return questioner_.ask(question, default_answer, timeout);
    });
    reporter().on_answer();
    one_question_.release();
    co_return answer;
  }

  void remember(const crypto::PeerId& peer) {
    const auto today = std::chrono::floor<std::chrono::days>(loop_.now().wall);
    crypto::KnownPeer entry{peer.to_text(), peer, today, ""};
    if (const auto stored = program_.allowed_peers().remember(entry); !stored) {
      reporter().on_warning(stored.error().text);
    }
    if (!setup_.policy.remembered.is_known(peer)) {
      [[maybe_unused]] const auto added = setup_.policy.remembered.add(std::move(entry));
    }
  }

  node::ReceiveOptions options() {
    node::ReceiveOptions options;
    options.target = settings().dir;
    options.state_directory = program_.paths.state;
    options.on_collision = settings().on_collision;
    options.fsync = settings().fsync;
    options.allow_outside_links = settings().allow_outside_links;
    const auto is_meant = [&](std::string_view key) {
      return settings().any || program_.loaded.origin_of(key).origin != node::Origin::Default;
    };
    if (is_meant("receive.max_bytes")) options.max_bytes = settings().max_bytes.bytes;
    if (is_meant("receive.max_files")) options.max_files = settings().max_files;
    options.tuning = node::transfer_tuning(program_.config().transfer);
    options.stop = stop_.get_token();
    if (questioner_.can_ask() && !settings().yes) {
      options.confirm = [this](const node::OfferSummary& offer) {
        return ask(accept_question(offer), DefaultAnswer::Yes, kOfferPatience);
      };
    }
    return options;
  }

  Program& program_;
  Setup setup_;
  Questioner questioner_;
  std::stop_source stop_;
  io::EventLoop loop_;
  Reporters reporters_;
  node::Receiver receiver_;
  std::vector<std::unique_ptr<transport::Transport>> transports_;
  std::vector<std::unique_ptr<transport::Listener>> listeners_;
  std::map<std::uint64_t, io::Connection> open_;  // admitted
  std::uint64_t next_number_ = 0;
  io::TaskGroup connections_;
  io::Semaphore one_question_;
  io::WaitList ended_;
  bool has_ended_ = false;
  bool was_cut_ = false;  // a transfer was under way when the end came
  std::optional<ExitCode> once_result_;
};

std::expected<Setup, Problem> prepare(Program& program) {
  const node::ReceiveSettings& settings = program.config().receive;
  if (const auto problem = check_target(settings.dir)) return std::unexpected(*problem);
  auto identity = program.load_identity();
  if (!identity) return std::unexpected(problem_of(identity.error()));
  const auto known = program.known_peers().read();
  if (!known) return std::unexpected(problem_of(known.error()));
  auto remembered = program.allowed_peers().read();
  if (!remembered) return std::unexpected(problem_of(remembered.error()));
  auto only = allowed_ids(settings.allow, *known);
  if (!only) return std::unexpected(std::move(only.error()));

  Setup setup;
  setup.identity = std::move(identity->identity);
  setup.policy = {settings.any, std::move(*only), std::move(*remembered), false};
  for (const std::string& text : settings.listen) {
    auto address = transport::Address::parse(text);
    if (!address) {
      return std::unexpected(Problem{
          ExitCode::Usage, std::format("--listen {}: {}", escape_text(text), address.error().detail), ""});
    }
    setup.addresses.push_back(std::move(*address));
  }
  return setup;
}

}  // namespace

ExitCode run_receive(Program& program) {
  end_on_signals();
  auto setup = prepare(program);
  if (!setup) return show_problem(program, setup.error());
  auto state = store::StateDb::open(program.paths.state.native(), {});
  if (!state) {
    return show_problem(program, {ExitCode::LocalIo, store::describe(state.error()), ""});
  }
  if (!state->set_aside.empty()) {
    program.screen->print(
        std::format("warning: the state database was damaged and is now {}", escape_text(state->set_aside)));
  }
  return ReceiveCommand{program, std::move(*setup), state->db}.run();
}

}  // namespace jetway::command
